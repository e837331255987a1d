#include "services/stream/privacy/viewer_worker.h"

#include <algorithm>

#include "libs/common/base/status.h"

namespace stream::privacy {
namespace {

constexpr std::chrono::seconds kTick{1};

}  // namespace

ViewerWorker::ViewerWorker(sessions::SessionStore& sessions, ViewerRegistry& viewers,
                           common::metrics::Registry& metrics)
    : sessions_(sessions),
      viewers_(viewers),
      remembered_(metrics.GetGauge("stream_sessions_remembered",
                                   "Platform sessions whose viewers this instance tells apart.")),
      loop_("viewers", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome ViewerWorker::Step() {
  const absl::Status status = ForgetEnded();
  remembered_.Set(static_cast<double>(viewers_.Sessions().size()));
  return {kTick, status};
}

absl::Status ViewerWorker::ForgetEnded() {
  // Read before the database: a session that began since is not taken for an ended one.
  const std::vector<common::Uuid> known = viewers_.Sessions();
  if (known.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto unfinished, sessions_.Unfinished());
  for (const common::Uuid& id : known) {
    const bool live = std::any_of(unfinished.begin(), unfinished.end(), [&](const auto& session) {
      return session.session_id == id && session.status == sessions::Status::kLive;
    });
    if (!live) viewers_.Destroy(id);
  }
  return absl::OkStatus();
}

}  // namespace stream::privacy
