// The control API of PlatformSim: applications, people, and what happens on their channels.
#include <utility>

#include "libs/common/base/uuid.h"
#include "tests/platform_sim/channel_events.h"
#include "tests/platform_sim/control.h"
#include "tests/platform_sim/events.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"
#include "tests/platform_sim/youtube_bodies.h"

namespace platform_sim {

using common::http::Request;
using common::http::Response;

namespace {

constexpr size_t kMaxLines = 100;  // of one chat call
constexpr size_t kMaxRedirects = 10;
constexpr int64_t kFirstStreamId = 318'701'440'000;

// nullopt when the mood is unknown or it would be too many messages.
std::optional<CrowdScript> ScriptOf(const Json& body) {
  const auto mood = ParseMood(TextOf(body, "mood"));
  if (!mood) return std::nullopt;
  const CrowdScript script{
      .chatters = NumberOf(body, "chatters", 50, 1, kMaxChatters),
      .messages_per_second = NumberOf(body, "messages_per_second", 5, 1, kMaxMessagesPerSecond),
      .seconds = NumberOf(body, "seconds", 10, 1, kMaxCrowdSeconds),
      .mood = *mood,
      .seed = static_cast<uint64_t>(NumberOf(body, "seed", 1, 0, INT64_MAX))};
  if (script.messages_per_second * script.seconds > kMaxCrowdMessages) return std::nullopt;
  return script;
}

}  // namespace

Response PlatformSim::PutApp(const Request& request) {
  const auto body = ParseObject(request.body);
  auto redirects = body ? TextsOf(*body, "redirects", kMaxRedirects) : std::nullopt;
  if (!redirects || TextOf(*body, "client_id").empty() || TextOf(*body, "client_secret").empty()) {
    return Malformed();
  }
  const bool put =
      apps_.Put({.client_id = TextOf(*body, "client_id"),
                 .client_secret = common::config::Secret(TextOf(*body, "client_secret")),
                 .redirects = *std::move(redirects)});
  return put ? Answer(201, {{"client_id", TextOf(*body, "client_id")}}) : Malformed();
}

Response PlatformSim::PutUser(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  std::string channel_id = TextOf(*body, "youtube_channel_id");
  if (channel_id.empty() && TruthOf(*body, "youtube", false)) channel_id = "UC" + RandomId(22);
  if (!channel_id.empty() && !IsChannelId(channel_id)) return Malformed();
  const User* const user = world_.AddUser({.id = TextOf(*body, "id"),
                                           .login = TextOf(*body, "login"),
                                           .display_name = TextOf(*body, "display_name"),
                                           .created_at = Now(),
                                           .youtube_channel_id = std::move(channel_id)});
  if (user == nullptr) {
    return Answer(409, {{"error", "no login, or a login, id or channel that is taken"}});
  }
  Json answer = {{"id", user->id}, {"login", user->login}, {"display_name", user->display_name}};
  if (!user->youtube_channel_id.empty()) answer["youtube_channel_id"] = user->youtube_channel_id;
  return Answer(201, answer);
}

Response PlatformSim::ExpireTokens(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  if (world_.FindById(request.path_parameter) == nullptr) return NotFound();
  const std::string client_id = TextOf(*body, "client_id");
  return Answer(200, {{"expired", oauth_.ExpireTokens(client_id, request.path_parameter) +
                                      google_.ExpireTokens(client_id, request.path_parameter)}});
}

Response PlatformSim::Disconnect(const Request& request) {
  const auto body = ParseObject(request.body);
  const std::string client_id = body ? TextOf(*body, "client_id") : "";
  const bool at_twitch = oauth_.EndGrant(client_id, request.path_parameter);
  const bool at_google = google_.EndGrant(client_id, request.path_parameter);
  if (!at_twitch && !at_google) return NotFound();
  const bool silent = TruthOf(*body, "silent", false);
  if (at_twitch) RevokeSubscriptions(client_id, request.path_parameter, silent);
  const User* const user = world_.FindById(request.path_parameter);
  if (at_twitch && !silent && user != nullptr) {
    Notify("user.authorization.revoke", AuthorizationRevokeEvent(client_id, *user));
  }
  return Answer(202, Json::object());
}

Response PlatformSim::GoLive(const Request& request) {
  User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  if (user->live) return Answer(409, {{"error", "already live"}});
  const common::Time now = Now();
  user->live = {.id = std::to_string(kFirstStreamId + common::ToMicros(now) % 1'000'000'000),
                .title = TextOf(*body, "title"),
                .viewer_count = NumberOf(*body, "viewer_count", 0, 0, kMaxViewers),
                .started_at = now};
  const size_t queued = Notify("stream.online", OnlineEvent(*user));
  return Answer(202, {{"stream_id", user->live->id}, {"queued", queued}});
}

Response PlatformSim::GoOffline(const Request& request) {
  User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  if (!user->live) return Answer(409, {{"error", "not live"}});
  user->live.reset();
  return Queued(Notify("stream.offline", OfflineEvent(*user)));
}

Response PlatformSim::Chat(const Request& request) {
  const auto body = ParseObject(request.body);
  const auto lines = body ? TextsOf(*body, "lines", kMaxLines) : std::nullopt;
  const auto chatter = body ? ChatterOf(*body) : std::nullopt;
  if (!lines || !chatter) return Malformed();
  const auto say = SpeakerOn(request.path_parameter);
  if (!say) return NotFound();
  const int64_t bits = NumberOf(*body, "bits", 0, 0, 1'000'000);
  size_t queued = 0;
  for (const std::string& line : *lines) queued += say(*chatter, line, bits, {});
  return Queued(queued);
}

Response PlatformSim::Crowd(const Request& request) {
  const auto body = ParseObject(request.body);
  const auto script = body ? ScriptOf(*body) : std::nullopt;
  if (!script) return Malformed();
  const auto say = SpeakerOn(request.path_parameter);
  if (!say) return NotFound();
  size_t queued = 0;
  for (const CrowdLine& line : WriteCrowd(*script)) {
    queued += say(CrowdChatter(line.chatter), line.text, 0, line.at);
  }
  return Queued(queued);
}

PlatformSim::Speaker PlatformSim::SpeakerOn(const std::string& channel) {
  if (const User* const user = world_.FindById(channel)) {
    return [this, user](const Chatter& chatter, std::string_view text, int64_t bits,
                        std::chrono::milliseconds after) {
      return Notify("channel.chat.message",
                    ChatEvent(*user, chatter, text, bits, common::Uuid::V4().ToString()), after);
    };
  }
  const Video* const video = videos_.FindLive(channel);
  if (video == nullptr) return {};
  return [this, video](const Chatter& chatter, std::string_view text, int64_t,
                       std::chrono::milliseconds after) -> size_t {
    return chats_.Add(video->chat_id,
                      TextMessage(AuthorOf(chatter, video->channel_id), text, Now() + after));
  };
}

}  // namespace platform_sim
