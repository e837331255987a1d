// The heartbeat: steps every live session once a round. Any number of instances may run it; one
// leads a shard at a time, and another can take over in the middle of a round with the same result,
// because a session refuses a round that it took part in already.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/audience/round_store.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::audience {

class RoundWorker {
 public:
  struct Options {
    RoundSettings settings;
    std::chrono::milliseconds interval{60'000};             // of an ordinary round
    std::chrono::milliseconds high_load_interval{300'000};  // after one that took too long
    double mood_decay_rate = 0.1;  // of a real crowd's mood in an ordinary round without pulses
    // How long a leader that fell silent keeps the others waiting.
    std::chrono::milliseconds lease{10'000};
    // Told of sessions as they are after their step, at most kBatch at once. May be empty.
    std::function<void(std::span<const LiveSession>)> stepped;
  };

  // Keeps the references.
  RoundWorker(RoundStore& rounds, LiveStore& live, pool::PoolStore& pools,
              common::metrics::Registry& metrics, common::Clock clock, Options options);

  void Start() { loop_.Start(); }
  // Ends after the session that is being stepped, and gives the lead up.
  void Stop();

  // One look at every shard: leads it if nobody else does, and steps what has not been stepped in
  // its present round. Returns how many sessions it stepped. What the loop does, and tests.
  absl::StatusOr<uint32_t> RunOnce();

  static constexpr size_t kBatch = 32;

 private:
  // How many there were of each when a round began.
  struct Census {
    uint32_t sessions = 0;
    uint32_t audience_heads = 0;
    uint32_t pool_heads = 0;
    uint32_t free_heads = 0;
  };
  // What this instance knows of a shard that it leads.
  struct Progress {
    uint32_t finished_round = 0;
    bool loaded = false;  // the last round took too long
    Census census;
  };
  // The same over all shards that we lead, for the metrics.
  struct Gauges {
    explicit Gauges(common::metrics::Registry& metrics);

    common::metrics::Gauge& shards;
    common::metrics::Gauge& sessions;
    common::metrics::Gauge& audience_heads;
    common::metrics::Gauge& pool_heads;
    common::metrics::Gauge& free_heads;
  };

  absl::StatusOr<std::vector<Shard>> Shards();
  absl::StatusOr<uint32_t> RunShard(const Shard& shard);
  absl::StatusOr<Lead> TakeLead(const Shard& shard, std::chrono::milliseconds interval);
  static Census CensusOf(const View& view);
  void Report();
  absl::StatusOr<uint32_t> StepAll(const Shard& shard, const View& view);
  // nullopt when the session took part in the round already, or ended.
  absl::StatusOr<std::optional<LiveSession>> StepOne(const LiveKey& key, const View& view,
                                                     const Field& field, uint32_t self);
  void Count(const Applied& applied);
  void Tell(std::vector<LiveSession>& stepped);
  common::executor::Loop::Outcome Tick();

  RoundStore& rounds_;
  LiveStore& live_;
  pool::PoolStore& pools_;
  const common::Clock clock_;
  const Options options_;
  const std::string self_;
  std::map<std::string, Progress> progress_;  // by ShardPrefix
  std::chrono::milliseconds next_{0};         // until some shard wants another look
  std::atomic<bool> stopping_{false};
  common::metrics::Histogram& duration_;
  common::metrics::Histogram& lateness_;
  common::metrics::Counter& steps_;
  common::metrics::Counter& failures_;
  common::metrics::Counter& repaired_;
  common::metrics::Counter& joined_;
  common::metrics::Counter& bored_;
  common::metrics::Counter& competed_;
  const Gauges gauges_;
  common::executor::Loop loop_;
};

}  // namespace streaming::audience
