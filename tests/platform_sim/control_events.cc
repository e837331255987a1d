// The control API of PlatformSim: everything but broadcasts and chat that happens on a channel, and
// what Twitch takes back.
#include <utility>

#include "libs/common/base/uuid.h"
#include "tests/platform_sim/channel_events.h"
#include "tests/platform_sim/chat_events.h"
#include "tests/platform_sim/control.h"
#include "tests/platform_sim/envelopes.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"
#include "tests/platform_sim/youtube_bodies.h"

namespace platform_sim {

using common::http::Request;
using common::http::Response;

namespace {

constexpr const char* kSomebody = "night_heron_42";
constexpr int64_t kMaxGifts = 100;

// Who acts: the one of the body, else somebody.
std::optional<Chatter> ActorOf(Json body) {
  if (!body.contains("login")) body["login"] = kSomebody;
  return ChatterOf(body);
}

// The members of `key`, if there are any; nullopt when it is no object.
std::optional<Json> ObjectOf(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end()) return Json::object();
  return found->is_object() ? std::optional<Json>(*found) : std::nullopt;
}

}  // namespace

Response PlatformSim::HappenOnChannel(const Request& request) {
  const auto body = ParseObject(request.body);
  auto actor = body ? ActorOf(*body) : std::nullopt;
  if (!actor) return Malformed();
  if (const User* const user = world_.FindById(request.path_parameter)) {
    return HappenAtTwitch(*user, *std::move(actor), *body);
  }
  if (Video* const video = videos_.FindLive(request.path_parameter)) {
    return HappenInLiveChat(*video, *actor, *body);
  }
  return NotFound();
}

Response PlatformSim::HappenAtTwitch(const User& broadcaster, Chatter actor, const Json& body) {
  // A user of the simulator is who he is, so that raids can be subscribed to from both ends.
  if (const User* const known = world_.FindByLogin(actor.login)) {
    actor.user_id = known->id;
    actor.display_name = known->display_name;
  }
  const auto overrides = ObjectOf(body, "event");
  const std::string type = TextOf(body, "type");
  const std::string notice_type =
      body.contains("notice_type") ? TextOf(body, "notice_type") : "community_sub_gift";
  auto event = MakeEvent({.type = type,
                          .broadcaster = broadcaster,
                          .actor = actor,
                          .is_anonymous = TruthOf(body, "anonymous", false),
                          .notice_type = notice_type,
                          .now = common::Now()});
  if (!event || !overrides) return Malformed();
  event->update(*overrides);
  if (type == "channel.update") world_.Retitle(broadcaster.id, TextOf(*event, "title"));
  return Queued(Notify(type, *event));
}

Response PlatformSim::HappenInLiveChat(const Video& video, const Chatter& actor, const Json& body) {
  const auto overrides = ObjectOf(body, "details");
  auto message = MakeChatMessage(TextOf(body, "type"), AuthorOf(actor, video.channel_id),
                                 TextOf(body, "text"));
  if (!message || !overrides) return Malformed();
  if (!overrides->empty()) message->details.update(*overrides);
  message->at = Now();
  message->id = TextOf(body, "id");
  if (message->id.empty()) message->id = NewMessageId();
  const std::string id = message->id;
  const size_t queued = chats_.Add(video.chat_id, *std::move(message));
  return Answer(202, {{"queued", queued}, {"id", id}});
}

Response PlatformSim::GiveSubscriptions(const Request& request) {
  const auto body = ParseObject(request.body);
  const auto actor = body ? ActorOf(*body) : std::nullopt;
  if (!actor) return Malformed();
  const User* const user = world_.FindById(request.path_parameter);
  if (user == nullptr) return NotFound();
  const int64_t total = NumberOf(*body, "total", 5, 1, kMaxGifts);
  const bool is_anonymous = TruthOf(*body, "anonymous", false);
  const auto notify = [&](const char* type, const Chatter& who, const std::string& notice,
                          const Json& overrides) {
    Json event = *MakeEvent({.type = type,
                             .broadcaster = *user,
                             .actor = who,
                             .is_anonymous = is_anonymous && who.login == actor->login,
                             .notice_type = notice,
                             .now = common::Now()});
    event.merge_patch(overrides);
    return Notify(type, event);
  };
  const std::string gift = common::Uuid::V4().ToString();
  size_t queued = notify("channel.subscription.gift", *actor, "", {{"total", total}});
  queued += notify("channel.chat.notification", *actor, "community_sub_gift",
                   {{"community_sub_gift", {{"id", gift}, {"total", total}}}});
  for (int64_t i = 1; i <= total; ++i) {
    const Chatter receiver = CrowdChatter(kMaxChatters + i);
    queued += notify("channel.subscribe", receiver, "", {{"is_gift", true}});
    queued += notify("channel.chat.notification", *actor, "sub_gift",
                     {{"sub_gift",
                       {{"recipient_user_id", receiver.user_id},
                        {"recipient_user_login", receiver.login},
                        {"recipient_user_name", receiver.display_name},
                        {"community_gift_id", gift}}}});
  }
  return Queued(queued);
}

Response PlatformSim::PutViewers(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  User* const user = world_.FindById(request.path_parameter);
  Video* const video = videos_.FindLive(request.path_parameter);
  if (user != nullptr && user->live) {
    user->live->viewer_count =
        NumberOf(*body, "viewer_count", user->live->viewer_count, 0, kMaxViewers);
  } else if (video != nullptr) {
    video->viewer_count = NumberOf(*body, "viewer_count", video->viewer_count, 0, kMaxViewers);
    video->hide_viewers = TruthOf(*body, "hide_viewers", video->hide_viewers);
  } else {
    return NotFound();
  }
  return Answer(200, Json::object());
}

Response PlatformSim::RevokeByHand(const Request& request) {
  const auto body = ParseObject(request.body);
  const std::string status = body ? TextOf(*body, "status") : "";
  if (status.empty()) return Malformed();
  size_t queued = 0;
  for (const Subscription* subscription : subscriptions_.RevokeWhere(*body, status)) {
    queued += SendRevocation(*subscription);
  }
  return Queued(queued);
}

}  // namespace platform_sim
