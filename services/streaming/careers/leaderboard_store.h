// Leaderboards: Redis sorted sets that follow the table `streamer`.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <bannou/streaming/v1/career.pb.h>

#include "libs/common/base/shared_reads.h"
#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/redis/redis.h"
#include "services/streaming/careers/streamer_store.h"

namespace streaming::careers {

struct LeaderboardRow {
  int32_t rank = 0;  // from 1; equal values share one
  v1::StreamerEntityType streamer_type = v1::STREAMER_ENTITY_TYPE_UNSPECIFIED;
  common::Uuid streamer_id;
  v1::StreamerCareerPhase phase = v1::STREAMER_CAREER_PHASE_UNSPECIFIED;
  double value = 0;  // a count, or hours
};

// MySQL is the record. Whoever reads a board first brings the game's boards up to date with the
// rows that changed since, at most once in kFresh; boards that are not there, or older than kLife,
// are built from all rows. Values are absolute and each write names the one before it, so that a
// crash, a repeat or a slow instance delays the boards and never leaves them wrong.
class LeaderboardStore {
 public:
  // What is shown was true at most this long ago; more often than kFresh no game is looked at.
  static constexpr std::chrono::seconds kFresh{1};
  static constexpr std::chrono::seconds kUsable{3};
  // No transaction lasts longer than this from its change to its commit: what changed in this time
  // is read again.
  static constexpr std::chrono::seconds kOverlap{60};
  static constexpr std::chrono::hours kLife{24};
  // Rows read and written at once.
  static constexpr int kPage = 500;

  // Keeps the references. `boards` is the library boards.lua.
  LeaderboardStore(common::mysql::Pool& mysql, common::redis::Redis& redis,
                   common::redis::Functions& boards)
      : mysql_(mysql), redis_(redis), boards_(boards) {}

  // A page of a game's streamers, best first; equals by type and id. Costs two look-ups in Redis
  // and one in MySQL by key, whatever the offset. UNAVAILABLE when either is away, and when boards
  // are being built for longer than the caller has time: a later call goes on with it.
  absl::StatusOr<std::vector<LeaderboardRow>> Page(const common::Uuid& game_service_id,
                                                   v1::LeaderboardMetric metric, int limit,
                                                   int offset, common::Time now);

  // Deletes a game's boards: whoever reads one next builds them anew.
  absl::Status Forget(const common::Uuid& game_service_id);

 private:
  struct Marker;
  absl::StatusOr<Marker> ReadMarker(const common::Uuid& game);
  absl::StatusOr<bool> Put(const common::Uuid& game, const Marker& seen, const Marker& next,
                           const common::mysql::Rows& rows);
  absl::StatusOr<bool> Follow(const common::Uuid& game, Marker seen);
  absl::Status CatchUp(const common::Uuid& game);
  absl::StatusOr<std::vector<LeaderboardRow>> ReadBoard(const common::Uuid& game,
                                                        v1::LeaderboardMetric metric, int limit,
                                                        int offset);
  absl::StatusOr<bool> AddPhases(const common::Uuid& game, std::vector<LeaderboardRow>& rows);

  common::mysql::Pool& mysql_;
  common::redis::Redis& redis_;
  common::redis::Functions& boards_;
  common::SharedReads<bool> caught_up_{1000, kFresh, kUsable};
};

}  // namespace streaming::careers
