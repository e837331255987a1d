// Keeps record and audiences in step: checkpoints what rounds changed, finishes what a crash left
// between two steps, and ends what nobody ends.
#pragma once
#include <chrono>
#include <span>

#include <absl/status/status.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/sessions/life_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

class SessionWorker {
 public:
  struct Options {
    common::Duration interval = std::chrono::minutes(1);      // between two looks
    common::Duration start_grace = std::chrono::seconds(60);  // what a start may take
    common::Duration pending_timeout = std::chrono::minutes(15);
    common::Duration idle_timeout = std::chrono::hours(6);
    common::Duration retention = std::chrono::days(90);  // of ended sessions
  };
  struct Parts {
    SessionStore& sessions;
    SessionLife& life;
    audience::LiveStore& live;
    pool::PoolStore& pools;
  };

  // Keeps the references.
  SessionWorker(const Parts& parts, common::metrics::Registry& metrics, common::Clock clock,
                Options options);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // For RoundWorker::Options::stepped: what the record shall know of sessions after their step.
  void Checkpoint(std::span<const audience::LiveSession> sessions);

  // One look at everything. Goes on after a failure and returns the first one.
  absl::Status RunOnce();

  static constexpr uint32_t kBatch = 100;       // sessions read at once
  static constexpr uint32_t kBatchesMax = 100;  // of one status and look

 private:
  template <class Handle>
  absl::Status ForEach(Status status, Handle handle);
  absl::Status Purge(common::Time now);
  absl::Status MindPending(const Session& session, common::Time now);
  absl::Status MindLive(const Session& session, common::Time now);
  absl::Status MindShard(const audience::Shard& shard);
  absl::Status MindAudience(const audience::LiveKey& key, common::Time now);

  const Parts parts_;
  const common::Clock clock_;
  const Options options_;
  common::metrics::Counter& repairs_;
  common::metrics::Counter& expiries_;
  common::metrics::Counter& lost_checkpoints_;
  common::executor::Loop loop_;
};

}  // namespace streaming::sessions
