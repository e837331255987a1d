// The tables `session`, `session_moment` and `character_owner`: the record of every session.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/recently_used.h"
#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/follows/follow_store.h"
#include "services/streaming/sessions/session.h"

namespace streaming::sessions {

// What a caller wants to create.
struct NewSession {
  common::Uuid game;
  uint32_t shard = 0;
  StreamerType streamer_type = StreamerType::kAccount;
  common::Uuid streamer;
  std::optional<std::string> title;
  std::optional<std::string> theme;
  pool::InterestMask tags;
  std::optional<common::Uuid> platform_session;
  std::optional<common::Uuid> game_session;
  std::optional<common::Uuid> sponsorship;  // the streamer's deal that the session counts toward
  std::optional<common::Uuid> request_id;
  std::string request_digest;  // 32 bytes, of everything above
};

struct ListQuery {
  common::Uuid game;
  std::optional<StreamerType> streamer_type;
  std::optional<Status> status;
  uint32_t limit = 20;
  uint32_t offset = 0;
};
struct ListPage {
  std::vector<Session> sessions;  // newest first
  uint32_t total = 0;             // over all pages
};

struct BrowseQuery {
  common::Uuid game;
  pool::InterestMask any_of;  // empty: all
  uint32_t limit = 20;
  uint32_t offset = 0;
};

// What the record shall know of a session that is still alive.
struct Checkpoint {
  common::Uuid session;
  Counters counters;
};

class SessionStore {
 public:
  explicit SessionStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  // Creates a Pending session and announces it. A replay of `request_id` gets the session that it
  // made, as it is now. STREAMER_NOT_OWNED, STREAMER_ALREADY_ACTIVE, REQUEST_ID_REUSED,
  // SPONSORSHIP_NOT_FOUND, SPONSORSHIP_NOT_ACTIVE, ENTITY_DELETED.
  absl::StatusOr<Session> Create(const NewSession& wish, const Caller& caller, common::Time now);

  // SESSION_NOT_FOUND.
  absl::StatusOr<Session> Get(const common::Uuid& id);
  absl::StatusOr<std::optional<Session>> Find(const common::Uuid& id);
  // Get for those who ask Redis how a Live session is: what was read of it here less than
  // kRecordLife before `now` is not read again. What never changes is right whatever its age; all
  // else, and whether the session is still Live, is Redis' to say.
  static constexpr std::chrono::seconds kRecordLife{2};
  absl::StatusOr<Session> GetKnown(const common::Uuid& id, common::Time now);

  absl::StatusOr<ListPage> List(const ListQuery& query);
  // Live sessions, largest audience of the last checkpoint first.
  absl::StatusOr<std::vector<Session>> Browse(const BrowseQuery& query);

  // Pending to Live, announced. False when it is not Pending.
  absl::StatusOr<bool> MakeLive(const Session& session, uint32_t heads, common::Time now);
  // Live to Ending. False when it is not Live.
  absl::StatusOr<bool> MakeEnding(const common::Uuid& id, EndReason reason, common::Time now);
  // Pending to Ended, without an audience and without news. False when it is not Pending.
  absl::StatusOr<bool> Cancel(const common::Uuid& id, EndReason reason, common::Time now);

  // The last steps of an end, in the caller's transaction, which must hold nothing of the session
  // before: locks the row; nullopt when it is not Ending.
  static absl::StatusOr<std::optional<Session>> LockEnding(common::mysql::Transaction& transaction,
                                                           const common::Uuid& id);
  // Ending to Ended with what is in `session` (counters, ended_at), what became of the streamer's
  // followers, its moments, and the announcement.
  static absl::Status MakeEnded(common::mysql::Transaction& transaction, Session session,
                                const follows::Outcome& follows,
                                const std::vector<audience::Moment>& moments);

  // Those of these sessions, at most kActiveMax, that are Ended or not there. INVALID_ARGUMENT
  // beyond.
  static constexpr size_t kActiveMax = 256;
  absl::StatusOr<std::vector<common::Uuid>> NotActive(std::span<const common::Uuid> ids);

  // What a caller changed on a Live session, or on a Pending one. Without effect on others.
  absl::Status SetPaused(const common::Uuid& id, bool paused);
  absl::Status SetContext(const common::Uuid& id, double score);
  absl::Status SetTags(const common::Uuid& id, pool::InterestMask tags);

  // One statement for all of them; those not Live are left alone. INVALID_ARGUMENT beyond
  // kCheckpointsMax.
  static constexpr size_t kCheckpointsMax = 32;
  absl::Status SaveCheckpoints(std::span<const Checkpoint> checkpoints);

  // The strongest first.
  absl::StatusOr<std::vector<audience::Moment>> Moments(const common::Uuid& id);

  // Deletes up to kPurgeBatch sessions that ended before and are part of their careers, with their
  // moments and hype trains; how many.
  static constexpr uint32_t kPurgeBatch = 100;
  absl::StatusOr<uint32_t> PurgeEnded(common::Time before);
  // Deletes a session with its moments and hype trains, whatever it is. Reads no other's rows.
  static absl::Status Delete(common::mysql::Transaction& transaction, const common::Uuid& id);
  // Sessions that have not ended, as WithStatus pages them: those that were created with a game
  // session, and those that an account owns.
  absl::StatusOr<std::vector<Session>> ActiveOfGameSession(const common::Uuid& game_session,
                                                           const common::Uuid& after,
                                                           uint32_t limit);
  absl::StatusOr<std::vector<Session>> ActiveOfOwner(const common::Uuid& owner,
                                                     const common::Uuid& after, uint32_t limit);
  // Sessions of a status in the order of their ids, which is about that of creation: after `after`
  // (nil = from the first), at most `limit`.
  absl::StatusOr<std::vector<Session>> WithStatus(Status status, const common::Uuid& after,
                                                  uint32_t limit);

 private:
  struct Known {
    std::shared_ptr<const Session> session;
    common::Time read_at;
  };

  common::mysql::Pool& mysql_;
  // Of half a kilobyte each.
  static constexpr size_t kKnown = 20'000;
  common::RecentlyUsed<common::Uuid, Known> known_{kKnown};
};

}  // namespace streaming::sessions
