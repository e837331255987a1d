// Bodies of Twitch's, taken for a message of every type.
#include "services/stream/platforms/eventsub.h"

#include <algorithm>

#include "services/stream/ingest/twitch_event.h"
#include "tests/fuzz/target.h"

namespace {

using namespace stream::ingest;

int LastType() {
  int last = static_cast<int>(TwitchEventTypeOf(stream::platforms::kUserRevoked.name));
  for (const auto& type : stream::platforms::EventTypes()) {
    last = std::max(last, static_cast<int>(TwitchEventTypeOf(type.name)));
  }
  return last;
}

// Reads every byte that a view claims to have.
size_t Sum(std::string_view view) {
  size_t sum = 0;
  for (const char c : view) sum += static_cast<unsigned char>(c);
  return sum;
}

bool IsWellFormed(std::string_view bytes) {
  JsonReader json(bytes);
  json.Skip();
  return json.Finish();
}

}  // namespace

FUZZ_TARGET(eventsub, bytes) {
  static const int last = LastType();
  UnescapeBuffer buffer;
  const std::string_view room(reinterpret_cast<const char*>(&buffer), sizeof buffer);
  const bool well_formed = IsWellFormed(bytes);
  for (int type = 0; type <= last; ++type) {
    const auto event = DecodeTwitchEvent(static_cast<TwitchEventType>(type), bytes, buffer);
    if (!event) continue;
    FUZZ_CHECK(well_formed);
    event->text.Use([&](std::string_view text) {
      FUZZ_CHECK(fuzz::IsPartOf(text, bytes) || fuzz::IsPartOf(text, room));
      return Sum(text);
    });
  }
  const auto challenge = DecodeTwitchChallenge(bytes, buffer);
  FUZZ_CHECK(!challenge || well_formed);
  FUZZ_CHECK(!challenge || fuzz::IsPartOf(*challenge, bytes) || fuzz::IsPartOf(*challenge, room));
  const auto revocation = DecodeTwitchRevocation(bytes);
  FUZZ_CHECK(!revocation || (well_formed && !revocation->empty()));

  constexpr common::Time kNow{std::chrono::seconds(1'780'000'000)};
  if (const auto sent = FreshTime(bytes, kNow)) {
    FUZZ_CHECK(*sent >= kNow - kFreshness && *sent <= kNow + kFreshness);
  }
}
