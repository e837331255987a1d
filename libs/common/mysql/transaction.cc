#include "libs/common/mysql/transaction.h"

#include <chrono>
#include <random>
#include <thread>

#include "libs/common/base/status.h"

namespace common::mysql {
namespace {

// So that two that met in a deadlock do not meet again.
void PauseBeforeRetry(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> milliseconds(1, 10 << attempt);
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
}

absl::Status Attempt(Transaction& transaction,
                     const std::function<absl::Status(Transaction&)>& work) {
  try {
    const absl::Status result = work(transaction);
    return transaction.fate().ok() ? result : transaction.fate();
  } catch (const std::exception&) {
    return absl::InternalError("exception inside a transaction");
  }
}

// A borrowed connection with an open transaction. A pooled connection that turns out to be lost
// here has done nothing yet, so another one is taken.
absl::StatusOr<Pool::Lease> Begin(Pool& pool) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(Pool::Lease connection, pool.Borrow());
    const absl::Status begun = connection->Run("START TRANSACTION");
    if (begun.ok()) return connection;
    if (connection->broken()) pool.NoteLost(*connection);
    const bool was_closed = connection->broken() && !connection->timed_out();
    if (!was_closed || !connection.pooled() || attempt == kAttempts) return begun;
  }
}

}  // namespace

absl::StatusOr<int64_t> Transaction::ExecuteValues(std::string_view sql,
                                                   std::span<const Value> values) {
  RETURN_IF_ERROR(fate_);
  absl::StatusOr<int64_t> changed = connection_.ExecuteValues(sql, values);
  Note(changed.status());
  return changed;
}

absl::StatusOr<Rows> Transaction::QueryValues(std::string_view sql, std::span<const Value> values) {
  RETURN_IF_ERROR(fate_);
  absl::StatusOr<Rows> rows = connection_.QueryValues(sql, values);
  Note(rows.status());
  return rows;
}

void Transaction::Note(const absl::Status& status) {
  if (absl::IsAborted(status) || connection_.broken()) fate_ = status;
}

absl::Status RunTransaction(Pool& pool, const std::function<absl::Status(Transaction&)>& work) {
  for (int attempt = 1; attempt <= kTransactionAttempts; ++attempt) {
    {
      ASSIGN_OR_RETURN(const Pool::Lease connection, Begin(pool));
      Transaction transaction(*connection);
      absl::Status result = Attempt(transaction, work);
      if (result.ok()) result = connection->Run("COMMIT");
      // A lock wait leaves the transaction open, and so does an error of `work` itself.
      if (!result.ok() && !connection->Run("ROLLBACK").ok()) connection->MarkBroken();
      if (connection->broken()) pool.NoteLost(*connection);
      const bool collided = absl::IsAborted(transaction.fate()) ||
                            (absl::IsAborted(result) && ErrorNumber(result).has_value());
      if (!collided) return result;
    }
    PauseBeforeRetry(attempt);
  }
  return absl::UnavailableError("mysql transaction kept colliding with others");
}

}  // namespace common::mysql
