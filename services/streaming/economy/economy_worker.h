// What time does to the economy: followers give by the hour, deals expire, request ids are
// forgotten. Any number of instances may do so at once.
#pragma once
#include <functional>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/economy/follower_tips_store.h"

namespace streaming::economy {

class EconomyWorker {
 public:
  struct Options {
    HourlyTips followers;
    common::Clock clock = common::Now;
    // Called when there is news in the outbox.
    std::function<void()> announce = [] {};
  };

  // `mysql` and `metrics` outlive the worker.
  EconomyWorker(common::mysql::Pool& mysql, common::metrics::Registry& metrics, Options options);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // One page of each, and how long to wait for the next.
  common::executor::Loop::Outcome Step();

  static constexpr std::chrono::minutes kInterval{1};
  // Between two pages while there is more to do: news of an hour's tips, which is much at once,
  // must not hold up the news of sessions in the outbox.
  static constexpr std::chrono::milliseconds kPace{250};
  static constexpr int kBatch = 500;  // deals, and request ids

 private:
  // Each does one page; whether there may be more.
  absl::StatusOr<bool> PayFollowerTips();
  absl::StatusOr<bool> ExpireDeals();
  absl::StatusOr<bool> ForgetRequests();

  common::mysql::Pool& mysql_;
  const Options options_;
  common::metrics::Counter& by_followers_;
  common::metrics::Gauge& behind_;
  common::metrics::Counter& expired_;
  common::executor::Loop loop_;
};

}  // namespace streaming::economy
