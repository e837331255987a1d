#include "services/stream/ingest/twitch_event.h"

#include <algorithm>
#include <utility>

namespace stream::ingest {
namespace {

using common::Time;
using privacy::PersonalText;
using privacy::PlatformUserId;

using Type = TwitchEventType;

// Names, and what is never shown, have no escapes and are short.
constexpr size_t kLongestWord = 64;

std::string_view ReadWord(JsonReader& json) {
  const auto word = json.StringIf();
  return word && word->size() <= kLongestWord ? *word : std::string_view();
}

// What events say in one value, by its name.
template <class T>
struct Member {
  std::string_view name;
  T TwitchEvent::*part;
};
constexpr Member<std::optional<PlatformUserId>> kUsers[] = {
    {"broadcaster_user_id", &TwitchEvent::broadcaster},
    {"to_broadcaster_user_id", &TwitchEvent::broadcaster},
    {"user_id", &TwitchEvent::user},
    {"chatter_user_id", &TwitchEvent::user},
    {"from_broadcaster_user_id", &TwitchEvent::user}};
constexpr Member<std::string_view> kWords[] = {{"id", &TwitchEvent::id},
                                               {"message_id", &TwitchEvent::message_id},
                                               {"notice_type", &TwitchEvent::notice_type},
                                               {"type", &TwitchEvent::type},
                                               {"status", &TwitchEvent::status}};
constexpr Member<std::optional<int64_t>> kNumbers[] = {
    {"total", &TwitchEvent::total},
    {"cumulative_total", &TwitchEvent::cumulative_total},
    {"cumulative_months", &TwitchEvent::cumulative_months},
    {"bits", &TwitchEvent::bits},
    {"viewers", &TwitchEvent::viewers},
    {"viewer_count", &TwitchEvent::viewers},
    {"level", &TwitchEvent::level}};
constexpr Member<bool> kFlags[] = {{"is_anonymous", &TwitchEvent::is_anonymous},
                                   {"chatter_is_anonymous", &TwitchEvent::is_anonymous},
                                   {"is_gift", &TwitchEvent::is_gift}};
// What a chat notification says in an object of its kind; all others are null.
constexpr std::string_view kNotices[] = {"sub",  "resub",          "sub_gift", "community_sub_gift",
                                         "raid", "bits_badge_tier"};

template <class T, size_t kSize>
const Member<T>* Find(const Member<T> (&members)[kSize], std::string_view name) {
  const auto found = std::find_if(std::begin(members), std::end(members),
                                  [name](const auto& member) { return member.name == name; });
  return found == std::end(members) ? nullptr : found;
}

class EventReader {
 public:
  explicit EventReader(JsonReader& json) : json_(json) {}

  TwitchEvent Read() {
    json_.Object([this](std::string_view key) { ReadMember(key); });
    event_.from_other_channel = source_ && source_ != event_.broadcaster;
    if (event_.is_anonymous) event_.user.reset();
    return std::move(event_);
  }

 private:
  void ReadMember(std::string_view key) {
    if (const auto* user = Find(kUsers, key)) {
      ReadUser(event_.*user->part);
    } else if (const auto* word = Find(kWords, key)) {
      event_.*word->part = ReadWord(json_);
    } else if (ReadNumberOrFlag(key)) {
      return;
    } else if (key == "source_broadcaster_user_id") {
      ReadUser(source_);
    } else if (key == "started_at") {
      event_.started_at = common::ParseTime(ReadWord(json_));
    } else if (key == "message" || key == "user_input") {
      ReadText();
    } else if (key == "badges" && json_.Peek() == '[') {
      event_.roles = {.subscriber = false, .moderator = false, .vip = false};
      json_.Array([this] { ReadBadge(); });
    } else if ((key == "choices" || key == "outcomes") && json_.Peek() == '[') {
      json_.Array([this] { ReadVotes(); });
    } else if (std::find(std::begin(kNotices), std::end(kNotices), key) != std::end(kNotices) &&
               json_.Peek() == '{') {
      json_.Object([this](std::string_view member) { ReadNoticeMember(member); });
    } else {
      json_.Skip();
    }
  }

