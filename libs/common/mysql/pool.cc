#include "libs/common/mysql/pool.h"

#include "libs/common/base/status.h"

namespace common::mysql {
namespace {

constexpr auto kPauseWhenDown = std::chrono::milliseconds(1000);

}  // namespace

Pool::Pool(Options options)
    : options_(std::move(options)),
      pool_(options_.pool_size, options_.acquire_timeout, kPauseWhenDown) {}

absl::StatusOr<Pool::Lease> Pool::Borrow() {
  const auto limit = [this](Connection& connection) {
    return connection.LimitStatements(Remaining(options_.statement_timeout));
  };
  return pool_.Borrow(
      [&](Connection& connection) { return connection.Usable() && limit(connection).ok(); },
      [&]() -> absl::StatusOr<std::unique_ptr<Connection>> {
        ASSIGN_OR_RETURN(auto connection, Connection::Open(options_));
        RETURN_IF_ERROR(limit(*connection));
        return connection;
      });
}

void Pool::NoteLost(const Connection& connection) {
  if (connection.timed_out()) {
    pool_.NoteSilence();
  } else {
    pool_.CloseIdle();
  }
}

absl::StatusOr<int64_t> Pool::ExecuteValues(std::string_view sql, std::span<const Value> values) {
  ASSIGN_OR_RETURN(const Lease connection, Borrow());
  absl::StatusOr<int64_t> changed = connection->ExecuteValues(sql, values);
  if (connection->broken()) NoteLost(*connection);
  return changed;
}

absl::StatusOr<Rows> Pool::QueryValues(std::string_view sql, std::span<const Value> values) {
  constexpr int kAttempts = 2;
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const Lease connection, Borrow());
    absl::StatusOr<Rows> rows = connection->QueryValues(sql, values);
    if (connection->broken()) NoteLost(*connection);
    const bool was_closed = connection->broken() && !connection->timed_out();
    if (!was_closed || !connection.pooled() || attempt == kAttempts) return rows;
  }
}

}  // namespace common::mysql
