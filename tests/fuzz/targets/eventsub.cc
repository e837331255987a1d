// Bodies of Twitch's, taken for a message of every type.
#include "services/stream/ingest/twitch_crowd.h"
#include "tests/fuzz/target.h"

namespace {

using namespace stream::ingest;

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
  UnescapeBuffer buffer;
  const std::string_view room(reinterpret_cast<const char*>(&buffer), sizeof buffer);
  const bool well_formed = IsWellFormed(bytes);
  for (int number = 0; number <= static_cast<int>(kLastTwitchEventType); ++number) {
    const auto type = static_cast<TwitchEventType>(number);
    const auto events = DecodeTwitchEvents(type, bytes);
    if (!events) continue;
    FUZZ_CHECK(well_formed && !events->empty());
    for (const TwitchEvent& event : *events) {
      event.text.Use([&](std::string_view text) {
        FUZZ_CHECK(!event.has_text || fuzz::IsPartOf(text, bytes));
        return Sum(text);
      });
      const auto crowd = CrowdEventOf(type, event, buffer);
      FUZZ_CHECK(!crowd || !crowd->felt ||
                 (crowd->felt->intensity >= 0 && crowd->felt->intensity <= 1));
      const auto identity = IdentityOf(type, event);
      FUZZ_CHECK(!identity || !identity->by_user || event.user);
    }
  }
  const auto challenge = DecodeTwitchChallenge(bytes, buffer);
  FUZZ_CHECK(!challenge || well_formed);
  FUZZ_CHECK(!challenge || fuzz::IsPartOf(*challenge, bytes) || fuzz::IsPartOf(*challenge, room));
  const auto revocation = DecodeTwitchRevocation(bytes);
  FUZZ_CHECK(!revocation || (well_formed && !revocation->empty()));

  constexpr common::Time kNow{std::chrono::seconds(1'780'000'000)};
  if (const auto sent = FreshTime(bytes, kNow)) {
    FUZZ_CHECK(*sent >= kNow - kFreshness && *sent <= kNow + kFutureSkew);
  }
}
