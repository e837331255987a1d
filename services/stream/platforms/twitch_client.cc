#include "services/stream/platforms/twitch_client.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/http/url.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"
#include "services/stream/platforms/answer_client.h"

namespace stream::platforms {
namespace {

using common::Time;
using common::config::Secret;
using common::errors::Make;
using common::http::FormEncode;
using common::http::OutgoingRequest;
using common::http::Params;
using common::http::Response;
using ingest::JsonReader;
using privacy::PlatformUserId;

// A token is renewed this long before it ends.
constexpr std::chrono::minutes kExpiryMargin{5};
constexpr size_t kStreamsPerCall = 50;  // Helix takes 100
constexpr const char* kSubscriptions = "/helix/eventsub/subscriptions";

absl::Status Unavailable() {
  return Make(kPlatformUnavailable, "Twitch did not answer as expected");
}
absl::Status GrantEnded() { return Make(kLinkInactive, "Twitch ended the grant"); }

std::string UserIdText(const PlatformUserId& id) {
  return id.Use([](std::string_view bytes) { return std::string(bytes); });
}

// Calls on_member for each member of each element of "data", and on_end after each element. False
// when the body is something else.
template <class OnMember, class OnEnd>
bool ReadData(JsonReader& json, OnMember&& on_member, OnEnd&& on_end) {
  return json.Array([&] {
    json.Object([&](std::string_view member) { on_member(member); });
    on_end();
  });
}

void ReadText(JsonReader& json, std::string& out) {
  std::string_view text;
  if (json.String(text)) out = text;
}

struct FoundStream {
  std::optional<PlatformUserId> channel;
  std::optional<Time> started_at;
  LiveStream live;
};

void ReadStreamMember(JsonReader& json, std::string_view member, FoundStream& stream) {
  std::string_view text;
  int64_t count = 0;
  if (member == "id") {
    ReadText(json, stream.live.stream_id);
  } else if (member == "user_id") {
    if (json.String(text)) stream.channel = PlatformUserId::From(text);
  } else if (member == "started_at") {
    if (json.String(text)) stream.started_at = common::ParseTime(text);
  } else if (member == "viewer_count") {
    if (json.Int(count)) {
      stream.live.viewer_count = static_cast<int>(std::clamp<int64_t>(count, 0, INT32_MAX));
    }
  } else {
    json.Skip();
  }
}

// nullopt when the body is no answer of /helix/streams.
std::optional<std::vector<FoundStream>> ReadStreams(const std::string& body) {
  std::vector<FoundStream> streams;
  bool listed = false;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key != "data") {
      json.Skip();
      return;
    }
    listed = true;
    FoundStream stream;
    ReadData(
        json, [&](std::string_view member) { ReadStreamMember(json, member, stream); },
        [&] { streams.push_back(std::exchange(stream, {})); });
  });
  if (!json.Finish() || !listed) return std::nullopt;
  for (const FoundStream& stream : streams) {
    if (!stream.channel || !stream.started_at || stream.live.stream_id.empty()) return std::nullopt;
  }
  return streams;
}

void ReadTransport(JsonReader& json, Subscription& subscription) {
  json.Object([&](std::string_view key) {
    if (key == "callback") {
      ReadText(json, subscription.callback);
    } else {
      json.Skip();
    }
  });
}

