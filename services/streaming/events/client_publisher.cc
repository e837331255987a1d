#include "services/streaming/events/client_publisher.h"

#include "libs/common/base/status.h"
#include "libs/common/trace/trace.h"
#include "services/streaming/events/client_event.h"

namespace streaming::events {

namespace v1 = bannou::streaming::v1;

ClientPublisher::ClientPublisher(common::outbox::Bus& bus, common::metrics::Registry& metrics)
    : bus_(bus) {
  const auto* kinds = v1::ClientEvent::descriptor()->oneof_decl(0);
  for (int i = 0; i < static_cast<int>(kKinds); ++i) {
    published_.at(static_cast<size_t>(i)) = &metrics.GetCounter(
        "streaming_client_events_total", "Client events published on client.streaming.*, by kind.",
        {{"kind", kinds->field(i)->name()}});
  }
}

absl::Status ClientPublisher::Publish(const common::Uuid& session, const v1::ClientEvent& event) {
  if (event.event_case() == v1::ClientEvent::EVENT_NOT_SET) return absl::OkStatus();
  RETURN_IF_ERROR(
      bus_.connection().Publish(ClientSubject(session), ToJson(event),
                                {{"Content-Type", "application/json"},
                                 {"traceparent", common::trace::CurrentTraceparent()}}));
  // The cases are the numbers of the fields, which the contract counts from 1.
  published_.at(static_cast<size_t>(event.event_case()) - 1)->Increment();
  return absl::OkStatus();
}

}  // namespace streaming::events
