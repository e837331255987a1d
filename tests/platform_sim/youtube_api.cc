// Google's and YouTube's side of PlatformSim: what its clients call, and what it tells them.
#include <algorithm>
#include <utility>

#include "tests/platform_sim/atom.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"
#include "tests/platform_sim/youtube_bodies.h"

namespace platform_sim {

using common::http::FindParam;
using common::http::Params;
using common::http::Request;
using common::http::Response;

namespace {

constexpr int64_t kUnitsOfList = 1;
constexpr int64_t kUnitsOfChat = 5;
constexpr size_t kMaxIds = 50;
constexpr std::string_view kReadingScopes[] = {
    "https://www.googleapis.com/auth/youtube.readonly",
    "https://www.googleapis.com/auth/youtube",
    "https://www.googleapis.com/auth/youtube.force-ssl",
};

Response InvalidCredentials() {
  constexpr const char* kMessage =
      "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
      "or other valid authentication credential.";
  return Answer(401, {{"error",
                       {{"code", 401},
                        {"message", kMessage},
                        {"errors", Json::array({{{"message", "Invalid Credentials"},
                                                 {"domain", "global"},
                                                 {"reason", "authError"},
                                                 {"location", "Authorization"},
                                                 {"locationType", "header"}}})},
                        {"status", "UNAUTHENTICATED"}}}});
}

Response MissingParameter(const std::string& name) {
  return GoogleError(400, "youtube.parameter", "missingRequiredParameter",
                     "No filter selected or required parameter missing: " + name);
}

bool MayRead(const Token& token) {
  return std::any_of(token.scopes.begin(), token.scopes.end(), [](const std::string& scope) {
    return std::find(std::begin(kReadingScopes), std::end(kReadingScopes), scope) !=
           std::end(kReadingScopes);
  });
}

std::vector<std::string> SplitIds(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  return SplitWords(text);
}

bool HasStatus(const Video& video, std::string_view status) {
  switch (video.kind) {
    case VideoKind::kUpload:
      return false;
    case VideoKind::kUpcoming:
      return status == "upcoming" || status == "all";
    case VideoKind::kLive:
      return status == "active" || status == "all";
    case VideoKind::kEnded:
      return status == "completed" || status == "all";
  }
  return false;
}

}  // namespace

Response PlatformSim::AuthorizeAtGoogle(const Request& request) {
  const auto login = FindParam(request.query, "login");
  const User* const user = login ? world_.FindByLogin(*login) : world_.NextChannelOwner();
  return google_.Authorize(request.query, user, Now());
}

Response PlatformSim::IssueGoogleToken(const Request& request) {
  const auto form = common::http::FormDecode(request.body);
  if (!form) return GoogleOAuthError(400, "invalid_request", "Bad Request");
  return google_.IssueToken(*form, Now());
}

Response PlatformSim::RevokeGoogleToken(const Request& request) {
  auto form = common::http::FormDecode(request.body);
  if (!form) return GoogleOAuthError(400, "invalid_request", "Bad Request");
  form->insert(form->end(), request.query.begin(), request.query.end());
  return google_.Revoke(Get(*form, "token"), Now());
}

Response PlatformSim::ListChannels(const Request& request) {
  Response error;
  const Token* const token = YoutubeCaller(request, kUnitsOfList, error);
  if (token == nullptr) return error;
  const Parts parts = PartsOf(request.query);
  if (parts.empty()) return MissingParameter("part");
  Json items = Json::array();
  if (Get(request.query, "mine") == "true") {
    const User* const user = world_.FindById(token->user_id);
    const bool has_channel = user != nullptr && !user->youtube_channel_id.empty();
    if (has_channel) items.push_back(ChannelJson(*user, parts));
  } else {
    const auto ids = SplitIds(Get(request.query, "id"));
    if (ids.empty() || ids.size() > kMaxIds) return MissingParameter("id, mine");
    for (const std::string& id : ids) {
      if (const User* const owner = world_.FindByChannel(id)) {
        items.push_back(ChannelJson(*owner, parts));
      }
    }
  }
  return Answer(200, ListJson("youtube#channelListResponse", std::move(items)));
}

Response PlatformSim::ListVideos(const Request& request) {
  Response error;
  if (YoutubeCaller(request, kUnitsOfList, error) == nullptr) return error;
  const Parts parts = PartsOf(request.query);
  if (parts.empty()) return MissingParameter("part");
  const auto ids = SplitIds(Get(request.query, "id"));
  if (ids.empty()) return MissingParameter("id");
  if (ids.size() > kMaxIds) {
    return GoogleError(400, "youtube.parameter", "invalidFilters",
                       "The request specifies an invalid filter parameter.");
  }
  Json items = Json::array();
  for (const std::string& id : ids) {
    if (const Video* const video = videos_.Find(id)) items.push_back(VideoJson(*video, parts));
  }
  return Answer(200, ListJson("youtube#videoListResponse", std::move(items)));
}

Response PlatformSim::ListBroadcasts(const Request& request) {
  Response error;
  const Token* const token = YoutubeCaller(request, kUnitsOfList, error);
  if (token == nullptr) return error;
  const Parts parts = PartsOf(request.query);
  if (parts.empty()) return MissingParameter("part");
  const std::string status =
      Get(request.query, "mine") == "true" ? "all" : Get(request.query, "broadcastStatus");
  if (status.empty()) return MissingParameter("broadcastStatus, mine");
  const User* const user = world_.FindById(token->user_id);
  Json items = Json::array();
  for (const Video& video : videos_.all()) {
    if (user != nullptr && video.channel_id == user->youtube_channel_id &&
        HasStatus(video, status) && items.size() < kMaxIds) {
      items.push_back(BroadcastJson(video, parts));
    }
  }
  return Answer(200, ListJson("youtube#liveBroadcastListResponse", std::move(items)));
}

Response PlatformSim::ListChatMessages(const Request& request) {
  Response error;
  const Token* const token = YoutubeCaller(request, kUnitsOfChat, error);
  if (token == nullptr) return error;
  if (PartsOf(request.query).empty()) return MissingParameter("part");
  if (!FindParam(request.query, "liveChatId")) return MissingParameter("liveChatId");
  return chats_.List(request.query, token->client_id + ' ' + token->user_id,
                     std::chrono::milliseconds(settings_.chat_polling_millis), Now());
}

const Token* PlatformSim::YoutubeCaller(const Request& request, int64_t units, Response& error) {
  const Token* const token = google_.Find(request.Header("Authorization"), Now());
  if (token == nullptr) {
    error = InvalidCredentials();
    return nullptr;
  }
  if (!MayRead(*token)) {
    error = GoogleError(403, "global", "insufficientPermissions",
                        "Request had insufficient authentication scopes.");
    return nullptr;
  }
  if (!quota_.Spend(token->client_id, units, settings_.youtube_daily_quota, Now())) {
    error = GoogleError(403, "youtube.quota", "quotaExceeded",
                        "The request cannot be completed because you have exceeded your "
                        "<a href=\"/youtube/v3/getting-started#quota\">quota</a>.");
    return nullptr;
  }
  return token;
}

Response PlatformSim::TakeHubRequest(const Request& request) {
  const auto form = common::http::FormDecode(request.body);
  if (!form) return common::http::ErrorResponse(400);
  std::optional<HubRequest> taken;
  Response response =
      hub_.Take(*form, std::chrono::seconds(settings_.hub_max_lease_seconds), Now(), taken);
  if (taken) Verify(*taken);
  return response;
}

void PlatformSim::Verify(const HubRequest& request) {
  Message message = VerificationOf(request);
  message.done = [this, request, fails = websub_faults_.TakeFailedChallenge()](
                     const absl::StatusOr<Response>& answer) {
    SettleHubRequest(request, !fails && answer.ok() && answer->status / 100 == 2 &&
                                  answer->body == request.challenge);
  };
  delivery_->Enqueue(std::move(message), {});
}

void PlatformSim::SettleHubRequest(const HubRequest& request, bool confirmed) {
  const std::lock_guard lock(mutex_);
  hub_.Settle(request, confirmed, Now());
}

size_t PlatformSim::Publish(Video& video, bool deleted) {
  video.updated_at = Now();
  size_t queued = 0;
  for (const HubSubscription* subscription : hub_.Wanting(video.channel_id, Now())) {
    const DeliveryFaults::Plan plan = websub_faults_.Next();
    if (plan.drop) continue;
    Message message = NotificationTo(
        *subscription,
        deleted ? DeletionFeed(video, video.updated_at) : EntryFeed(video, subscription->topic),
        plan.bad_signature);
    message.wanted = [this, callback = subscription->callback, topic = subscription->topic] {
      const std::lock_guard lock(mutex_);
      return hub_.IsWanted(callback, topic, Now());
    };
    // Nothing tells one feed from another that says the same.
    if (plan.repeat || plan.duplicate) message.then.push_back(message);
    if (plan.hold) {
      auto released = websub_faults_.Hold(std::move(message));
      queued += !released || delivery_->Enqueue(*std::move(released), {});
    } else {
      queued += delivery_->Enqueue(std::move(message), {});
    }
  }
  return queued;
}

}  // namespace platform_sim
