// Feeds the watchers of this instance: with the hype and milestones that STREAMING stores, through
// a consumer of its own, and with what is told once on client.streaming.*.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/outbox/bus.h"
#include "services/streaming/events/watchers.h"

namespace streaming::events {

class WatchWorker {
 public:
  struct Options {
    // Who resumes within this time misses nothing.
    common::Duration history = std::chrono::minutes(10);
    common::Duration audit_interval = std::chrono::seconds(30);
    common::Clock clock = common::Now;
    // Which of these sessions are not active any more. At most kAuditMax are asked about at once.
    std::function<absl::StatusOr<std::vector<common::Uuid>>(std::span<const common::Uuid>)> ended;
  };
  static constexpr size_t kAuditMax = 200;

  // Keeps the references.
  WatchWorker(Watchers& watchers, common::metrics::Registry& metrics, Options options);

  // UNAVAILABLE may be followed by another call. `bus` must not be closed before Stop; the
  // subscription calls the watchers until it is.
  absl::Status Start(common::outbox::Bus& bus);
  // Nothing more is told. Watches are still cut off in time.
  void StopFeed();
  void Stop();

 private:
  absl::Status Subscribe();
  absl::Status OpenConsumer();
  absl::Status Feed(std::chrono::milliseconds wait);
  absl::Status BeginIfRead(bool nothing_came);
  bool Follows(uint64_t sequence);
  void Take(const common::nats::Message& message);
  common::executor::Loop::Outcome Care();
  absl::Status Audit();

  Watchers& watchers_;
  const Options options_;
  common::outbox::Bus* bus_ = nullptr;
  bool subscribed_ = false;
  uint64_t stored_before_ = 0;  // the last sequence when this began
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  uint64_t reconnects_ = 0;  // the connection's count when the consumer was opened
  bool fresh_ = false;       // nothing has come from it yet
  common::Time next_audit_{};
  common::executor::Loop feed_;
  common::executor::Loop care_;
};

}  // namespace streaming::events
