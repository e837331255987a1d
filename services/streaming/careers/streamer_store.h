// The table `streamer`: what lasts of a streamer in one game. Follows and careers share the row,
// and its lock is what puts the changes of one streamer in order.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/statusor.h>
#include <bannou/streaming/v1/types.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/careers/career.h"

namespace streaming::careers {

namespace v1 = bannou::streaming::v1;

struct StreamerKey {
  v1::StreamerEntityType type = v1::STREAMER_ENTITY_TYPE_UNSPECIFIED;
  common::Uuid id;
  common::Uuid game_service_id;
  bool operator==(const StreamerKey&) const = default;
};

// The career's id in the Seed service, until that service names its own.
common::Uuid SeedId(const StreamerKey& key);

struct Streamer {
  StreamerKey key;
  uint64_t viewer_secret = 0;  // of pool::ViewerId, for the pseudonyms of its followers
  Phase phase = Phase::kUnknown;
  Stats stats = {};
  uint64_t watch_seconds = 0;     // the audience integrated over time
  double usual_audience = 0;      // heads, see usual_audience.h
  uint32_t follower_members = 0;  // of whom a collective is one, whatever it counts for
};

// ENTITY_DELETED when the streamer or the game was deleted. To be asked after the inserts of a
// transaction whose rows hang on no other (privacy/tombstone_store.h).
absl::Status CheckLiving(common::mysql::Transaction& transaction, const StreamerKey& key);

// For the first statement of a transaction that changes what belongs to a streamer: locks its row
// until the transaction ends, and makes it when there is none. ENTITY_DELETED for one who is gone.
absl::StatusOr<Streamer> LockStreamer(common::mysql::Transaction& transaction,
                                      const StreamerKey& key, common::Time now);

// nullopt before the streamer's first session in the game has ended.
absl::StatusOr<std::optional<Streamer>> FindStreamer(common::mysql::Pool& mysql,
                                                     const StreamerKey& key);

// What a request names: the type only when it must, a game only when it wants one.
struct StreamerQuery {
  common::Uuid id;
  std::optional<v1::StreamerEntityType> type;
  std::optional<common::Uuid> game_service_id;
};

// The query of a request, whose fields the edge has checked.
template <class Request>
StreamerQuery ToQuery(const Request& request) {
  StreamerQuery query{.id = common::Uuid::Parse(request.streamer_id()).value()};
  if (request.has_streamer_type()) query.type = request.streamer_type();
  if (request.has_game_service_id()) {
    query.game_service_id = common::Uuid::Parse(request.game_service_id()).value();
  }
  return query;
}

// The streamer's rows, one a game, most growth first; empty when nobody by that id has streamed,
// and cut after kStreamerGamesMax. STREAMER_TYPE_AMBIGUOUS when several types have the id.
inline constexpr int kStreamerGamesMax = 200;
absl::StatusOr<std::vector<Streamer>> FindStreamers(common::mysql::Pool& mysql,
                                                    const StreamerQuery& query);

// Stores what a career consists of, which is all but the key, the secret and the followers, heads
// and members, after a change that was made under the lock.
absl::Status SaveCareer(common::mysql::Transaction& transaction, const Streamer& streamer,
                        common::Time now);

// Likewise for the followers alone: heads, and the members that they are.
absl::Status SaveFollowers(common::mysql::Transaction& transaction, const StreamerKey& key,
                           uint32_t followers, uint32_t members, common::Time now);

}  // namespace streaming::careers
