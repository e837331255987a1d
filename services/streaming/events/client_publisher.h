// Tells the front ends of a game what happens in a session.
#pragma once
#include <array>
#include <string_view>

#include <bannou/streaming/v1/client_events.pb.h>

#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/outbox/bus.h"

namespace streaming::events {

// Thread-safe.
class ClientPublisher {
 public:
  // Both outlive it. To be used after the bus has started.
  ClientPublisher(common::outbox::Bus& bus, common::metrics::Registry& metrics);

  // To whoever listens now. UNAVAILABLE when the server has been away for so long that no more can
  // wait for it.
  absl::Status Publish(const common::Uuid& session,
                       const bannou::streaming::v1::ClientEvent& event);

 private:
  static constexpr size_t kKinds = 6;

  common::outbox::Bus& bus_;
  std::array<common::metrics::Counter*, kKinds> published_;
};

}  // namespace streaming::events
