// HypeTrainProcessor: once a second it ends the trains whose time is over, and relays what happened
// to trains from Redis to the record and the outbox.
#pragma once
#include <functional>

#include <absl/status/status.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/hype/hype_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::hype {

class HypeWorker {
 public:
  struct Options {
    Settings settings;
    std::chrono::milliseconds interval{1000};
    common::Clock clock = common::Now;
    // Called when there is news in the outbox.
    std::function<void()> announce = [] {};
  };

  // Keeps the references.
  HypeWorker(audience::LiveStore& live, HypeStore& store, pool::PoolStore& pools,
             common::metrics::Registry& metrics, Options options);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // One look at everything. Any number of instances may look at once.
  absl::Status RunOnce();

 private:
  // Ends the train if it is over. Whether Redis knows the train.
  absl::StatusOr<bool> Look(const OpenTrain& train, common::Time now);

  audience::LiveStore& live_;
  HypeStore& store_;
  pool::PoolStore& pools_;
  const Options options_;
  common::metrics::Gauge& running_;
  common::executor::Loop loop_;
};

}  // namespace streaming::hype
