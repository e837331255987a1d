#include "services/stream/platforms/twitch_client.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/http/url.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"
#include "services/stream/ingest/json_reader.h"

namespace stream::platforms {
namespace {

using common::Time;
using common::config::Secret;
using common::errors::Make;
using common::http::FormEncode;
using common::http::OutgoingRequest;
using common::http::Response;
using ingest::JsonReader;
using ingest::UnescapeBuffer;
using privacy::PlatformUserId;

// What the chat of the user's own channel takes, read by an application.
constexpr const char* kScopes = "user:read:chat user:bot channel:bot";
constexpr const char* kChatMessage = "channel.chat.message";
constexpr const char* kEventTypes[] = {"stream.online", "stream.offline", kChatMessage};
// A token is renewed this long before it ends.
constexpr std::chrono::minutes kExpiryMargin{5};

absl::Status Unavailable() {
  return Make(kPlatformUnavailable, "Twitch did not answer as expected");
}

// Overwrites an answer that held tokens or a person's name.
class Wiped {
 public:
  explicit Wiped(Response& response) : body_(response.body) {}
  ~Wiped() { explicit_bzero(body_.data(), body_.size()); }

 private:
  std::string& body_;
};

// Calls on_member for each member of the first element of "data"; false when it is empty, nullopt
// when the body is something else.
template <class F>
std::optional<bool> ReadFirstOfData(const std::string& body, F&& on_member) {
  JsonReader json(body);
  bool listed = false;
  bool found = false;
  json.Object([&](std::string_view key) {
    if (key != "data") {
      json.Skip();
      return;
    }
    listed = true;
    json.Array([&] {
      if (found) {
        json.Skip();
        return;
      }
      found = true;
      json.Object([&](std::string_view member) { on_member(json, member); });
    });
  });
  if (!json.Finish() || !listed) return std::nullopt;
  return found;
}

Secret ReadSecret(JsonReader& json) {
  std::string_view raw;
  UnescapeBuffer buffer;
  if (!json.String(raw)) return {};
  const auto text = buffer.Unescape(raw);
  return text ? Secret(std::string(*text)) : Secret();
}

std::optional<Tokens> ReadTokens(const std::string& body, Time now) {
  Tokens tokens;
  int64_t seconds = 0;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key == "access_token") {
      tokens.access = ReadSecret(json);
    } else if (key == "refresh_token") {
      tokens.refresh = ReadSecret(json);
    } else if (key == "expires_in") {
      json.Int(seconds);
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || tokens.access.empty()) return std::nullopt;
  tokens.expires_at = now + std::chrono::seconds(seconds);
  return tokens;
}

std::string UserIdText(const PlatformUserId& id) {
  return id.Use([](std::string_view bytes) { return std::string(bytes); });
}

}  // namespace

std::string TwitchClient::AuthorizationUrl(const std::string& redirect_uri,
                                           const std::string& state) const {
  return options_.id_url + "/oauth2/authorize?" +
         FormEncode({{"client_id", options_.client_id},
                     {"redirect_uri", redirect_uri},
                     {"response_type", "code"},
                     {"scope", kScopes},
                     {"state", state}});
}

absl::StatusOr<Tokens> TwitchClient::ExchangeCode(const Secret& code,
                                                  const std::string& redirect_uri) {
  return RequestTokens({{"grant_type", "authorization_code"},
                        {"code", code.Reveal()},
                        {"redirect_uri", redirect_uri}});
}

absl::StatusOr<Response> TwitchClient::Send(const OutgoingRequest& request) {
  auto response = http_.Send(request);
  if (!response.ok()) return Unavailable();
  return response;
}

absl::StatusOr<Tokens> TwitchClient::RequestTokens(const common::http::Params& grant) {
  common::http::Params form = grant;
  form.emplace_back("client_id", options_.client_id);
  form.emplace_back("client_secret", options_.client_secret.Reveal());
  ASSIGN_OR_RETURN(auto response,
                   Send({.method = "POST",
                         .url = options_.id_url + "/oauth2/token",
                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                         .body = FormEncode(form)}));
  const Wiped wiped(response);
  if (response.status == 400 || response.status == 401 || response.status == 403) {
    return Make(kAuthorizationCodeInvalid, "Twitch refused the grant");
  }
  auto tokens = response.status == 200 ? ReadTokens(response.body, common::Now()) : std::nullopt;
  if (!tokens) return Unavailable();
  return *std::move(tokens);
}