  bool ReadNumberOrFlag(std::string_view key) {
    if (const auto* number = Find(kNumbers, key)) {
      event_.*number->part = json_.IntIf();
    } else if (const auto* flag = Find(kFlags, key)) {
      event_.*flag->part = json_.BoolIf().value_or(false);
    } else {
      return false;
    }
    return true;
  }

  void ReadNoticeMember(std::string_view key) {
    if (ReadNumberOrFlag(key)) return;
    if (key == "community_gift_id") {
      event_.is_one_of_many = json_.StringIf().has_value();
    } else {
      json_.Skip();
    }
  }

  void ReadUser(std::optional<PlatformUserId>& out) {
    if (const auto id = json_.StringIf()) out = PlatformUserId::From(*id);
  }

  // Chat has its text in an object, with fragments that repeat it; others have just the text.
  void ReadText() {
    std::optional<std::string_view> raw;
    if (json_.Peek() == '{') {
      json_.Object([&](std::string_view key) {
        if (key == "text") {
          raw = json_.StringIf();
        } else {
          json_.Skip();
        }
      });
    } else {
      raw = json_.StringIf();
    }
    if (!raw) return;
    event_.text = PersonalText(*raw);
    event_.has_text = true;
  }

  // The name of a badge says what its owner is.
  void ReadBadge() {
    privacy::RoleNews& roles = event_.roles;
    json_.Object([&](std::string_view key) {
      if (key != "set_id") {
        json_.Skip();
        return;
      }
      const std::string_view name = ReadWord(json_);
      if (name == "subscriber" || name == "founder") roles.subscriber = true;
      if (name == "moderator" || name == "lead_moderator") roles.moderator = true;
      if (name == "vip") roles.vip = true;
    });
  }

  void ReadVotes() {
    json_.Object([this](std::string_view key) {
      if (key == "votes" || key == "channel_points") {
        // Sums of what anybody sends must not overflow.
        constexpr int64_t kMost = 1'000'000'000'000;
        event_.votes += std::clamp<int64_t>(json_.IntIf().value_or(0), 0, kMost);
      } else {
        json_.Skip();
      }
    });
  }

