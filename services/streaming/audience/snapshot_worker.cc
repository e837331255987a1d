#include "services/streaming/audience/snapshot_worker.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/status.h"
#include "services/streaming/audience/shards_store.h"
#include "services/streaming/events/client_event.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::audience {
namespace {

namespace v1 = bannou::streaming::v1;

// A game that was just seeded gets its first snapshots within this.
constexpr std::chrono::seconds kGamesKept{5};

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

std::optional<v1::ClientEvent> ProgressOf(const hype::Settings& settings,
                                          const LiveSession& session, common::Time now) {
  const auto state = hype::StateOf(session.hype);
  if (!state.ok() || !state->train || state->train->expires_at <= now) return std::nullopt;
  const hype::Train& train = *state->train;
  v1::StreamingHypeProgressClientEvent progress;
  progress.set_session_id(session.key.session.ToString());
  progress.set_hype_id(
      hype::HypeId(session.key.session, train.ordinal, train.started_at).ToString());
  progress.set_level(static_cast<v1::HypeTrainLevel>(train.level));
  progress.set_progress(
      static_cast<float>(hype::ProgressOf(hype::ForStreamer(settings, session.state), train)));
  return events::MakeClientEvent(std::move(progress), now);
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
  ASSIGN_OR_RETURN(const auto shards, Shards());
  // What was missed for longer than an interval would only be told twice.
  const int64_t first = std::max(last_slice_ + 1, now - kSlices + 1);
  last_slice_ = now;
  absl::Status failure;
  for (const Shard& shard : shards) {
    for (int64_t slice = first; slice <= now; ++slice) failure.Update(TakeSlice(shard, slice));
  }
  return failure;
}

absl::StatusOr<std::vector<Shard>> SnapshotWorker::Shards() {
  const common::Time now = options_.clock();
  if (now < shards_until_) return shards_;
  ASSIGN_OR_RETURN(shards_, ShardsOf(parts_.pools));
  shards_until_ = now + kGamesKept;
  return shards_;
}

absl::Status SnapshotWorker::TakeSlice(const Shard& shard, int64_t slice) {
  ASSIGN_OR_RETURN(std::vector<common::Uuid> sessions, parts_.live.List(shard));
  std::erase_if(sessions, [&](const common::Uuid& id) { return PhaseOf(id) != slice % kSlices; });
  if (sessions.empty()) return absl::OkStatus();
  // Another instance that looks later still finds the claim.
  ASSIGN_OR_RETURN(const bool mine,
                   parts_.audience.ClaimSnapshots(shard, slice, 2 * options_.interval));
  if (!mine) return absl::OkStatus();
  std::vector<LiveKey> keys;
  keys.reserve(sessions.size());
  for (const common::Uuid& id : sessions) {
    keys.push_back({.game = shard.game_service_id, .shard = shard.number, .session = id});
  }
  absl::Status failure;
  for (size_t begin = 0; begin < keys.size(); begin += LiveStore::kLoadManyMost) {
    const size_t count = std::min(LiveStore::kLoadManyMost, keys.size() - begin);
    failure.Update(Take({&keys[begin], count}));
  }
  return failure;
}

absl::Status SnapshotWorker::Take(std::span<const LiveKey> keys) {
  ASSIGN_OR_RETURN(const auto sessions, parts_.live.LoadMany(keys));
  const common::Time now = options_.clock();
  for (const auto& session : sessions) {
    // The others ended while we were looking.
    if (!session || session->sealed) continue;
    const common::Uuid& id = session->key.session;
    options_.publish(id, SnapshotOf(options_.weights, *session, now));
    // A train also moves by itself, between two reports.
    if (const auto progress = ProgressOf(options_.hype, *session, now)) {
      options_.publish(id, *progress);
    }
  }
  return absl::OkStatus();
}

}  // namespace streaming::audience
