#include "services/stream/privacy/erasure_store.h"

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/linking/link_columns_store.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/privacy/tombstone_store.h"

namespace stream::privacy {

using common::Time;
using common::Uuid;
using common::mysql::Transaction;

absl::Status ErasureStore::Erase(const Uuid& account, Time now) {
  const std::string mark = marks_.OfAccount(account);
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
    // Waits for a link that is being stored; later ones are refused.
    RETURN_IF_ERROR(BuryAccount(transaction, mark, now));
    ASSIGN_OR_RETURN(const auto rows,
                     transaction.Query("SELECT " LINK_COLUMNS " FROM link WHERE account_id = ? "
                                       "ORDER BY link_id FOR UPDATE",
                                       account));
    for (const auto& row : rows) {
      RETURN_IF_ERROR(linking::TakeAway(transaction, linking::ReadLink(row), now));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<int64_t> ErasureStore::EraseSessions(const Uuid& account) {
  constexpr int64_t kBatch = 1000;
  for (int64_t deleted = kBatch; deleted == kBatch;) {
    ASSIGN_OR_RETURN(deleted,
                     mysql_.Execute("DELETE FROM session WHERE account_id = ? AND status = 3 "
                                    "LIMIT ?",
                                    account, kBatch));
  }
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT COUNT(*) FROM session WHERE account_id = ?", account));
  return rows.at(0).Get<int64_t>(0);
}

}  // namespace stream::privacy
