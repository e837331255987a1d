// Messages of Custom platforms.
#include "services/stream/ingest/custom_event.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(custom, bytes) {
  const auto event = stream::ingest::DecodeCustomEvent(bytes);
  if (!event) return;
  FUZZ_CHECK(fuzz::IsPartOf(event->id, bytes));
  FUZZ_CHECK(!event->id.empty() && event->id.size() <= 128);
  FUZZ_CHECK(event->viewers.value_or(0) >= 0);
  FUZZ_CHECK(event->viewers || event->type != stream::ingest::CustomEventType::kViewers);
  FUZZ_CHECK(common::ParseTime(common::FormatTime(event->at)) == event->at);
}
