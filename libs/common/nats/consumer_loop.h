// Hands the messages of a durable consumer to a handler, on a thread of its own, and measures how
// far behind the consumer is.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

#include <absl/status/status.h>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer.h"

namespace common::nats {

class ConsumerLoop {
 public:
  // Called with one message at a time, in a trace that continues its publisher's. Gives the message
  // its answer (Ack, Nak, Term or Bury) and returns how that went.
  using Handler = std::function<absl::Status(Message&)>;

  // The durable's name is also that of the worker. `metrics` outlives this.
  ConsumerLoop(ConsumerSpec spec, metrics::Registry& metrics, Handler handler);

  // Binds to the consumer and begins. UNAVAILABLE when NATS is away; may then be called again.
  // `jetstream` must not end before Stop.
  absl::Status Start(JetStream& jetstream);
  // Ends when the messages that it has fetched are handled; idempotent.
  void Stop();

  // For the handler: puts a message that nobody will ever be able to handle into dead.<its subject>
  // and takes it out of the consumer.
  absl::Status Bury(Message& message);

 private:
  executor::Loop::Outcome Step();
  void Handle(Message& message);
  absl::Status MeasureIfDue();

  const ConsumerSpec spec_;
  const Handler handler_;
  metrics::Gauge& pending_;
  metrics::Gauge& unacknowledged_;
  metrics::Gauge& redelivered_;
  metrics::Counter& buried_;
  JetStream* jetstream_ = nullptr;
  std::unique_ptr<PullConsumer> consumer_;
  std::chrono::steady_clock::time_point next_measure_{};
  executor::Loop loop_;
};

}  // namespace common::nats
