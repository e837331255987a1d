// Who follows whom: the table `attendance`, and the follower count in `streamer`.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/careers/gathering.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/follows/follow.h"
#include "services/streaming/pool/pool.h"

namespace streaming::follows {

// A pool member that was in a session's audience, at its end or for a while.
struct Attendee {
  uint32_t member = 0;
  double mean_interest = 0;  // over its stay, 0 to 1
  bool real_derived = false;
};

struct EndedSession {
  careers::StreamerKey streamer;
  common::Uuid session_id;
  uint32_t ordinal = 0;  // the streamer's count of its sessions in this game, from 1
  common::Time now;
  std::span<const Attendee> attendees;  // of a member that is named twice the first counts
  const pool::Pool& pool;               // the game's, which knows every member
};

// Heads: a collective follows and attends as all that it stands for.
struct Outcome {
  uint32_t gained = 0;
  uint32_t lost = 0;
  uint32_t followers = 0;  // the streamer's after it
  careers::Gathering gathering = {};
};

struct Follower {
  common::Uuid game_service_id;
  uint32_t member = 0;
  common::Time followed_since;
  double loyalty = 0;         // 0 to 1, as of last_ordinal
  uint32_t last_ordinal = 0;  // of the session attended last
  bool real_derived = false;  // for admins only
};

class FollowStore {
 public:
  FollowStore(common::mysql::Pool& mysql, const Settings& settings)
      : mysql_(mysql), settings_(settings) {}

  // Records an audience and what it changes about the streamer's followers, with one event for each
  // follow gained or lost. Part of the transaction that ends the session. Locks the streamer's row.
  // A session that was recorded before changes nothing. Costs O(attendees), in a few statements.
  absl::StatusOr<Outcome> RecordSession(common::mysql::Transaction& transaction,
                                        const EndedSession& session) const;

  // A page of the streamer's followers, oldest first, in one game or in all.
  absl::StatusOr<std::vector<Follower>> List(careers::v1::StreamerEntityType streamer_type,
                                             const common::Uuid& streamer_id,
                                             const std::optional<common::Uuid>& game_service_id,
                                             int limit, int offset) const;

  // The members who follow a streamer, those first who have longest; at most `limit`.
  absl::StatusOr<std::vector<uint32_t>> Following(const careers::StreamerKey& streamer,
                                                  size_t limit) const;

  // Attendees that one statement reads or writes.
  static constexpr size_t kChunk = 1000;
  // Follows that one session's end finds lost at most; the others are found at the next.
  static constexpr size_t kLapsesMax = 10000;

 private:
  common::mysql::Pool& mysql_;
  const Settings settings_;
};

}  // namespace streaming::follows
