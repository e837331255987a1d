#include "services/streaming/sessions/session_worker.h"

#include <utility>
#include <vector>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/shards_store.h"
#include "services/streaming/errors.h"

namespace streaming::sessions {

SessionWorker::SessionWorker(const Parts& parts, common::metrics::Registry& metrics,
                             common::Clock clock, Options options)
    : parts_(parts),
      clock_(std::move(clock)),
      options_(options),
      repairs_(metrics.GetCounter("streaming_session_repairs_total",
                                  "Sessions that a crash had left between two steps.")),
      expiries_(metrics.GetCounter("streaming_session_expiries_total",
                                   "Sessions that nobody started or used for too long.")),
      lost_checkpoints_(metrics.GetCounter(
          "streaming_checkpoints_failed_total",
          "Writings of checkpoints that failed; the next round's brings the same and more.")),
      loop_("sessions", metrics, [this]() -> common::executor::Loop::Outcome {
        return {options_.interval, RunOnce()};
      }) {}

void SessionWorker::Checkpoint(std::span<const audience::LiveSession> sessions) {
  std::vector<sessions::Checkpoint> checkpoints;
  for (const audience::LiveSession& session : sessions) {
    checkpoints.push_back({.session = session.key.session, .counters = CountersOf(session)});
    if (checkpoints.size() < SessionStore::kCheckpointsMax) continue;
    if (!parts_.sessions.SaveCheckpoints(checkpoints).ok()) lost_checkpoints_.Increment();
    checkpoints.clear();
  }
  if (!parts_.sessions.SaveCheckpoints(checkpoints).ok()) lost_checkpoints_.Increment();
}

template <class Handle>
absl::Status SessionWorker::ForEach(Status status, Handle handle) {
  absl::Status failure;
  common::Uuid after;
  for (uint32_t batch = 0; batch < kBatchesMax; ++batch) {
    ASSIGN_OR_RETURN(const auto sessions, parts_.sessions.WithStatus(status, after, kBatch));
    for (const Session& session : sessions) failure.Update(handle(session));
    if (sessions.size() < kBatch) break;
    after = sessions.back().key.session;
  }
  return failure;
}

absl::Status SessionWorker::RunOnce() {
  const common::Time now = clock_();
  absl::Status failure;
  failure.Update(ForEach(Status::kEnding, [&](const Session& session) {
    repairs_.Increment();
    return parts_.life.Finish(session);
  }));
  failure.Update(
      ForEach(Status::kLive, [&](const Session& session) { return MindLive(session, now); }));
  failure.Update(
      ForEach(Status::kPending, [&](const Session& session) { return MindPending(session, now); }));
  failure.Update(Purge(now));
  ASSIGN_OR_RETURN(const auto shards, audience::ShardsOf(parts_.pools));
  for (const audience::Shard& shard : shards) failure.Update(MindShard(shard));
  return failure;
}

absl::Status SessionWorker::Purge(common::Time now) {
  for (uint32_t batch = 0; batch < kBatchesMax; ++batch) {
    ASSIGN_OR_RETURN(const uint32_t purged, parts_.sessions.PurgeEnded(now - options_.retention));
    if (purged < SessionStore::kPurgeBatch) break;
  }
  return absl::OkStatus();
}

absl::Status SessionWorker::MindPending(const Session& session, common::Time now) {
  if (now - session.created_at < options_.pending_timeout) return absl::OkStatus();
  // Somebody may have started it since it was listed.
  ASSIGN_OR_RETURN(const bool cancelled, parts_.life.Cancel(session.key, EndReason::kError, now));
  if (cancelled) expiries_.Increment();
  return absl::OkStatus();
}

absl::Status SessionWorker::MindLive(const Session& session, common::Time now) {
  const auto live = parts_.live.Load(session.key);
  if (common::errors::Is(live.status(), kSessionNotLive)) {
    repairs_.Increment();
    RETURN_IF_ERROR(parts_.life.Reopen(session, now));
    // It may have ended since it was listed, and nobody else would send home whom we let in.
    ASSIGN_OR_RETURN(const auto current, parts_.sessions.Find(session.key.session));
    if (current && current->status != Status::kEnded) return absl::OkStatus();
    return parts_.live.Release(session.key).status();
  }
  RETURN_IF_ERROR(live.status());
  if (now - live->state.last_call < options_.idle_timeout) return absl::OkStatus();
  expiries_.Increment();
  return parts_.life.End(session.key.session, EndReason::kError, now).status();
}

absl::Status SessionWorker::MindShard(const audience::Shard& shard) {
  ASSIGN_OR_RETURN(const auto ids, parts_.live.List(shard));
  absl::Status failure;
  for (const common::Uuid& id : ids) {
    failure.Update(MindAudience(
        {.game = shard.game_service_id, .shard = shard.number, .session = id}, clock_()));
  }
  return failure;
}

// An audience whose session has no use for it is sent home.
absl::Status SessionWorker::MindAudience(const audience::LiveKey& key, common::Time now) {
  ASSIGN_OR_RETURN(const auto session, parts_.sessions.Find(key.session));
  if (session && (session->status == Status::kLive || session->status == Status::kEnding)) {
    return absl::OkStatus();
  }
  if (!session || session->status == Status::kPending) {
    const auto live = parts_.live.Load(key);
    if (common::errors::Is(live.status(), kSessionNotLive)) return absl::OkStatus();
    RETURN_IF_ERROR(live.status());
    // Its start may still be under way.
    if (now - live->state.started_at < options_.start_grace) return absl::OkStatus();
  }
  repairs_.Increment();
  return parts_.live.Release(key).status();
}

}  // namespace streaming::sessions
