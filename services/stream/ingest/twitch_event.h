// EventSub messages of Twitch, decoded from the bytes as received. Pure; nothing is kept.
#pragma once
#include <optional>
#include <string_view>

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

// When the message was sent; nullopt unless it is within kFreshness of now, on either side.
inline constexpr common::Duration kFreshness = std::chrono::minutes(10);
std::optional<common::Time> FreshTime(std::string_view timestamp, common::Time now);

enum class TwitchEventType {
  kUnknown,
  kStreamOnline,
  kStreamOffline,
  kChatMessage,
  kAuthorizationRevoked,  // of the whole application, about no channel
};
TwitchEventType TwitchEventTypeOf(std::string_view subscription_type);

// The parts of an event that anything is made of. Views point into the body or the buffer.
struct TwitchEvent {
  std::optional<privacy::PlatformUserId> broadcaster;

  // stream.online
  std::string_view stream_id;
  std::optional<common::Time> started_at;

  // user.authorization.revoke
  std::optional<privacy::PlatformUserId> user;

  // channel.chat.message
  std::optional<privacy::PlatformUserId> chatter;
  std::string_view message_id;
  privacy::PersonalText text;
  privacy::Roles roles;
  bool from_other_channel = false;  // shown here by a shared chat, written elsewhere
};

// nullopt when the body is no JSON object with an `event`, or a part that the type needs is missing
// or of another type. Unknown members and nulls are skipped. `buffer` backs the event's text.
std::optional<TwitchEvent> DecodeTwitchEvent(TwitchEventType type, std::string_view body,
                                             UnescapeBuffer& buffer);

// Why a subscription was revoked, one of the words of Twitch's that we know or "other"; nullopt
// when the body is no revocation.
std::optional<std::string_view> DecodeTwitchRevocation(std::string_view body);

// The challenge of a verification; nullopt when there is none.
std::optional<std::string_view> DecodeTwitchChallenge(std::string_view body,
                                                      UnescapeBuffer& buffer);

}  // namespace stream::ingest
