#include "libs/common/mysql/pool.h"

#include "libs/common/base/status.h"

namespace common::mysql {

Pool::Pool(Options options)
    : options_(std::move(options)), pool_(options_.pool_size, options_.acquire_timeout) {}

absl::StatusOr<Pool::Lease> Pool::Borrow() {
  return pool_.Borrow(
      std::nullopt, [](Connection& connection) { return connection.Usable(); },
      [this] { return Connection::Open(options_); });
}

absl::StatusOr<int64_t> Pool::ExecuteValues(std::string_view sql, std::span<const Value> values) {
  ASSIGN_OR_RETURN(const Lease connection, Borrow());
  absl::StatusOr<int64_t> changed = connection->ExecuteValues(sql, values);
  if (connection->broken()) NoteLost();
  return changed;
}

absl::StatusOr<Rows> Pool::QueryValues(std::string_view sql, std::span<const Value> values) {
  constexpr int kAttempts = 2;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const Lease connection, Borrow());
    absl::StatusOr<Rows> rows = connection->QueryValues(sql, values);
    if (connection->broken()) NoteLost();
    if (!connection->broken() || !connection.pooled() || attempt == kAttempts) return rows;
  }
}

}  // namespace common::mysql
