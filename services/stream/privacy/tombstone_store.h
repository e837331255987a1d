// Accounts that were deleted: table `tombstone`. While an account's row stands there, nothing may
// be stored for it again; a row of another transaction's is waited for, so that a deletion and a
// new link of the same account come one after the other.
#pragma once
#include <string>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/errors.h"

namespace stream::privacy {

inline constexpr std::chrono::hours kTombstoneLife{30 * 24};

// Around what a transaction stores for an account: holds the account's place, and leaves it empty.
class AccountGuard {
 public:
  AccountGuard(common::mysql::Transaction& transaction, const std::string& account_mark)
      : transaction_(transaction), mark_(account_mark) {}

  // ACCOUNT_DELETED.
  absl::Status Enter() const {
    const absl::Status entered = transaction_
                                     .Execute(
                                         "INSERT INTO tombstone (account_mark, expires_at) VALUES "
                                         "(?, NOW(6) + INTERVAL 1 DAY)",
                                         mark_)
                                     .status();
    if (!absl::IsAlreadyExists(entered)) return entered;
    return common::errors::Make(kAccountDeleted, "the account was deleted");
  }
  absl::Status Leave() const {
    return transaction_.Execute("DELETE FROM tombstone WHERE account_mark = ?", mark_).status();
  }

 private:
  common::mysql::Transaction& transaction_;
  const std::string& mark_;
};

// To be the first statement of the transaction that deletes.
inline absl::Status BuryAccount(common::mysql::Transaction& transaction,
                                const std::string& account_mark, common::Time now) {
  return transaction
      .Execute(
          "INSERT INTO tombstone (account_mark, expires_at) VALUES (?, ?) "
          "ON DUPLICATE KEY UPDATE expires_at = GREATEST(expires_at, VALUES(expires_at))",
          account_mark, now + kTombstoneLife)
      .status();
}

// How many. Harmless to repeat.
inline absl::StatusOr<int64_t> PurgeTombstones(common::mysql::Pool& mysql, common::Time now) {
  return mysql.Execute("DELETE FROM tombstone WHERE expires_at < ? LIMIT 1000", now);
}

}  // namespace stream::privacy
