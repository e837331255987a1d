#include "services/streaming/audience/shards_store.h"

#include "libs/common/base/status.h"

namespace streaming::audience {

absl::StatusOr<std::vector<Shard>> ShardsOf(pool::PoolStore& pools) {
  ASSIGN_OR_RETURN(const auto games, pools.Games());
  std::vector<Shard> shards;
  for (const common::Uuid& game : games) {
    ASSIGN_OR_RETURN(const auto pool, pools.Get(game));
    for (uint32_t number = 0; number < pool->spec().shards; ++number) {
      shards.push_back({.game_service_id = game, .number = number});
    }
  }
  return shards;
}

}  // namespace streaming::audience