// nullopt when the body is no page of subscriptions.
std::optional<TwitchClient::Page> ReadPage(const std::string& body) {
  TwitchClient::Page page;
  bool listed = false;
  JsonReader json(body);
  Subscription subscription;
  const auto read_member = [&](std::string_view member) {
    if (member == "id") {
      ReadText(json, subscription.id);
    } else if (member == "status") {
      ReadText(json, subscription.status);
    } else if (member == "type") {
      ReadText(json, subscription.type);
    } else if (member == "version") {
      ReadText(json, subscription.version);
    } else if (member == "transport") {
      ReadTransport(json, subscription);
    } else {
      json.Skip();
    }
  };
  json.Object([&](std::string_view key) {
    if (key == "data") {
      listed = true;
      ReadData(json, read_member,
               [&] { page.subscriptions.push_back(std::exchange(subscription, {})); });
    } else if (key == "pagination" && json.Peek() == '{') {
      json.Object([&](std::string_view member) {
        if (member == "cursor" && json.Peek() == '"') {
          ReadText(json, page.next);
        } else {
          json.Skip();
        }
      });
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || !listed) return std::nullopt;
  return page;
}

// The grant is dead when Twitch says so of this token; a wrong client secret or a broken answer is
// no reason to give a link up.
bool RefusesRefresh(const Response& response) {
  return (response.status == 400 || response.status == 401) &&
         common::http::EqualsIgnoringCase(FindText(response.body, "message"),
                                          "Invalid refresh token");
}

std::string ConditionOf(const EventType& type, const PlatformUserId& channel) {
  const std::string id = UserIdText(channel);
  if (type.condition == Condition::kRaided) {
    return nlohmann::json({{"to_broadcaster_user_id", id}}).dump();
  }
  nlohmann::json condition = {{"broadcaster_user_id", id}};
  if (type.condition == Condition::kModerator) condition["moderator_user_id"] = id;
  if (type.condition == Condition::kUser) condition["user_id"] = id;
  return condition.dump();
}

}  // namespace

std::string TwitchClient::AuthorizationUrl(const AuthorizationRequest& request) const {
  return options_.id_url + "/oauth2/authorize?" +
         FormEncode({{"client_id", options_.client_id},
                     {"redirect_uri", request.redirect_uri},
                     {"response_type", "code"},
                     {"scope", ScopesOfAllTypes()},
                     {"state", request.state},
                     // Else an earlier grant would choose the account without asking.
                     {"force_verify", "true"}});
}

absl::StatusOr<Response> TwitchClient::AskForTokens(const Params& grant) {
  Params form = grant;
  form.emplace_back("client_id", options_.client_id);
  form.emplace_back("client_secret", options_.client_secret.Reveal());
  return PostForm(http_, options_.id_url + "/oauth2/token", form);
}

absl::StatusOr<Tokens> TwitchClient::ExchangeCode(const Secret& code,
                                                  const AuthorizationRequest& request) {
  ASSIGN_OR_RETURN(auto response, AskForTokens({{"grant_type", "authorization_code"},
                                                {"code", code.Reveal()},
                                                {"redirect_uri", request.redirect_uri}}));
  const Wiped wiped(response);
  if (response.status == 400 || response.status == 401 || response.status == 403) {
    return Make(kAuthorizationCodeInvalid, "Twitch refused the code");
  }
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens || tokens->refresh.empty()) return Unavailable();
  return *std::move(tokens);
}

absl::StatusOr<Tokens> TwitchClient::Refresh(const Secret& refresh_token) {
  ASSIGN_OR_RETURN(auto response, AskForTokens({{"grant_type", "refresh_token"},
                                                {"refresh_token", refresh_token.Reveal()}}));
  const Wiped wiped(response);
  if (RefusesRefresh(response)) return GrantEnded();
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens) return Unavailable();
  return *std::move(tokens);
}

absl::StatusOr<bool> TwitchClient::Validate(const Secret& access_token) {
  ASSIGN_OR_RETURN(auto response,
                   Ask(http_, {.method = "GET",
                               .url = options_.id_url + "/oauth2/validate",
                               .headers = {{"Authorization", "OAuth " + access_token.Reveal()}}}));
  const Wiped wiped(response);
  if (response.status == 200) return true;
  if (response.status == 401) return false;
  return Unavailable();
}

absl::Status TwitchClient::Revoke(const Tokens& tokens) {
  ASSIGN_OR_RETURN(const auto response, PostForm(http_, options_.id_url + "/oauth2/revoke",
                                                 {{"client_id", options_.client_id},
                                                  {"token", tokens.access.Reveal()}}));
  // 400: the token has ended before.
  return response.status == 200 || response.status == 400 ? absl::OkStatus() : Unavailable();
}

