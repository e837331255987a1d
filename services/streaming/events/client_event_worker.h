// Tells front ends of the hype and the milestones that STREAMING has stored: at least once, those
// of a session in their order, repeats under the same id.
#pragma once
#include <absl/status/status.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/events/client_publisher.h"

namespace streaming::events {

class ClientEventWorker {
 public:
  // Both outlive it.
  ClientEventWorker(ClientPublisher& publisher, common::metrics::Registry& metrics);

  // UNAVAILABLE may be followed by another call. `jetstream` must not end before Stop.
  absl::Status Start(common::nats::JetStream& jetstream);
  void Stop();

 private:
  absl::Status Process(common::nats::Message& message);

  ClientPublisher& publisher_;
  common::nats::ConsumerLoop hype_;
  common::nats::ConsumerLoop milestones_;
};

}  // namespace streaming::events
