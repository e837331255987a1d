// Unlocks in MySQL: the table `streamer_unlock`.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/careers/unlock.h"

namespace streaming::careers {

// Stores what the streamer has not unlocked before and returns it, in the given order. Part of a
// transaction that holds the streamer's lock; `session_id` is the session that earned it.
absl::StatusOr<std::vector<Unlock>> StoreUnlocks(common::mysql::Transaction& transaction,
                                                 const StreamerKey& streamer,
                                                 std::vector<Unlock> unlocks,
                                                 const common::Uuid& session_id, common::Time at);

struct StoredUnlock {
  Unlock unlock;
  common::Uuid game_service_id;
  common::Time unlocked_at;
};

struct UnlockPage {
  std::vector<StoredUnlock> unlocks;
  uint32_t total = 0;  // over all pages
};

// A page of what a streamer has unlocked, in one game or in all: newest first, then by game and
// code.
absl::StatusOr<UnlockPage> ListUnlocks(common::mysql::Pool& mysql,
                                       v1::StreamerEntityType streamer_type,
                                       const common::Uuid& streamer_id,
                                       const std::optional<common::Uuid>& game_service_id,
                                       int limit, int offset);

}  // namespace streaming::careers
