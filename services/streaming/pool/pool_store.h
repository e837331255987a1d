// The pools that games have: MySQL's game_pool and pool_segment.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/pool/pool.h"

namespace streaming::pool {

// How a game is seeded that was not before.
struct NewPool {
  uint32_t shards = 1;
  double collective_share = 0;
  uint32_t collective_size = 1;
};

struct Seeded {
  uint32_t created = 0;
  uint32_t size = 0;  // of the whole pool after it
};

class PoolStore {
 public:
  explicit PoolStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  // Adds `count` members, making the pool if the game has none. A `request_id` that was carried out
  // before gets its first answer; REQUEST_ID_REUSED when it was about another game or count.
  // POOL_FULL beyond kMaxPoolSize. ENTITY_DELETED.
  absl::StatusOr<Seeded> Seed(const common::Uuid& game, uint32_t count, const NewPool& defaults,
                              const std::optional<common::Uuid>& request_id, common::Time now);

  // Adds `count` members to a pool that has `size` of them; does nothing to one that has more by
  // now. Returns how many it added.
  absl::StatusOr<uint32_t> GrowFrom(const common::Uuid& game, uint32_t size, uint32_t count,
                                    common::Time now);

  // GAME_SERVICE_NOT_SEEDED for a game without a pool. Cached: what is given may lag behind a
  // growth by kCacheLife, unless it has fewer than `least_runs`.
  absl::StatusOr<std::shared_ptr<const Pool>> Get(const common::Uuid& game,
                                                  uint32_t least_runs = 0);

  // Every game with a pool, at most kMaxGames.
  absl::StatusOr<std::vector<common::Uuid>> Games();

  static constexpr size_t kMaxGames = 10000;
  static constexpr std::chrono::seconds kCacheLife{10};

 private:
  struct Cached {
    std::shared_ptr<const Pool> pool;
    std::chrono::steady_clock::time_point read_at;
  };

  void Forget(const common::Uuid& game);
  absl::StatusOr<PoolSpec> Read(const common::Uuid& game);

  common::mysql::Pool& mysql_;
  std::mutex mutex_;
  std::unordered_map<common::Uuid, Cached> cache_;
};

}  // namespace streaming::pool
