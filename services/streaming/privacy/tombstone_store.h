// The table `tombstone`: accounts, characters and game services that were deleted elsewhere. For as
// long as deletions may be overtaken by what was on its way, nothing is stored for them again.
//
// How the two meet: a deletion commits its tombstone first and then goes through the tables with
// locking statements. A transaction that stores something first inserts it and then asks
// CheckLiving. Either it asks after the tombstone, and takes back what it inserted; or its rows
// were there before, and the deletion waits for them and deletes them.
#pragma once
#include <chrono>
#include <span>
#include <string>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"

namespace streaming::privacy {

enum class Kind : char { kAccount = 'a', kCharacter = 'c', kGameService = 'g' };

struct Entity {
  Kind kind = Kind::kAccount;
  common::Uuid id;
};

// Longer than any token, and than JetStream keeps what names it.
inline constexpr std::chrono::hours kTombstoneLife{30 * 24};

// Harmless to repeat; a repeat lengthens its life. Deletes some of those whose life is over.
absl::Status Bury(common::mysql::Pool& mysql, const Entity& entity, common::Time now);

// ENTITY_DELETED when one of them was deleted. At most kEntitiesMax, INVALID_ARGUMENT beyond. To be
// asked after the inserts of the transaction.
inline constexpr size_t kEntitiesMax = 4;
absl::Status CheckLiving(common::mysql::Transaction& transaction, std::span<const Entity> entities);

}  // namespace streaming::privacy
