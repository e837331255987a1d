// Seals everything anew that is still under an older key, so that the key can be thrown away.
#pragma once
#include <cstdint>

#include <absl/status/statusor.h>

#include "libs/common/mysql/pool.h"
#include "services/stream/sealer.h"

namespace stream::privacy {

struct Resealed {
  int64_t changed = 0;     // sealed anew
  int64_t unreadable = 0;  // under none of the keys
};

// Goes through all tables, while daemons run. What another change has replaced meanwhile is under
// the present key already. Harmless to repeat.
absl::StatusOr<Resealed> ResealAll(common::mysql::Pool& mysql, const Sealer& sealer);

}  // namespace stream::privacy
