// Puts ended sessions into careers, on every instance: the database decides who applies which.
#pragma once
#include <functional>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/careers/career_store.h"

namespace streaming::careers {

class CareerProgressionWorker {
 public:
  struct Options {
    std::function<void()> announce = [] {};  // called when there is news in the outbox
    common::Clock clock = common::Now;
  };
  // `store` and `metrics` outlive the worker.
  CareerProgressionWorker(CareerStore& store, common::metrics::Registry& metrics, Options options);
  CareerProgressionWorker(CareerStore& store, common::metrics::Registry& metrics)
      : CareerProgressionWorker(store, metrics, Options{}) {}

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }
  // A session has ended, or its hype trains are on record: looks now instead of within kInterval.
  void Notify() { loop_.Wake(); }

  // One page of sessions, and how long to wait for the next: nothing while there are more. A
  // session that fails is tried again in the next pass and holds up no other.
  common::executor::Loop::Outcome Step();

  static constexpr std::chrono::minutes kInterval{1};
  static constexpr int kPageMax = 100;

 private:
  CareerStore& store_;
  common::metrics::Counter& applied_;
  common::metrics::Counter& failed_;
  const Options options_;
  common::Uuid cursor_;  // the last session of this pass; nil at its beginning
  common::executor::Loop loop_;
};

}  // namespace streaming::careers
