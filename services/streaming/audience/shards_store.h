// Which shards there are.
#pragma once
#include <vector>

#include <absl/status/statusor.h>

#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::audience {

// Those of all games that were seeded, a game's in order. Errors: the database's.
absl::StatusOr<std::vector<Shard>> ShardsOf(pool::PoolStore& pools);

}  // namespace streaming::audience
