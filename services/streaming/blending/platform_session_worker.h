// Keeps the table of platform sessions: what the stream daemon announces of them.
#pragma once
#include <memory>
#include <string_view>

#include <absl/status/status.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/nats/consumer.h"
#include "services/streaming/blending/platform_session_store.h"

namespace streaming::blending {

class PlatformSessionWorker {
 public:
  // Keeps the references.
  PlatformSessionWorker(PlatformSessionStore& store, common::nats::JetStream& jetstream,
                        common::Clock clock = common::Now)
      : store_(store),
        jetstream_(jetstream),
        clock_(std::move(clock)),
        loop_([this] { return Step(); }) {}

  // Binds to the consumer `streaming_platform_sessions` of the stream STREAM and begins.
  // UNAVAILABLE when NATS is away. May be called again.
  absl::Status Start();
  void Stop() { loop_.Stop(); }

 private:
  std::chrono::microseconds Step();
  // INVALID_ARGUMENT for what is no event of a platform session; else the store's error.
  absl::Status Handle(std::string_view subject, std::string_view payload);

  PlatformSessionStore& store_;
  common::nats::JetStream& jetstream_;
  const common::Clock clock_;
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  common::executor::Loop loop_;
};

}  // namespace streaming::blending
