// A pool of connections to one database, safe to use from any thread.
#pragma once
#include "libs/common/mysql/connection.h"
#include "libs/common/pool/bounded_pool.h"

namespace common::mysql {

// Its own Execute and Query run one statement in autocommit. A Query cut off by a lost connection
// is repeated once; an Execute is not, since nobody knows whether it was carried out: UNAVAILABLE.
// A server that ran into a time-out is UNAVAILABLE at once, until a trial a second succeeds. The
// thread's own deadline limits every wait and, about, what the server may spend on a statement.
class Pool : public Statements<Pool> {
 public:
  using Lease = pool::BoundedPool<Connection>::Lease;

  // Connects to nothing yet.
  explicit Pool(Options options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection for the lease's life. RESOURCE_EXHAUSTED when none came free in time,
  // DEADLINE_EXCEEDED when the thread's own deadline was nearer.
  absl::StatusOr<Lease> Borrow();

  absl::StatusOr<int64_t> ExecuteValues(std::string_view sql, std::span<const Value> values);
  absl::StatusOr<Rows> QueryValues(std::string_view sql, std::span<const Value> values);

  // To be told of a broken connection: the idle ones were most likely lost with it and are closed.
  void NoteLost(const Connection& connection);

  const Options& options() const { return options_; }
  pool::Stats stats() const { return pool_.stats(); }

 private:
  const Options options_;
  pool::BoundedPool<Connection> pool_;
};

}  // namespace common::mysql
