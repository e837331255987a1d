// Deletes the history of sessions that ended long ago.
#pragma once
#include "libs/common/executor/executor.h"
#include "libs/common/log/log.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/sessions/session_store.h"

namespace stream::sessions {

class CleanupWorker {
 public:
  CleanupWorker(SessionStore& sessions, std::chrono::hours retention,
                common::metrics::Registry& metrics)
      : sessions_(sessions),
        retention_(retention),
        loop_("session_cleanup", metrics, [this] { return Step(); }) {}

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

 private:
  static constexpr std::chrono::minutes kInterval{10};
  static constexpr std::chrono::seconds kRetry{30};

  // A batch at a time, so that no statement holds many rows.
  common::executor::Loop::Outcome Step() {
    const auto deleted = sessions_.PurgeEnded(common::Now() - retention_);
    if (!deleted.ok()) return {kRetry, deleted.status()};
    if (*deleted > 0) common::log::Info("sessions.purged", {{"count", *deleted}});
    return {*deleted == SessionStore::kPurgeBatch ? std::chrono::microseconds(0) : kInterval};
  }

  SessionStore& sessions_;
  const std::chrono::hours retention_;
  common::executor::Loop loop_;
};

}  // namespace stream::sessions
