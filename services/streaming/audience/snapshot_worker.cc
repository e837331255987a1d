#include "services/streaming/audience/snapshot_worker.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/client_event.h"

namespace streaming::audience {
namespace {

namespace v1 = bannou::streaming::v1;

int64_t PhaseOf(const common::Uuid& session) {
  return static_cast<int64_t>(std::hash<common::Uuid>()(session) %
                              static_cast<size_t>(SnapshotWorker::kSlices));
}

}  // namespace

v1::EngagementBreakdown BreakdownOf(const Composition& composition) {
  v1::EngagementBreakdown breakdown;
  breakdown.set_high_engagement(static_cast<int32_t>(composition.high));
  breakdown.set_medium_engagement(static_cast<int32_t>(composition.medium));
  breakdown.set_low_engagement(static_cast<int32_t>(composition.low));
  breakdown.set_lurking(static_cast<int32_t>(composition.lurking));
  return breakdown;
}

v1::ClientEvent SnapshotOf(const AttractionWeights& weights, const LiveSession& session,
                           common::Time now) {
  const Composition composition = CompositionOf(weights, session);
  v1::StreamingAudienceUpdateClientEvent update;
  update.set_session_id(session.key.session.ToString());
  update.set_audience_count(static_cast<int32_t>(composition.heads));
  update.set_peak_audience_count(
      static_cast<int32_t>(std::max(session.state.peak_heads, composition.heads)));
  *update.mutable_engagement_breakdown() = BreakdownOf(composition);
  update.set_notable_viewer_count(static_cast<int32_t>(composition.notable.size()));
  return events::MakeClientEvent(std::move(update), now);
}

SnapshotWorker::SnapshotWorker(const Parts& parts, common::metrics::Registry& metrics,
                               Options options)
    : parts_(parts),
      options_(std::move(options)),
      slice_(options_.interval / kSlices),
      loop_("snapshots", metrics, [this]() -> common::executor::Loop::Outcome {
        const absl::Status status = RunOnce();
        const auto next = common::Time((SliceNow() + 1) * slice_);
        return {std::max(common::Duration::zero(), next - options_.clock()), status};
      }) {}

int64_t SnapshotWorker::SliceNow() const { return options_.clock().time_since_epoch() / slice_; }

absl::Status SnapshotWorker::RunOnce() {
  const int64_t now = SliceNow();
  // What was missed for longer than an interval would only be told twice.
  const int64_t first = std::max(last_slice_ + 1, now - kSlices + 1);
  last_slice_ = now;
  ASSIGN_OR_RETURN(const auto games, parts_.pools.Games());
  absl::Status failure;
  for (const common::Uuid& game : games) {
    ASSIGN_OR_RETURN(const auto pool, parts_.pools.Get(game));
    for (uint32_t shard = 0; shard < pool->spec().shards; ++shard) {
      for (int64_t slice = first; slice <= now; ++slice) {
        failure.Update(TakeSlice({.game_service_id = game, .number = shard}, slice));
      }
    }
  }
  return failure;
}

absl::Status SnapshotWorker::TakeSlice(const Shard& shard, int64_t slice) {
  ASSIGN_OR_RETURN(std::vector<common::Uuid> sessions, parts_.live.List(shard));
  std::erase_if(sessions, [&](const common::Uuid& id) { return PhaseOf(id) != slice % kSlices; });
  if (sessions.empty()) return absl::OkStatus();
  // Another instance that looks later still finds the claim.
  ASSIGN_OR_RETURN(const bool mine,
                   parts_.audience.ClaimSnapshots(shard, slice, 2 * options_.interval));
  if (!mine) return absl::OkStatus();
  absl::Status failure;
  for (const common::Uuid& id : sessions) {
    failure.Update(Take({.game = shard.game_service_id, .shard = shard.number, .session = id}));
  }
  return failure;
}

absl::Status SnapshotWorker::Take(const LiveKey& key) {
  const auto session = parts_.live.Load(key);
  if (common::errors::Is(session.status(), kSessionNotLive)) return absl::OkStatus();
  RETURN_IF_ERROR(session.status());
  if (session->sealed) return absl::OkStatus();
  options_.publish(key.session, SnapshotOf(options_.weights, *session, options_.clock()));
  return absl::OkStatus();
}

}  // namespace streaming::audience
