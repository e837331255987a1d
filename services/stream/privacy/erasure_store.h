// Takes an account out of every table: `link`, `session` and what hangs on them.
#pragma once
#include "libs/common/mysql/pool.h"
#include "services/stream/marks.h"

namespace stream::privacy {

class ErasureStore {
 public:
  // Both outlive it.
  ErasureStore(common::mysql::Pool& mysql, const Marks& marks) : mysql_(mysql), marks_(marks) {}

  // At once: a tombstone, the account's sessions begin to end, its links are gone, with a farewell
  // to each platform and the news of it. Harmless to repeat.
  absl::Status Erase(const common::Uuid& account, common::Time now);

  // Deletes the sessions of an erased account that have ended. How many still end.
  absl::StatusOr<int64_t> EraseSessions(const common::Uuid& account);

 private:
  common::mysql::Pool& mysql_;
  const Marks& marks_;
};

}  // namespace stream::privacy
