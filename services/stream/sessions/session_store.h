// Platform sessions in MySQL: table `session`, under the lock of their row in `link`. What starts
// and ends is told through the outbox in the same transaction.
#pragma once
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "services/stream/sessions/session.h"

namespace stream::sessions {

struct Opening {
  common::Uuid link_id;
  std::string stream_mark;  // of the stream at the platform
  common::Time started_at;
  int viewer_count = 0;
  std::optional<common::Uuid> in_game_id;
};

class SessionStore {
 public:
  explicit SessionStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  // The platform says that a stream began. The new session; nullopt when there is nothing to do. A
  // session of an earlier stream, whose end was missed, begins to end.
  absl::StatusOr<std::optional<Session>> OpenByPlatform(const Opening& opening);
  // The owner wants a session for a stream that is live. PLATFORM_SESSION_ACTIVE.
  absl::StatusOr<Session> OpenByHand(const Opening& opening);

  // The platform says, by its clock, that a stream ended. The session that begins to end, if any.
  absl::StatusOr<std::optional<common::Uuid>> EndByPlatform(const common::Uuid& link_id,
                                                            common::Time sent_at);
  // False when the session is not live.
  absl::StatusOr<bool> EndByHand(const common::Uuid& session_id, common::Time now);
  // Ending → Ended, with its stream.platform.session.ended. Harmless to repeat.
  absl::Status Finish(const Session& session);

  absl::StatusOr<std::optional<Session>> Find(const common::Uuid& session_id);
  absl::StatusOr<std::optional<Session>> FindLive(const common::Uuid& link_id);
  // Newest first.
  absl::StatusOr<std::vector<Session>> List(const common::Uuid& account, bool include_ended,
                                            int limit, int offset);
  // Live and ending ones; at most kMaxUnfinished.
  static constexpr int kMaxUnfinished = 10'000;
  absl::StatusOr<std::vector<Session>> Unfinished();

  // False when the session is not live.
  absl::StatusOr<bool> Associate(const common::Uuid& session_id,
                                 const std::optional<common::Uuid>& in_game_id);
  absl::Status CountPulse(const common::Uuid& session_id);
  // Deletes up to kPurgeBatch sessions that ended before; how many.
  static constexpr int kPurgeBatch = 1000;
  absl::StatusOr<int64_t> PurgeEnded(common::Time before);

 private:
  common::mysql::Pool& mysql_;
};

}  // namespace stream::sessions
