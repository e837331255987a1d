#include "services/stream/ingest/twitch_crowd.h"

#include <algorithm>

namespace stream::ingest {
namespace {

using sentiment::Category;
using sentiment::Sentiment;
using Type = TwitchEventType;

// What acts without words are felt to be; ours.
constexpr Sentiment kRedeemed{Category::kExcited, 0.4f};
constexpr Sentiment kHonoured{Category::kSupportive, 0.5f};  // streaks and badges
constexpr Sentiment kDonated{Category::kSupportive, 0.7f};
constexpr Sentiment kTrainBegan{Category::kExcited, 0.7f};
constexpr Sentiment kTrainEnded{Category::kSupportive, 0.5f};
constexpr Sentiment kAsked{Category::kCurious, 0.5f};
constexpr Sentiment kLocked{Category::kExcited, 0.5f};
constexpr Sentiment kResolved{Category::kSurprised, 0.5f};
constexpr Sentiment kCancelled{Category::kCritical, 0.3f};
constexpr Sentiment kOtherTitle{Category::kCurious, 0.3f};
constexpr int64_t kBitsUnit = 10;

CrowdEvent By(const TwitchEvent& event, Act act, Sentiment felt) {
  return {.author = event.user, .roles = event.roles, .act = act, .felt = felt};
}

// Somebody's role changed; they need not be here.
CrowdEvent RoleOnly(const TwitchEvent& event, privacy::RoleNews roles) {
  return {.author = event.user, .roles = roles};
}

// Words that came with an act: the act is felt in any case.
Sentiment WordsOr(const TwitchEvent& event, UnescapeBuffer& buffer, Sentiment act) {
  return event.has_text ? Stronger(FeltOfWords(event.text, buffer), act) : act;
}

CrowdEvent Subscribed(const TwitchEvent& event, UnescapeBuffer& buffer) {
  const Sentiment act = FeltOfSubscription(event.cumulative_months.value_or(1));
  CrowdEvent out = By(event, Act::kSupport, WordsOr(event, buffer, act));
  out.roles.subscriber = true;
  return out;
}

CrowdEvent Gifted(const TwitchEvent& event) {
  return By(event, Act::kSupport, FeltOfGifts(event.total.value_or(1)));
}

CrowdEvent Cheered(const TwitchEvent& event) {
  return By(event, Act::kSupport, FeltOfMoney(event.bits.value_or(0) / kBitsUnit));
}

CrowdEvent Raided(const TwitchEvent& event) {
  CrowdEvent out = By(event, Act::kRaid, FeltOfRaid(event.viewers.value_or(0)));
  out.roles.raid_leader = true;
  return out;
}

// A train's level says how hot it is; Twitch's have five and more.
CrowdEvent TrainRises(const TwitchEvent& event) {
  const auto level = static_cast<float>(std::clamp<int64_t>(event.level.value_or(1), 1, 6));
  return Ambient({Category::kExcited, 0.4f + 0.1f * level});
}

std::optional<CrowdEvent> OfNotice(const TwitchEvent& event, UnescapeBuffer& buffer) {
  const std::string_view notice = event.notice_type;
  if (notice == "sub" || notice == "resub") return Subscribed(event, buffer);
  // Without a running total it cannot be told from what channel.subscription.gift says.
  if (notice == "community_sub_gift" || notice == "sub_gift") {
    if (event.is_one_of_many || !event.user || !event.cumulative_total) return std::nullopt;
    return Gifted(event);
  }
  if (notice == "raid") return Raided(event);
  if (notice == "gift_paid_upgrade" || notice == "prime_paid_upgrade") {
    return Subscribed(event, buffer);
  }
  if (notice == "announcement") return By(event, Act::kChat, FeltOfWords(event.text, buffer));
  if (notice == "bits_badge_tier" || notice == "watch_streak" || notice == "modiversary") {
    return By(event, Act::kSupport, WordsOr(event, buffer, kHonoured));
  }
  if (notice == "charity_donation") return By(event, Act::kSupport, kDonated);
  // unraid, pay_it_forward (its gift counts), what other channels' chats show here, and what is new
  return std::nullopt;
}

std::optional<CrowdEvent> OfBits(const TwitchEvent& event) {
  // channel.cheer tells of those, under the same permission.
  if (event.type == "cheer") return std::nullopt;
  return Cheered(event);
}

}  // namespace

std::optional<CrowdEvent> CrowdEventOf(TwitchEventType type, const TwitchEvent& event,
                                       UnescapeBuffer& buffer) {
  if (event.from_other_channel) return std::nullopt;
  if (event.user && event.user == event.broadcaster) return std::nullopt;  // no part of the crowd
  switch (type) {
    case Type::kChatMessage:
      return By(event, Act::kChat, FeltOfWords(event.text, buffer));
    case Type::kChatNotification:
      return OfNotice(event, buffer);
    case Type::kFollow:
      return By(event, Act::kFollow, kFollowed);
    case Type::kSubscribe:
      if (event.is_gift) return std::nullopt;  // the giver's message counts
      return Subscribed(event, buffer);
    case Type::kSubscriptionMessage:
      return Subscribed(event, buffer);
    case Type::kSubscriptionGift:
      return Gifted(event);
    case Type::kSubscriptionEnd:
      return RoleOnly(event, {.subscriber = false});
    case Type::kCheer:
      return Cheered(event);
    case Type::kBitsUse:
      return OfBits(event);
    case Type::kRaid:
      return Raided(event);
    case Type::kHypeTrainBegin:
      return Ambient(kTrainBegan);
    case Type::kHypeTrainProgress:
      return TrainRises(event);
    case Type::kHypeTrainEnd:
      return Ambient(kTrainEnded);
    case Type::kModeratorAdd:
    case Type::kModeratorRemove:
      return RoleOnly(event, {.moderator = type == Type::kModeratorAdd});
    case Type::kVipAdd:
    case Type::kVipRemove:
      return RoleOnly(event, {.vip = type == Type::kVipAdd});
    case Type::kRedemption:
      return By(event, Act::kRedeem, WordsOr(event, buffer, kRedeemed));
    case Type::kPollBegin:
    case Type::kPredictionBegin:
      return Ambient(kAsked);
    case Type::kPollProgress:
    case Type::kPollEnd:
    case Type::kPredictionProgress:
      return Ambient(kVoting);
    case Type::kPredictionLock:
      return Ambient(kLocked);
    case Type::kPredictionEnd:
      return Ambient(event.status == "canceled" ? kCancelled : kResolved);
    case Type::kChannelUpdate:
      return Ambient(kOtherTitle);
    case Type::kUnknown:
    case Type::kStreamOnline:
    case Type::kStreamOffline:
    case Type::kAuthorizationRevoked:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<EventIdentity> IdentityOf(TwitchEventType type, const TwitchEvent& event) {
  const auto by_user = [&event](std::string_view kind, int64_t number) {
    return event.user ? std::optional(EventIdentity{kind, {}, true, number}) : std::nullopt;
  };
  const auto stage = [&event](std::string_view kind, int64_t number) {
    return EventIdentity{kind, event.id, false, number};
  };
  const auto gift = [&] {
    return event.cumulative_total ? by_user("gift", *event.cumulative_total) : std::nullopt;
  };
  switch (type) {
    case Type::kFollow:
      return by_user("follow", 0);
    case Type::kSubscribe:
      return by_user("sub", 0);
    case Type::kSubscriptionMessage:
      return by_user("resub", 0);
    case Type::kSubscriptionGift:
      return gift();
    case Type::kRaid:
      return by_user("raid", 0);
    case Type::kChatNotification:
      if (event.notice_type == "sub" || event.notice_type.ends_with("_paid_upgrade")) {
        return by_user("sub", 0);
      }
      if (event.notice_type == "resub") return by_user("resub", 0);
      if (event.notice_type == "raid") return by_user("raid", 0);
      if (event.notice_type == "sub_gift" || event.notice_type == "community_sub_gift") {
        return gift();
      }
      return EventIdentity{"notice", event.message_id, false, 0};
    case Type::kRedemption:
      return stage("redemption", 0);
    case Type::kHypeTrainBegin:
      return stage("train begins", 0);
    case Type::kHypeTrainProgress:
      return stage("train", event.total.value_or(0));
    case Type::kHypeTrainEnd:
      return stage("train ends", 0);
    case Type::kPollBegin:
      return stage("poll begins", 0);
    case Type::kPollProgress:
      return stage("poll", event.votes);
    case Type::kPollEnd:
      return stage("poll ends", 0);
    case Type::kPredictionBegin:
      return stage("prediction begins", 0);
    case Type::kPredictionProgress:
      return stage("prediction", event.votes);
    case Type::kPredictionLock:
      return stage("prediction locks", 0);
    case Type::kPredictionEnd:
      return stage("prediction ends", 0);
    default:  // they happen again and again, alike
      return std::nullopt;
  }
}

}  // namespace stream::ingest
