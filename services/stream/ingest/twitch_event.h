// EventSub messages of Twitch, decoded from the bytes as received. Pure; nothing is kept.
#pragma once
#include <optional>
#include <string_view>

#include <absl/container/inlined_vector.h>

#include "libs/common/base/time.h"
#include "services/stream/ingest/json_reader.h"
#include "services/stream/privacy/personal.h"
#include "services/stream/privacy/viewers.h"

namespace stream::ingest {

// What the headers say. Views of the caller's.
struct TwitchHeaders {
  std::string_view id;         // unique per message; the same on a resend
  std::string_view timestamp;  // as sent: the signature covers this text
  std::string_view signature;  // "sha256=" and lower-case hex
  std::string_view type;       // notification, webhook_callback_verification, revocation
  std::string_view subscription_type;
};

inline constexpr std::string_view kNotification = "notification";
inline constexpr std::string_view kVerification = "webhook_callback_verification";
inline constexpr std::string_view kRevocation = "revocation";

// `find(name)` gives a header's value, its name in any case. nullopt when one that a message must
// have is missing or longer than any real one.
template <class Find>
std::optional<TwitchHeaders> ReadTwitchHeaders(Find&& find) {
  constexpr size_t kLongest = 256;
  TwitchHeaders out;
  const auto read = [&](std::string_view name, std::string_view& value) {
    const std::optional<std::string_view> found = find(name);
    if (!found || found->empty() || found->size() > kLongest) return false;
    value = *found;
    return true;
  };
  if (!read("Twitch-Eventsub-Message-Id", out.id) ||
      !read("Twitch-Eventsub-Message-Timestamp", out.timestamp) ||
      !read("Twitch-Eventsub-Message-Signature", out.signature) ||
      !read("Twitch-Eventsub-Message-Type", out.type)) {
    return std::nullopt;
  }
  read("Twitch-Eventsub-Subscription-Type", out.subscription_type);
  return out;
}

// When the message was sent; nullopt unless it is at most kFreshness old and not more than
// kFutureSkew ahead of our clock. Marks of what was carried out live as long as both together.
inline constexpr common::Duration kFreshness = std::chrono::minutes(10);
inline constexpr common::Duration kFutureSkew = std::chrono::minutes(5);
std::optional<common::Time> FreshTime(std::string_view timestamp, common::Time now);

// Every type that we subscribe to has its place here.
enum class TwitchEventType {
  kUnknown,
  kStreamOnline,
  kStreamOffline,
  kChannelUpdate,
  kAuthorizationRevoked,  // of the whole application, about no channel
  kChatMessage,
  kChatNotification,
  kFollow,
  kSubscribe,
  kSubscriptionGift,
  kSubscriptionMessage,
  kSubscriptionEnd,
  kCheer,
  kBitsUse,
  kRaid,
  kHypeTrainBegin,
  kHypeTrainProgress,
  kHypeTrainEnd,
  kModeratorAdd,
  kModeratorRemove,
  kVipAdd,
  kVipRemove,
  kRedemption,
  kPollBegin,
  kPollProgress,
  kPollEnd,
  kPredictionBegin,
  kPredictionProgress,
  kPredictionLock,
  kPredictionEnd,
};
inline constexpr TwitchEventType kLastTwitchEventType = TwitchEventType::kPredictionEnd;
TwitchEventType TwitchEventTypeOf(std::string_view subscription_type);

// The parts of events that anything is made of, under Twitch's names. Views point into the body. A
// part that a type does not have, or that is null, is absent.
struct TwitchEvent {
  // Whose channel it is: of a raid, the one that is raided.
  std::optional<privacy::PlatformUserId> broadcaster;
  // Who did it, or to whom it was done: user, chatter or raider.
  std::optional<privacy::PlatformUserId> user;

  std::string_view delivery_id;  // its own, in a message that brings several
  std::string_view id;           // of a stream, redemption, train, poll or prediction
  std::string_view message_id;   // of a line of chat
  std::string_view notice_type;
  std::string_view type;    // of used bits
  std::string_view status;  // of what ended
  std::optional<common::Time> started_at;
  privacy::PersonalText text;  // with its escapes, see UnescapeBuffer
  privacy::RoleNews roles;     // of a chatter, by the badges

  std::optional<int64_t> total;  // subscriptions given; points of a train
  std::optional<int64_t> cumulative_total;
  std::optional<int64_t> cumulative_months;
  std::optional<int64_t> bits;
  std::optional<int64_t> viewers;
  std::optional<int64_t> level;
  int64_t votes = 0;  // cast, or points bet, so far

  bool has_text = false;
  bool is_anonymous = false;
  bool is_gift = false;
  bool is_one_of_many = false;      // one gift of a community's
  bool from_other_channel = false;  // shown here by a shared chat, written elsewhere
};

// A message may bring several events at once, as many as a body has room for.
using TwitchEvents = absl::InlinedVector<TwitchEvent, 1>;

// nullopt when the body is no JSON object with an `event`, or with `events` as Twitch batches them,
// or a part that the type needs is missing or of another type. Unknown members and nulls are
// skipped.
std::optional<TwitchEvents> DecodeTwitchEvents(TwitchEventType type, std::string_view body);

// Why a subscription was revoked, one of the words of Twitch's that we know or "other"; nullopt
// when the body is no revocation.
std::optional<std::string_view> DecodeTwitchRevocation(std::string_view body);

// The challenge of a verification; nullopt when there is none.
std::optional<std::string_view> DecodeTwitchChallenge(std::string_view body,
                                                      UnescapeBuffer& buffer);

}  // namespace stream::ingest
