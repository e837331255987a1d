// A name that one session of the database holds at a time: for work that must not run twice.
#pragma once
#include <optional>

#include "libs/common/mysql/pool.h"

namespace common::mysql {

// Holds GET_LOCK(name), qualified by the current database, on a connection of its own. The server
// frees it when that connection ends, so a holder that was cut off must stop: see Held().
class NamedLock {
 public:
  // Waits at most `timeout`, which should be below the pool's statement_timeout. nullopt: somebody
  // else holds it. `name` together with the database's name must be at most 64 characters.
  static absl::StatusOr<std::optional<NamedLock>> Acquire(Pool& pool, std::string_view name,
                                                          std::chrono::seconds timeout);
  NamedLock(NamedLock&& other) noexcept
      : connection_(std::move(other.connection_)), name_(std::exchange(other.name_, {})) {}
  NamedLock& operator=(NamedLock&&) = delete;
  ~NamedLock();

  // Asks the server, one round trip.
  bool Held();
  // The session that holds the lock: a statement that succeeds on it was run while it was held.
  Connection& connection() { return *connection_; }

 private:
  NamedLock(Pool::Lease connection, std::string name)
      : connection_(std::move(connection)), name_(std::move(name)) {}

  Pool::Lease connection_;
  std::string name_;  // empty after a move
};

}  // namespace common::mysql
