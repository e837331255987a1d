// Messages of Custom platforms, in the format of docs/custom_webhooks.md, decoded from the bytes as
// received. Pure; nothing is kept.
#pragma once
#include <optional>
#include <string_view>

#include "libs/common/base/time.h"
#include "services/stream/ingest/crowd_event.h"
#include "services/stream/ingest/json_reader.h"

namespace stream::ingest {

// What the headers say. Views of the caller's.
struct CustomHeaders {
  std::string_view timestamp;  // RFC 3339, as sent: the signature covers this text
  std::string_view signature;  // "sha256=" and lower-case hex
};

// `find(name)` gives a header's value, its name in any case. nullopt when one is missing or longer
// than any real one.
template <class Find>
std::optional<CustomHeaders> ReadCustomHeaders(Find&& find) {
  constexpr size_t kLongest = 128;
  const std::optional<std::string_view> timestamp = find("Bannou-Webhook-Timestamp");
  const std::optional<std::string_view> signature = find("Bannou-Webhook-Signature");
  if (!timestamp || !signature || timestamp->size() > kLongest || signature->size() > kLongest) {
    return std::nullopt;
  }
  return CustomHeaders{*timestamp, *signature};
}

enum class CustomEventType {
  kUnknown,
  kOnline,
  kOffline,
  kViewers,
  kChat,
  kSubscribe,
  kRaid,
  kFollow
};

struct CustomEvent {
  std::string id;  // unique per message and link; 1 to 128 bytes
  CustomEventType type = CustomEventType::kUnknown;
  common::Time at;  // when it happened
  std::optional<int> viewers;
  std::optional<int64_t> months;  // of a subscription so far
  std::optional<int64_t> gifts;   // subscriptions given to others
  std::optional<privacy::PlatformUserId> user;
  privacy::RoleNews roles;
  privacy::PersonalText text;  // with its escapes
  bool has_text = false;
};

// nullopt when the body is no such message: {id, type, at, data}. Unknown members are skipped, and
// an unknown type is none that means anything.
std::optional<CustomEvent> DecodeCustomEvent(std::string_view body);

// What an event means for the crowd; nullopt when it is not about the crowd.
std::optional<CrowdEvent> CrowdEventOf(const CustomEvent& event, UnescapeBuffer& buffer);

}  // namespace stream::ingest
