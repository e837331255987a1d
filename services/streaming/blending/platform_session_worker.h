// Keeps the table of platform sessions: what the stream daemon announces of them.
#pragma once
#include <string_view>

#include <absl/status/status.h>

#include "libs/common/base/time.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/blending/platform_session_store.h"

namespace streaming::blending {

class PlatformSessionWorker {
 public:
  // Keeps the references.
  PlatformSessionWorker(PlatformSessionStore& store, common::metrics::Registry& metrics,
                        common::Clock clock = common::Now);

  // Begins to read the consumer `streaming_platform_sessions` of the stream STREAM; as
  // ConsumerLoop's.
  absl::Status Start(common::nats::JetStream& jetstream) { return consumer_.Start(jetstream); }
  void Stop() { consumer_.Stop(); }

 private:
  absl::Status Process(common::nats::Message& message);
  // INVALID_ARGUMENT for what is no event of a platform session; else the store's error.
  absl::Status Handle(std::string_view subject, std::string_view payload);

  PlatformSessionStore& store_;
  const common::Clock clock_;
  common::nats::ConsumerLoop consumer_;
};

}  // namespace streaming::blending
