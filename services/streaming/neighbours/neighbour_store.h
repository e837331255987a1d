// The table `neighbour_id`: what seeds, wallets and contracts are called by whom they belong to.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"

namespace streaming::neighbours {

struct TheirId {
  common::Uuid ours;
  common::Uuid theirs;
  // Whose it is, and in which game; absent when the command did not say.
  std::optional<common::Uuid> owner = {};
  std::optional<common::Uuid> game = {};
  // The deal whose contract it is, which says whose; absent for seeds and wallets.
  std::optional<common::Uuid> sponsorship = {};
};

// The neighbour's id where one is known, else ours. Errors: the database's.
absl::StatusOr<common::Uuid> FindTheirId(common::mysql::Pool& mysql, const common::Uuid& ours);
// Of at most kTheirIdsMax, in their order; INVALID_ARGUMENT beyond.
inline constexpr size_t kTheirIdsMax = 100;
absl::StatusOr<std::vector<common::Uuid>> FindTheirIds(common::mysql::Pool& mysql,
                                                       std::span<const common::Uuid> ours);

// Harmless to repeat; the latest answer counts. Nothing is stored that has no owner, so that
// whoever is deleted takes all of it along: without one only a row that is there changes. What
// belonged to somebody who was deleted is not stored either. Neither is an error.
absl::Status Learn(common::mysql::Pool& mysql, const TheirId& id);

}  // namespace streaming::neighbours
