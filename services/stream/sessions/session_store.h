// Platform sessions in MySQL: table `session`, under the lock of their row in `link`. What starts
// and ends is told through the outbox in the same transaction.
#pragma once
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/marks.h"
#include "services/stream/sealer.h"
#include "services/stream/sessions/session.h"

namespace stream::sessions {

struct Opening {
  common::Uuid link_id;
  std::string stream_id;  // at the platform
  common::Time started_at;
  int viewer_count = 0;
  std::optional<common::Uuid> in_game_id;
  // The platform was asked and says that it is live now; by how much its answers may lag. nullopt:
  // a message says so, of whatever time.
  std::optional<common::Duration> asked = {};
};

// Where a stream's id is sealed for; see Sealer.
inline constexpr std::string_view kStreamIdPlace = "session.stream_id_sealed";

// A live session, and what its platform calls its stream.
struct WatchedSession {
  Session session;
  std::string stream_id;
  common::Time seen_at;  // when it was last known to be live
};

class SessionStore {
 public:
  // All outlive it.
  SessionStore(common::mysql::Pool& mysql, const Sealer& sealer, const Marks& marks)
      : mysql_(mysql), sealer_(sealer), marks_(marks) {}

  common::mysql::Pool& pool() { return mysql_; }

  // The platform says that a stream began. The new session; nullopt when there is nothing to do. A
  // session of an earlier stream, whose end was missed, begins to end.
  absl::StatusOr<std::optional<Session>> OpenByPlatform(const Opening& opening);
  // The owner wants a session for a stream that is live. PLATFORM_SESSION_ACTIVE.
  absl::StatusOr<Session> OpenByHand(const Opening& opening);

  // The platform says, by its clock, that a stream ended. The session that begins to end, if any.
  absl::StatusOr<std::optional<common::Uuid>> EndByPlatform(const common::Uuid& link_id,
                                                            common::Time sent_at);
  // As EndByPlatform, of one stream only.
  absl::StatusOr<std::optional<common::Uuid>> EndStream(const common::Uuid& link_id,
                                                        const std::string& stream_id,
                                                        common::Time at);
  // False when the session is not live. Its owner stops it, or it was found to be over.
  absl::StatusOr<bool> Stop(const common::Uuid& session_id, common::Time now);
  absl::StatusOr<bool> End(const common::Uuid& session_id, common::Time at);
  // The live session of a link begins to end, if there is one. Part of a transaction that has
  // locked the link.
  static absl::Status EndLiveOf(common::mysql::Transaction& transaction,
                                const common::Uuid& link_id, common::Time at);
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

  // Live sessions, of one platform or of all, with ids above `after`, in their order; at most
  // kMaxWatched.
  static constexpr int kMaxWatched = 100;
  absl::StatusOr<std::vector<WatchedSession>> Watched(
      const common::Uuid& after, std::optional<platforms::Platform> platform = std::nullopt);
  // It was live at that time, with so many viewers, if the platform says how many.
  absl::Status Saw(const common::Uuid& session_id, std::optional<int> viewer_count,
                   common::Time at);

  // False when the session is not live.
  absl::StatusOr<bool> Associate(const common::Uuid& session_id,
                                 const std::optional<common::Uuid>& in_game_id);
  absl::Status CountPulse(const common::Uuid& session_id);
  // Deletes up to kPurgeBatch sessions that ended before; how many.
  static constexpr int kPurgeBatch = 1000;
  absl::StatusOr<int64_t> PurgeEnded(common::Time before);

 private:
  absl::StatusOr<bool> Opens(common::mysql::Transaction& transaction, const Opening& opening,
                             const std::optional<common::Time>& offline_at,
                             const std::string& stopped_mark, const std::optional<Session>& live);
  absl::StatusOr<Session> Insert(common::mysql::Transaction& transaction, const Opening& opening,
                                 const common::Uuid& account, platforms::Platform platform);

  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
  const Marks& marks_;
};

}  // namespace stream::sessions