absl::StatusOr<PlatformIdentity> TwitchClient::ReadIdentity(const Secret& access_token) {
  ASSIGN_OR_RETURN(auto response,
                   Ask(http_, {.method = "GET",
                               .url = options_.api_url + "/helix/users",
                               .headers = {{"Authorization", "Bearer " + access_token.Reveal()},
                                           {"Client-Id", options_.client_id}}}));
  const Wiped wiped(response);
  if (response.status != 200) return Unavailable();
  std::optional<PlatformUserId> id;
  Secret display_name;
  JsonReader json(response.body);
  const auto read_member = [&](std::string_view member) {
    std::string_view raw;
    if (member == "id") {
      if (json.String(raw)) id = PlatformUserId::From(raw);
    } else if (member == "display_name") {
      display_name = ReadSecret(json);
    } else {
      json.Skip();
    }
  };
  json.Object([&](std::string_view key) {
    if (key == "data") {
      ReadData(json, read_member, [] {});
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || !id) return Unavailable();
  return PlatformIdentity{*id, std::move(display_name)};
}

absl::StatusOr<std::vector<std::optional<LiveStream>>> TwitchClient::FindLive(
    std::span<const LiveQuery> queries) {
  std::vector<std::optional<LiveStream>> found(queries.size());
  for (size_t begin = 0; begin < queries.size(); begin += kStreamsPerCall) {
    const size_t count = std::min(kStreamsPerCall, queries.size() - begin);
    RETURN_IF_ERROR(
        FindPage(queries.subspan(begin, count), std::span(found).subspan(begin, count)));
  }
  return found;
}

absl::Status TwitchClient::FindPage(std::span<const LiveQuery> queries,
                                    std::span<std::optional<LiveStream>> found) {
  Params ids = {{"first", std::to_string(kStreamsPerCall)}};
  for (const LiveQuery& query : queries) ids.emplace_back("user_id", UserIdText(query.channel));
  ASSIGN_OR_RETURN(
      auto response,
      Helix({.method = "GET", .url = options_.api_url + "/helix/streams?" + FormEncode(ids)}));
  const Wiped wiped(response);
  const auto streams = response.status == 200 ? ReadStreams(response.body) : std::nullopt;
  if (!streams) return Unavailable();
  for (const FoundStream& stream : *streams) {
    for (size_t i = 0; i < queries.size(); ++i) {
      if (queries[i].channel != *stream.channel) continue;
      found[i] = stream.live;
      found[i]->started_at = *stream.started_at;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TwitchClient::Page> TwitchClient::ListSubscriptions(
    const std::optional<PlatformUserId>& about, const std::string& cursor) {
  Params query;
  if (about) query.emplace_back("user_id", UserIdText(*about));
  if (!cursor.empty()) query.emplace_back("after", cursor);
  ASSIGN_OR_RETURN(
      auto response,
      Helix({.method = "GET", .url = options_.api_url + kSubscriptions + "?" + FormEncode(query)}));
  const Wiped wiped(response);
  auto page = response.status == 200 ? ReadPage(response.body) : std::nullopt;
  if (!page) return Unavailable();
  return *std::move(page);
}

absl::Status TwitchClient::CreateSubscription(const EventType& type, const PlatformUserId& channel,
                                              const std::string& callback_url) {
  return Create(type, ConditionOf(type, channel), callback_url);
}

absl::Status TwitchClient::CreateRevocationSubscription(const std::string& callback_url) {
  return Create(kUserRevoked, nlohmann::json({{"client_id", options_.client_id}}).dump(),
                callback_url);
}

absl::Status TwitchClient::Create(const EventType& type, const std::string& condition_json,
                                  const std::string& callback_url) {
  const nlohmann::json body = {{"type", type.name},
                               {"version", type.version},
                               {"condition", nlohmann::json::parse(condition_json)},
                               {"transport",
                                {{"method", "webhook"},
                                 {"callback", callback_url},
                                 {"secret", options_.webhook_secret.Reveal()}}}};
  ASSIGN_OR_RETURN(const auto response, Helix({.method = "POST",
                                               .url = options_.api_url + kSubscriptions,
                                               .headers = {{"Content-Type", "application/json"}},
                                               .body = body.dump()}));
  switch (response.status) {
    case 202:
    case 409:  // an identical one exists
      return absl::OkStatus();
    case 403:
      return absl::PermissionDeniedError("the user's grant does not allow this subscription");
    case 400:
      common::log::Warning("platform.subscribe_refused",
                           {{"type", type.name}, {"status", response.status}});
      return absl::InvalidArgumentError("Twitch does not know this subscription");
    case 429:
      return absl::ResourceExhaustedError("a limit of subscriptions or calls is reached");
    default:
      return Unavailable();
  }
}

absl::Status TwitchClient::DeleteSubscription(const std::string& id) {
  ASSIGN_OR_RETURN(const auto response, Helix({.method = "DELETE",
                                               .url = options_.api_url + kSubscriptions + "?" +
                                                      FormEncode({{"id", id}})}));
  return response.status == 204 || response.status == 404 ? absl::OkStatus() : Unavailable();
}

absl::StatusOr<Response> TwitchClient::Helix(OutgoingRequest request) {
  const common::http::Headers given = request.headers;
  for (const bool last_try : {false, true}) {
    ASSIGN_OR_RETURN(const Secret token, AppToken());
    request.headers = given;
    request.headers.emplace_back("Authorization", "Bearer " + token.Reveal());
    request.headers.emplace_back("Client-Id", options_.client_id);
    ASSIGN_OR_RETURN(auto response, Ask(http_, request));
    if (response.status != 401 || last_try) return response;
    ForgetAppToken(token);
  }
  return Unavailable();
}

absl::StatusOr<Secret> TwitchClient::AppToken() {
  {
    const std::lock_guard lock(mutex_);
    if (app_token_ && app_token_->expires_at - kExpiryMargin >= common::Now()) {
      return app_token_->access;
    }
  }
  // Two callers may both fetch one: either is good.
  ASSIGN_OR_RETURN(auto response, AskForTokens({{"grant_type", "client_credentials"}}));
  const Wiped wiped(response);
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens) return Unavailable();
  const std::lock_guard lock(mutex_);
  app_token_ = *std::move(tokens);
  return app_token_->access;
}

// Not one that another caller has fetched meanwhile.
void TwitchClient::ForgetAppToken(const Secret& token) {
  const std::lock_guard lock(mutex_);
  if (app_token_ && app_token_->access.Reveal() == token.Reveal()) app_token_.reset();
}

}  // namespace stream::platforms