absl::StatusOr<PlatformIdentity> TwitchClient::ReadIdentity(const Tokens& tokens) {
  ASSIGN_OR_RETURN(auto response,
                   Send({.method = "GET",
                         .url = options_.api_url + "/helix/users",
                         .headers = {{"Authorization", "Bearer " + tokens.access.Reveal()},
                                     {"Client-Id", options_.client_id}}}));
  const Wiped wiped(response);
  std::optional<PlatformUserId> id;
  Secret display_name;
  if (response.status != 200) return Unavailable();
  ReadFirstOfData(response.body, [&](JsonReader& json, std::string_view member) {
    std::string_view raw;
    if (member == "id" && json.String(raw)) {
      id = PlatformUserId::From(raw);
    } else if (member == "display_name") {
      display_name = ReadSecret(json);
    } else if (member != "id") {
      json.Skip();
    }
  });
  if (!id) return Unavailable();
  return PlatformIdentity{*id, std::move(display_name)};
}

absl::StatusOr<std::optional<LiveStream>> TwitchClient::FindLive(const PlatformUserId& channel) {
  ASSIGN_OR_RETURN(auto response, Helix({.method = "GET",
                                         .url = options_.api_url + "/helix/streams?" +
                                                FormEncode({{"user_id", UserIdText(channel)}})}));
  const Wiped wiped(response);
  if (response.status != 200) return Unavailable();
  LiveStream live;
  std::optional<Time> started_at;
  const auto found = ReadFirstOfData(response.body, [&](JsonReader& json, std::string_view member) {
    std::string_view text;
    int64_t count = 0;
    if (member == "id") {
      if (json.String(text)) live.stream_id = text;
    } else if (member == "started_at") {
      if (json.String(text)) started_at = common::ParseTime(text);
    } else if (member == "viewer_count") {
      if (json.Int(count))
        live.viewer_count = static_cast<int>(std::clamp<int64_t>(count, 0, INT32_MAX));
    } else {
      json.Skip();
    }
  });
  if (found == false) return std::optional<LiveStream>();
  if (!found || live.stream_id.empty() || !started_at) return Unavailable();
  live.started_at = *started_at;
  return std::optional(std::move(live));
}

absl::Status TwitchClient::Subscribe(const PlatformUserId& channel,
                                     const std::string& callback_url) {
  for (const char* type : kEventTypes) {
    RETURN_IF_ERROR(SubscribeTo(type, channel, callback_url));
  }
  return absl::OkStatus();
}

absl::Status TwitchClient::SubscribeTo(const char* type, const PlatformUserId& channel,
                                       const std::string& callback_url) {
  const std::string id = UserIdText(channel);
  nlohmann::json condition = {{"broadcaster_user_id", id}};
  const bool chat = std::string_view(type) == kChatMessage;
  if (chat) condition["user_id"] = id;
  const nlohmann::json body = {{"type", type},
                               {"version", "1"},
                               {"condition", condition},
                               {"transport",
                                {{"method", "webhook"},
                                 {"callback", callback_url},
                                 {"secret", options_.webhook_secret.Reveal()}}}};
  ASSIGN_OR_RETURN(const auto response,
                   Helix({.method = "POST",
                          .url = options_.api_url + "/helix/eventsub/subscriptions",
                          .headers = {{"Content-Type", "application/json"}},
                          .body = body.dump()}));
  // 409: an identical one exists. 403: the user refused the scope of chat, which costs chat only;
  // the other types need none, and without them there would be no sessions.
  if (response.status == 202 || response.status == 409) return absl::OkStatus();
  common::log::Warning("platform.subscribe_refused", {{"type", type}, {"status", response.status}});
  return chat && response.status == 403 ? absl::OkStatus() : Unavailable();
}

absl::StatusOr<Response> TwitchClient::Helix(OutgoingRequest request) {
  const common::http::Headers given = request.headers;
  for (const bool last_try : {false, true}) {
    ASSIGN_OR_RETURN(const Secret token, AppToken());
    request.headers = given;
    request.headers.emplace_back("Authorization", "Bearer " + token.Reveal());
    request.headers.emplace_back("Client-Id", options_.client_id);
    ASSIGN_OR_RETURN(auto response, Send(request));
    if (response.status != 401 || last_try) return response;
    ForgetAppToken();
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
  auto fetched = RequestTokens({{"grant_type", "client_credentials"}});
  if (!fetched.ok()) return Unavailable();
  const std::lock_guard lock(mutex_);
  app_token_ = *std::move(fetched);
  return app_token_->access;
}

void TwitchClient::ForgetAppToken() {
  const std::lock_guard lock(mutex_);
  app_token_.reset();
}

}  // namespace stream::platforms
