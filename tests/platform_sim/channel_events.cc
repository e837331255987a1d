#include "tests/platform_sim/channel_events.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/uuid.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {
namespace {

using common::Time;

constexpr std::chrono::minutes kSpan{5};  // of trains, polls and predictions

std::string NewId() { return common::Uuid::V4().ToString(); }
std::string Nanos(Time time) { return FormatNanos(time); }

Json Person(const char* prefix, const std::string& id, const std::string& login,
            const std::string& name) {
  const std::string start(prefix);
  return {{start + "user_id", id}, {start + "user_login", login}, {start + "user_name", name}};
}

Json Broadcaster(const User& user, const char* prefix = "broadcaster_") {
  return Person(prefix, user.id, user.login, user.display_name);
}

Json Actor(const ChannelEvent& event, const char* prefix = "") {
  Json person = Person(prefix, event.actor.user_id, event.actor.login, event.actor.display_name);
  if (event.is_anonymous) {
    for (auto& [key, value] : person.items()) value = nullptr;
  }
  return person;
}

// The members of all, in their order.
Json Join(std::initializer_list<Json> parts) {
  Json whole = Json::object();
  for (const Json& part : parts) whole.update(part);
  return whole;
}

Json UserThenBroadcaster(const ChannelEvent& event, const Json& rest = Json::object()) {
  return Join({Actor(event), Broadcaster(event.broadcaster), rest});
}

Json Follow(const ChannelEvent& event) {
  return UserThenBroadcaster(event, {{"followed_at", Nanos(event.now)}});
}

Json Membership(const ChannelEvent& event) { return UserThenBroadcaster(event); }

Json Subscribe(const ChannelEvent& event) {
  return UserThenBroadcaster(event, {{"tier", "1000"}, {"is_gift", false}});
}

Json SubscriptionGift(const ChannelEvent& event) {
  return UserThenBroadcaster(event, {{"total", 5},
                                     {"tier", "1000"},
                                     {"cumulative_total", event.is_anonymous ? Json() : Json(284)},
                                     {"is_anonymous", event.is_anonymous}});
}

Json SubscriptionMessage(const ChannelEvent& event) {
  const Json emote = {
      {"begin", 17}, {"end", 25}, {"id", "emotesv2_forge0000000000000000000000000"}};
  return UserThenBroadcaster(
      event,
      {{"tier", "1000"},
       {"message", {{"text", "Love the stream! emberHype"}, {"emotes", Json::array({emote})}}},
       {"cumulative_months", 15},
       {"streak_months", 3},
       {"duration_months", 6}});
}

Json Cheer(const ChannelEvent& event) {
  return Join({{{"is_anonymous", event.is_anonymous}},
               Actor(event),
               Broadcaster(event.broadcaster),
               {{"message", "Cheer100 for the forge"}, {"bits", 100}}});
}

Json BitsUse(const ChannelEvent& event) {
  const Json chat = ChatEvent(event.broadcaster, event.actor, "for the forge", 100, NewId());
  return UserThenBroadcaster(
      event,
      {{"bits", 100}, {"type", "cheer"}, {"power_up", nullptr}, {"message", chat["message"]}});
}

Json Raid(const ChannelEvent& event) {
  return Join({Actor(event, "from_broadcaster_"),
               Broadcaster(event.broadcaster, "to_broadcaster_"),
               {{"viewers", 437}}});
}

Json Update(const ChannelEvent& event) {
  return Join({Broadcaster(event.broadcaster),
               {{"title", "Forge night & friends"},
                {"language", "en"},
                {"category_id", "509658"},
                {"category_name", "Just Chatting"},
                {"content_classification_labels", Json::array({"MatureGame"})}}});
}

Json HypeTrain(const ChannelEvent& event) {
  const bool begins = event.type.ends_with("begin");
  const bool ends = event.type.ends_with("end");
  const Json contribution = Join({Actor(event), {{"type", "bits"}, {"total", 500}}});
  Json train = Join({{{"id", NewId()}}, Broadcaster(event.broadcaster), {{"total", 1100}}});
  if (!ends) train.update({{"progress", 1100}, {"goal", 1600}});
  train.update({{"top_contributions", Json::array({contribution})}, {"level", 1}});
  if (begins) train.update({{"all_time_high_level", 4}, {"all_time_high_total", 2845}});
  train.update({{"shared_train_participants", nullptr}, {"started_at", Nanos(event.now)}});
  if (ends) {
    train.update({{"cooldown_ends_at", Nanos(event.now + std::chrono::hours(1))},
                  {"ended_at", Nanos(event.now)}});
  } else {
    train["expires_at"] = Nanos(event.now + kSpan);
  }
  train.update({{"type", "regular"}, {"is_shared_train", false}});
  return train;
}

Json Redemption(const ChannelEvent& event) {
  return Join(
      {{{"id", NewId()}},
       Broadcaster(event.broadcaster),
       Actor(event),
       {{"user_input", "with pride"},
        {"status", "unfulfilled"},
        {"reward", {{"id", NewId()}, {"title", "Name a sword"}, {"cost", 100}, {"prompt", ""}}},
        {"redeemed_at", Nanos(event.now)}}});
}

Json Poll(const ChannelEvent& event) {
  const bool begins = event.type.ends_with("begin");
  const bool ends = event.type.ends_with("end");
  Json choices = Json::array();
  for (const char* title : {"Ice", "Fire"}) {
    Json choice = {{"id", NewId()}, {"title", title}};
    if (!begins) choice.update({{"bits_votes", 0}, {"channel_points_votes", 4}, {"votes", 16}});
    choices.push_back(std::move(choice));
  }
  const Json voting = {{"is_enabled", false}, {"amount_per_vote", 0}};
  Json poll = Join({{{"id", NewId()}},
                    Broadcaster(event.broadcaster),
                    {{"title", "Which dungeon next?"},
                     {"choices", std::move(choices)},
                     {"bits_voting", voting},
                     {"channel_points_voting", {{"is_enabled", true}, {"amount_per_vote", 10}}}}});
  if (ends) poll["status"] = "completed";
  poll["started_at"] = Nanos(event.now);
  poll[ends ? "ended_at" : "ends_at"] = Nanos(ends ? event.now : event.now + kSpan);
  return poll;
}

Json Prediction(const ChannelEvent& event) {
  const bool begins = event.type.ends_with("begin");
  const bool ends = event.type.ends_with("end");
  Json outcomes = Json::array();
  for (const auto& [title, color] : {std::pair("Victory", "blue"), std::pair("Defeat", "pink")}) {
    Json outcome = {{"id", NewId()}, {"title", title}, {"color", color}};
    if (!begins) {
      const Json predictor =
          Join({Actor(event),
                {{"channel_points_won", ends ? Json(900) : Json()}, {"channel_points_used", 500}}});
      outcome.update(
          {{"users", 1}, {"channel_points", 500}, {"top_predictors", Json::array({predictor})}});
    }
    outcomes.push_back(std::move(outcome));
  }
  Json prediction =
      Join({{{"id", NewId()}}, Broadcaster(event.broadcaster), {{"title", "Will the boss fall?"}}});
  if (ends) prediction["winning_outcome_id"] = outcomes[0]["id"];
  prediction["outcomes"] = std::move(outcomes);
  if (ends) prediction["status"] = "resolved";
  prediction["started_at"] = Nanos(event.now);
  if (ends) {
    prediction["ended_at"] = Nanos(event.now);
  } else if (event.type.ends_with("lock")) {
    prediction["locked_at"] = Nanos(event.now);
  } else {
    prediction["locks_at"] = Nanos(event.now + kSpan);
  }
  return prediction;
}

// What a chat notification says of its notice; an empty object for a notice that is new to us.
Json NoticeOf(const ChannelEvent& event, const std::string& notice) {
  if (notice == "sub") return {{"sub_tier", "1000"}, {"is_prime", false}, {"duration_months", 1}};
  if (notice == "resub") {
    return {{"cumulative_months", 15},
            {"duration_months", 1},
            {"streak_months", nullptr},
            {"sub_tier", "1000"},
            {"is_prime", false},
            {"is_gift", false},
            {"gifter_is_anonymous", nullptr},
            {"gifter_user_id", nullptr},
            {"gifter_user_name", nullptr},
            {"gifter_user_login", nullptr}};
  }
  if (notice == "sub_gift") {
    return Join({{{"duration_months", 1}, {"cumulative_total", nullptr}},
                 Person("recipient_", "555111222", "quietkestrel", "QuietKestrel"),
                 {{"sub_tier", "1000"}, {"community_gift_id", nullptr}}});
  }
  if (notice == "community_sub_gift") {
    return {{"id", NewId()},
            {"total", 5},
            {"sub_tier", "1000"},
            {"cumulative_total", event.is_anonymous ? Json() : Json(284)}};
  }
  if (notice == "raid") {
    return Join({Actor(event), {{"viewer_count", 437}, {"profile_image_url", ""}}});
  }
  if (notice == "announcement") return {{"color", "PRIMARY"}};
  return Json::object();
}

Json ChatNotification(const ChannelEvent& event) {
  Json notice = ChatEvent(event.broadcaster, event.actor, "", 0, NewId());
  const Json chat = std::exchange(notice, Json::object());
  for (const char* key : {"broadcaster_user_id", "broadcaster_user_login", "broadcaster_user_name",
                          "source_broadcaster_user_id", "source_broadcaster_user_login",
                          "source_broadcaster_user_name"}) {
    notice[key] = chat[key];
  }
  notice.update(Actor(event, "chatter_"));
  notice.update({{"chatter_is_anonymous", event.is_anonymous},
                 {"color", chat["color"]},
                 {"badges", chat["badges"]},
                 {"source_badges", nullptr},
                 {"system_message", event.actor.display_name + " does something"},
                 {"message_id", chat["message_id"]},
                 {"source_message_id", nullptr},
                 {"is_source_only", nullptr},
                 {"message", chat["message"]},
                 {"notice_type", event.notice_type}});
  // All notices are there, and all but the chosen one are null.
  for (const char* name : {"sub",
                           "resub",
                           "sub_gift",
                           "community_sub_gift",
                           "gift_paid_upgrade",
                           "prime_paid_upgrade",
                           "pay_it_forward",
                           "raid",
                           "unraid",
                           "announcement",
                           "bits_badge_tier",
                           "charity_donation",
                           "watch_streak",
                           "modiversary",
                           "shared_chat_sub",
                           "shared_chat_resub",
                           "shared_chat_sub_gift",
                           "shared_chat_community_sub_gift",
                           "shared_chat_gift_paid_upgrade",
                           "shared_chat_prime_paid_upgrade",
                           "shared_chat_pay_it_forward",
                           "shared_chat_raid",
                           "shared_chat_announcement",
                           "shared_chat_modiversary"}) {
    notice[name] = nullptr;
  }
  notice[event.notice_type] = NoticeOf(event, event.notice_type);
  return notice;
}

struct Maker {
  std::string_view type;
  Json (*make)(const ChannelEvent&);
};

constexpr Maker kMakers[] = {
    {"channel.follow", Follow},
    {"channel.subscribe", Subscribe},
    {"channel.subscription.end", Subscribe},
    {"channel.subscription.gift", SubscriptionGift},
    {"channel.subscription.message", SubscriptionMessage},
    {"channel.cheer", Cheer},
    {"channel.bits.use", BitsUse},
    {"channel.raid", Raid},
    {"channel.update", Update},
    {"channel.hype_train.begin", HypeTrain},
    {"channel.hype_train.progress", HypeTrain},
    {"channel.hype_train.end", HypeTrain},
    {"channel.moderator.add", Membership},
    {"channel.moderator.remove", Membership},
    {"channel.vip.add", Membership},
    {"channel.vip.remove", Membership},
    {"channel.channel_points_custom_reward_redemption.add", Redemption},
    {"channel.poll.begin", Poll},
    {"channel.poll.progress", Poll},
    {"channel.poll.end", Poll},
    {"channel.prediction.begin", Prediction},
    {"channel.prediction.progress", Prediction},
    {"channel.prediction.lock", Prediction},
    {"channel.prediction.end", Prediction},
    {"channel.chat.notification", ChatNotification},
};

}  // namespace

std::optional<Json> MakeEvent(const ChannelEvent& event) {
  const auto* const maker =
      std::find_if(std::begin(kMakers), std::end(kMakers),
                   [&](const Maker& candidate) { return candidate.type == event.type; });
  if (maker == std::end(kMakers)) return std::nullopt;
  return maker->make(event);
}

Json AuthorizationRevokeEvent(const std::string& client_id, const User& user) {
  return Join({{{"client_id", client_id}}, Person("", user.id, user.login, user.display_name)});
}

}  // namespace platform_sim
