// All or nothing, repeated when the database asks for it.
#pragma once
#include <functional>

#include "libs/common/mysql/pool.h"

namespace common::mysql {

// An open transaction at READ COMMITTED. After a deadlock or a lost connection every further
// statement fails, so that no half of the work can be committed by going on.
class Transaction : public Statements<Transaction> {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}

  absl::StatusOr<int64_t> ExecuteValues(std::string_view sql, std::span<const Value> values);
  absl::StatusOr<Rows> QueryValues(std::string_view sql, std::span<const Value> values);

  // OK, or the error that ended the transaction.
  const absl::Status& fate() const { return fate_; }

 private:
  void Note(const absl::Status& status);

  Connection& connection_;
  absl::Status fate_;
};

// Runs `work` in a transaction and commits if it returns OK, else rolls back and returns its error.
// A deadlock or lock wait (1213, 1205) rolls back and repeats the whole of `work`, which therefore
// must change nothing but the database, up to kTransactionAttempts times: then UNAVAILABLE.
// UNAVAILABLE also when the connection was lost; if that was at the commit, the outcome is unknown
// and the work must be found out by its key. What `work` throws becomes INTERNAL.
inline constexpr int kTransactionAttempts = 5;
absl::Status RunTransaction(Pool& pool, const std::function<absl::Status(Transaction&)>& work);

}  // namespace common::mysql