  JsonReader& json_;
  TwitchEvent event_;
  std::optional<PlatformUserId> source_;
};

bool IsComplete(Type type, const TwitchEvent& event) {
  const bool has_user = event.user || event.is_anonymous;
  if (type == Type::kAuthorizationRevoked) return event.user.has_value();
  if (!event.broadcaster) return false;
  switch (type) {
    case Type::kStreamOnline:
      return !event.id.empty() && event.started_at;
    case Type::kChatMessage:
      return event.has_text && event.user && !event.message_id.empty();
    case Type::kChatNotification:
      return !event.notice_type.empty() && !event.message_id.empty();
    case Type::kCheer:
    case Type::kBitsUse:
      return event.bits.has_value();
    case Type::kSubscriptionGift:
      return event.total.has_value();
    case Type::kRaid:
      return event.user && event.viewers;
    case Type::kFollow:
    case Type::kSubscribe:
    case Type::kSubscriptionMessage:
    case Type::kSubscriptionEnd:
    case Type::kModeratorAdd:
    case Type::kModeratorRemove:
    case Type::kVipAdd:
    case Type::kVipRemove:
      return has_user;
    case Type::kRedemption:
      return has_user && !event.id.empty();
    case Type::kUnknown:
    case Type::kStreamOffline:
    case Type::kChannelUpdate:
      return true;
    default:  // trains, polls and predictions
      return !event.id.empty();
  }
}

// An element of a batch has its event in `data`.
void ReadBatched(JsonReader& json, TwitchEvents& events) {
  std::optional<TwitchEvent> event;
  std::string_view id;
  json.Object([&](std::string_view key) {
    if (key == "data" && json.Peek() == '{') {
      event = EventReader(json).Read();
    } else if (key == "id") {
      id = ReadWord(json);
    } else {
      json.Skip();
    }
  });
  if (!event) return;
  events.push_back(*std::move(event));
  events.back().delivery_id = id;
}

}  // namespace

std::optional<Time> FreshTime(std::string_view timestamp, Time now) {
  const auto sent = common::ParseTime(timestamp);
  if (!sent || *sent < now - kFreshness || *sent > now + kFutureSkew) return std::nullopt;
  return sent;
}

TwitchEventType TwitchEventTypeOf(std::string_view subscription_type) {
  constexpr std::pair<std::string_view, Type> kTypes[] = {
      {"channel.chat.message", Type::kChatMessage},
      {"channel.chat.notification", Type::kChatNotification},
      {"stream.online", Type::kStreamOnline},
      {"stream.offline", Type::kStreamOffline},
      {"channel.update", Type::kChannelUpdate},
      {"user.authorization.revoke", Type::kAuthorizationRevoked},
      {"channel.follow", Type::kFollow},
      {"channel.subscribe", Type::kSubscribe},
      {"channel.subscription.gift", Type::kSubscriptionGift},
      {"channel.subscription.message", Type::kSubscriptionMessage},
      {"channel.subscription.end", Type::kSubscriptionEnd},
      {"channel.cheer", Type::kCheer},
      {"channel.bits.use", Type::kBitsUse},
      {"channel.raid", Type::kRaid},
      {"channel.hype_train.begin", Type::kHypeTrainBegin},
      {"channel.hype_train.progress", Type::kHypeTrainProgress},
      {"channel.hype_train.end", Type::kHypeTrainEnd},
      {"channel.moderator.add", Type::kModeratorAdd},
      {"channel.moderator.remove", Type::kModeratorRemove},
      {"channel.vip.add", Type::kVipAdd},
      {"channel.vip.remove", Type::kVipRemove},
      {"channel.channel_points_custom_reward_redemption.add", Type::kRedemption},
      {"channel.poll.begin", Type::kPollBegin},
      {"channel.poll.progress", Type::kPollProgress},
      {"channel.poll.end", Type::kPollEnd},
      {"channel.prediction.begin", Type::kPredictionBegin},
      {"channel.prediction.progress", Type::kPredictionProgress},
      {"channel.prediction.lock", Type::kPredictionLock},
      {"channel.prediction.end", Type::kPredictionEnd},
  };
  for (const auto& [name, type] : kTypes) {
    if (subscription_type == name) return type;
  }
  return Type::kUnknown;
}

std::optional<TwitchEvents> DecodeTwitchEvents(TwitchEventType type, std::string_view body) {
  JsonReader json(body);
  TwitchEvents events;
  json.Object([&](std::string_view key) {
    if (key == "event" && events.empty() && json.Peek() == '{') {
      events.push_back(EventReader(json).Read());
    } else if (key == "events" && events.empty() && json.Peek() == '[') {
      json.Array([&] { ReadBatched(json, events); });
    } else {
      json.Skip();
    }
  });
  const bool complete = json.Finish() && !events.empty() &&
                        std::all_of(events.begin(), events.end(), [type](const TwitchEvent& event) {
                          return IsComplete(type, event);
                        });
  if (!complete) return std::nullopt;
  return events;
}

std::optional<std::string_view> DecodeTwitchRevocation(std::string_view body) {
  constexpr std::string_view kStatuses[] = {
      "user_removed",    "authorization_revoked", "notification_failures_exceeded",
      "version_removed", "moderator_removed",     "chat_user_banned"};
  std::string_view status;
  JsonReader json(body);
  json.Object([&](std::string_view key) {
    if (key != "subscription") {
      json.Skip();
      return;
    }
    json.Object([&](std::string_view member) {
      if (member == "status") {
        json.String(status);
      } else {
        json.Skip();
      }
    });
  });
  if (!json.Finish() || status.empty()) return std::nullopt;
  for (const std::string_view known : kStatuses) {
    if (status == known) return known;
  }
  return "other";
}

std::optional<std::string_view> DecodeTwitchChallenge(std::string_view body,
                                                      UnescapeBuffer& buffer) {
  JsonReader json(body);
  std::string_view raw;
  json.Object([&](std::string_view key) {
    if (key == "challenge") {
      json.String(raw);
    } else {
      json.Skip();
    }
  });
  if (!json.Finish() || raw.empty()) return std::nullopt;
  return buffer.Unescape(raw);
}

}  // namespace stream::ingest
