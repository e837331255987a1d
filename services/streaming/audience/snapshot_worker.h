// What the specification's clients see every AudienceUpdateIntervalSeconds: how big a session's
// audience is and how it feels.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <absl/status/status.h>
#include <bannou/streaming/v1/client_events.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/composition.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::audience {

bannou::streaming::v1::EngagementBreakdown BreakdownOf(const Composition& composition);
// Its numbers are those of one moment, so they agree with each other.
bannou::streaming::v1::ClientEvent SnapshotOf(const AttractionWeights& weights,
                                              const LiveSession& session, common::Time now);

// How far the session's train is; nullopt when none runs.
std::optional<bannou::streaming::v1::ClientEvent> ProgressOf(const hype::Settings& settings,
                                                             const LiveSession& session,
                                                             common::Time now);

// Each session gets one snapshot an interval, however many instances there are; they are spread
// over the interval by the sessions' ids.
class SnapshotWorker {
 public:
  struct Options {
    common::Duration interval = std::chrono::seconds(10);
    AttractionWeights weights;
    hype::Settings hype;
    common::Clock clock = common::Now;
    std::function<void(const common::Uuid& session, const bannou::streaming::v1::ClientEvent&)>
        publish;
  };
  struct Parts {
    AudienceStore& audience;
    LiveStore& live;
    pool::PoolStore& pools;
  };

  // Keeps the references.
  SnapshotWorker(const Parts& parts, common::metrics::Registry& metrics, Options options);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // Takes the snapshots that are due and that no other instance takes. Goes on after a failure and
  // returns the first one.
  absl::Status RunOnce();

  static constexpr int64_t kSlices = 8;  // of an interval

 private:
  int64_t SliceNow() const;
  absl::StatusOr<std::vector<Shard>> Shards();
  absl::Status TakeSlice(const Shard& shard, int64_t slice);
  // At most LiveStore::kLoadManyMost of them.
  absl::Status Take(std::span<const LiveKey> keys);

  const Parts parts_;
  const Options options_;
  const common::Duration slice_;
  int64_t last_slice_ = 0;
  std::vector<Shard> shards_;
  common::Time shards_until_{};  // when they are asked for again
  common::executor::Loop loop_;
};

}  // namespace streaming::audience
