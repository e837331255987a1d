#include "services/streaming/pool/pool_store.h"

#include <string>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/errors.h"
#include "services/streaming/privacy/tombstone_store.h"

namespace streaming::pool {
namespace {

using common::Uuid;
using common::mysql::Rows;
using common::mysql::Transaction;

// The answer to a request that was carried out before; nullopt when there is none.
absl::StatusOr<std::optional<Seeded>> FindReplay(Transaction& transaction, const Uuid& game,
                                                 uint32_t count, const Uuid& request_id) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query("SELECT s.game_service_id, s.size, CAST((SELECT SUM(t.size) FROM "
                        "pool_segment t WHERE t.game_service_id = s.game_service_id AND "
                        "t.ordinal <= s.ordinal) AS UNSIGNED) "
                        "FROM pool_segment s WHERE s.request_id = ?",
                        request_id));
  if (rows.empty()) return std::nullopt;
  if (rows[0].Get<Uuid>(0) != game || rows[0].Get<uint32_t>(1) != count) {
    return common::errors::Make(common::errors::kRequestIdReused,
                                "the request id seeded another pool or count");
  }
  return Seeded{.created = count, .size = rows[0].Get<uint32_t>(2)};
}

// The pool's size, its row locked until the transaction ends.
absl::StatusOr<uint64_t> LockSize(Transaction& transaction, const Uuid& game) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query("SELECT size FROM game_pool WHERE game_service_id = ? FOR UPDATE", game));
  if (rows.empty()) {
    return common::errors::Make(kGameServiceNotSeeded, "the game service has no audience pool");
  }
  return rows[0].Get<uint64_t>(0);
}

absl::Status AddSegment(Transaction& transaction, const Uuid& game, uint64_t size, uint32_t count,
                        const std::optional<Uuid>& request_id, common::Time now) {
  RETURN_IF_ERROR(
      transaction
          .Execute("INSERT INTO pool_segment (game_service_id, ordinal, size, request_id, "
                   "created_at) SELECT ?, COUNT(*), ?, ?, ? FROM pool_segment "
                   "WHERE game_service_id = ?",
                   game, count, request_id, now, game)
          .status());
  return transaction
      .Execute("UPDATE game_pool SET size = ? WHERE game_service_id = ?", size + count, game)
      .status();
}

absl::StatusOr<Seeded> Grow(Transaction& transaction, const Uuid& game, uint32_t count,
                            const NewPool& defaults, const std::optional<Uuid>& request_id,
                            common::Time now) {
  RETURN_IF_ERROR(transaction
                      .Execute("INSERT IGNORE INTO game_pool (game_service_id, seed, shards, "
                               "collective_share, collective_size, size, created_at) "
                               "VALUES (?, ?, ?, ?, ?, 0, ?)",
                               game, common::crypto::RandomBits(), defaults.shards,
                               defaults.collective_share, defaults.collective_size, now)
                      .status());
  ASSIGN_OR_RETURN(const uint64_t size, LockSize(transaction, game));
  if (request_id) {
    ASSIGN_OR_RETURN(const auto replay, FindReplay(transaction, game, count, *request_id));
    if (replay) return *replay;
  }
  if (size + count > kMaxPoolSize) {
    return common::errors::Make(kPoolFull, "the pool would have more members than a game may have");
  }
  RETURN_IF_ERROR(AddSegment(transaction, game, size, count, request_id, now));
  const privacy::Entity entity{.kind = privacy::Kind::kGameService, .id = game};
  RETURN_IF_ERROR(privacy::CheckLiving(transaction, {&entity, 1}));
  return Seeded{.created = count, .size = static_cast<uint32_t>(size + count)};
}

}  // namespace

absl::StatusOr<Seeded> PoolStore::Seed(const Uuid& game, uint32_t count, const NewPool& defaults,
                                       const std::optional<Uuid>& request_id, common::Time now) {
  Seeded seeded;
  RETURN_IF_ERROR(common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    auto grown = Grow(transaction, game, count, defaults, request_id, now);
    if (grown.ok()) seeded = *grown;
    return grown.status();
  }));
  Forget(game);
  return seeded;
}

absl::StatusOr<uint32_t> PoolStore::GrowFrom(const Uuid& game, uint32_t size, uint32_t count,
                                             common::Time now) {
  uint32_t added = 0;
  RETURN_IF_ERROR(
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(const uint64_t present, LockSize(transaction, game));
        added = present == size ? count : 0;
        if (added == 0) return absl::OkStatus();
        return AddSegment(transaction, game, size, count, std::nullopt, now);
      }));
  Forget(game);
  return added;
}

void PoolStore::Forget(const Uuid& game) {
  const std::lock_guard lock(mutex_);
  cache_.erase(game);
}

absl::StatusOr<std::shared_ptr<const Pool>> PoolStore::Get(const Uuid& game, uint32_t least_runs) {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = cache_.find(game);
    if (found != cache_.end() && now - found->second.read_at < kCacheLife &&
        found->second.pool->runs() >= least_runs) {
      return found->second.pool;
    }
  }
  ASSIGN_OR_RETURN(const PoolSpec spec, Read(game));
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= kMaxGames) cache_.clear();
  Cached& cached = cache_[game];
  // Pools only grow; what was read may be older than what is here.
  if (cached.pool == nullptr || cached.pool->spec().size < spec.size) {
    cached.pool = std::make_shared<const Pool>(spec);
  }
  cached.read_at = now;
  return cached.pool;
}

absl::StatusOr<PoolSpec> PoolStore::Read(const Uuid& game) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT seed, size, shards, collective_share, collective_size "
                                "FROM game_pool WHERE game_service_id = ?",
                                game));
  if (rows.empty()) {
    return common::errors::Make(kGameServiceNotSeeded, "the game service has no audience pool");
  }
  const PoolSpec spec = {.seed = rows[0].Get<uint64_t>(0),
                         .size = rows[0].Get<uint32_t>(1),
                         .shards = rows[0].Get<uint32_t>(2),
                         .collective_share = rows[0].Get<double>(3),
                         .collective_size = rows[0].Get<uint32_t>(4)};
  RETURN_IF_ERROR(Validate(spec));
  return spec;
}

absl::StatusOr<std::vector<Uuid>> PoolStore::Games() {
  ASSIGN_OR_RETURN(const Rows rows, mysql_.Query("SELECT game_service_id FROM game_pool LIMIT ?",
                                                 static_cast<int64_t>(kMaxGames)));
  std::vector<Uuid> games;
  for (const auto& row : rows) games.push_back(row.Get<Uuid>(0));
  return games;
}

}  // namespace streaming::pool
