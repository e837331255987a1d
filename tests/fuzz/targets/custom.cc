// Messages of Custom platforms.
#include "services/stream/ingest/custom_event.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(custom, bytes) {
  using namespace stream::ingest;
  const auto event = DecodeCustomEvent(bytes);
  if (!event) return;
  FUZZ_CHECK(!event->id.empty() && event->id.size() <= 128);
  FUZZ_CHECK(event->viewers.value_or(0) >= 0);
  FUZZ_CHECK(event->viewers || event->type != CustomEventType::kViewers);
  FUZZ_CHECK(common::ParseTime(common::FormatTime(event->at)) == event->at);
  event->text.Use(
      [&](std::string_view text) { FUZZ_CHECK(!event->has_text || fuzz::IsPartOf(text, bytes)); });
  UnescapeBuffer buffer;
  const auto crowd = CrowdEventOf(*event, buffer);
  FUZZ_CHECK(!crowd || !crowd->felt ||
             (crowd->felt->intensity >= 0 && crowd->felt->intensity <= 1));
}
