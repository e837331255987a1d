// The heartbeat: steps every live session in every round, cohort by cohort. Any number of instances
// may run it; one leads a shard at a time, and another can take over in the middle of a round with
// the same result: sessions are stepped in the view's order, each remembers how far it has come,
// and nobody but the leader may step.
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
#include "services/streaming/audience/flow.h"
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
    uint32_t voices_most = 500;    // of a real crowd, that one session tells apart
    uint32_t cohorts = kCohorts;   // that new rounds are stepped in
    pool::GrowthSettings growth;
    // How long a leader that fell silent keeps the others waiting.
    std::chrono::milliseconds lease{10'000};
    // What a step does beside the audience, for view.sessions[self]: adds to the change. A function
    // of its arguments alone, so that whoever makes the step comes to the same. May be empty.
    std::function<absl::Status(const RoundSettings&, const View&, uint32_t self, Change&)> beside;
    // Told of sessions as they are after a round, at most kBatch at once. May be empty.
    std::function<void(std::span<const LiveSession>)> stepped;
    // Told after a round who went from stream to stream in it. May be empty.
    std::function<void(const Shard&, const std::vector<Flow>&)> moved;
  };

  // Keeps the references.
  RoundWorker(RoundStore& rounds, LiveStore& live, pool::PoolStore& pools,
              common::metrics::Registry& metrics, common::Clock clock, Options options);

  void Start() { loop_.Start(); }
  // Ends after the session that is being stepped, and gives the lead up.
  void Stop();

  // One look at every shard: leads it if nobody else does, and steps what is due of its present
  // round. Returns how many steps of sessions that were. What the loop does, and tests.
  absl::StatusOr<uint32_t> RunOnce();

  static constexpr size_t kBatch = 32;

 private:
  // Who goes over from one session, and where to.
  struct Outing {
    std::vector<Mover> movers;  // destination = position in `to`
    std::vector<LiveSession*> to;
    std::vector<uint32_t> numbers;  // of `to` in the view
  };
  // How many there were of each when a round began.
  struct Census {
    uint32_t sessions = 0;
    uint32_t audience_heads = 0;
    uint32_t pool_heads = 0;
    uint32_t free_heads = 0;
  };
  // What this instance knows of a shard that it leads.
  struct Progress {
    // The round that is stepped, none at first; its sessions as they are, absent once they ended.
    std::optional<View> view;
    Field field;
    std::vector<std::optional<LiveSession>> sessions;
    uint32_t cohort = 0;        // the next one
    common::Duration spent{0};  // on it so far
    bool loaded = false;        // the last round took too long
    Census census;
    Migrations migrations;
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

  absl::StatusOr<uint32_t> RunShard(const Shard& shard);
  absl::StatusOr<Lead> TakeLead(const Shard& shard, std::chrono::milliseconds interval);
  static Census CensusOf(const View& view);
  void Report();
  absl::StatusOr<uint32_t> StepDue(const Shard& shard, const Lead& lead, float stretch,
                                   Progress& progress);
  absl::StatusOr<uint32_t> EndRoundBefore(const Shard& shard, const Lead& lead, Progress& progress);
  static void Enter(View view, Progress& progress);
  float Stretch(std::chrono::milliseconds interval) const;
  absl::Status BeginRound(const Shard& shard, uint32_t round, float stretch, Progress& progress);
  // Steps the cohorts before `until` that are left of the round.
  absl::StatusOr<uint32_t> StepUntil(const Shard& shard, uint32_t until, Progress& progress);
  absl::StatusOr<uint32_t> StepCohort(const Shard& shard, Progress& progress);
  // Brings one session to where the others are. Returns how many steps that took.
  absl::StatusOr<uint32_t> StepOne(const LiveKey& key, Progress& progress, uint32_t self);
  // Those of the session's cohort whom others have won go over to them.
  absl::Status MoveOne(const Shard& shard, Progress& progress, uint32_t self);
  static Outing OutingOf(Progress& progress, uint32_t self, const RoundSettings& settings);
  absl::Status Reload(const Shard& shard, Progress& progress, uint32_t number);
  absl::Status KeepLead(const Shard& shard, common::Time& renewed);
  void Grow(const Shard& shard, const View& view);
  void Tell(Progress& progress);
  void TellMoved(const Shard& shard, Progress& progress);
  common::executor::Loop::Outcome Tick();

  RoundStore& rounds_;
  LiveStore& live_;
  pool::PoolStore& pools_;
  const common::Clock clock_;
  const Options options_;
  const std::string self_;
  std::map<std::string, Progress> progress_;  // by ShardPrefix
  absl::Status failure_;                      // the first one of this look
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
  common::metrics::Counter& grown_;
  const Gauges gauges_;
  common::executor::Loop loop_;
};

}  // namespace streaming::audience
