// How often members were in a streamer's audience before: read from the table `attendance`, which
// follows/ keeps.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>

#include <absl/status/statusor.h>

#include "libs/common/mysql/pool.h"
#include "services/streaming/audience/composition.h"
#include "services/streaming/audience/live_session.h"

namespace streaming::audience {

class AttendanceStore {
 public:
  explicit AttendanceStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  // Ended sessions of the session's streamer in this game that each viewer attended. Those who
  // attended none are left out.
  absl::StatusOr<std::unordered_map<uint32_t, uint32_t>> AttendedBefore(
      const LiveSession& session, std::span<const NotableViewer> viewers);

 private:
  common::mysql::Pool& mysql_;
};

}  // namespace streaming::audience
