// One connection to MySQL or MariaDB, and the only code that touches the connector.
//
// No exception leaves it. Errors: UNAVAILABLE when the server cannot be reached, went away or is
// read-only; ABORTED for a deadlock or lock wait (the transaction has to be repeated as a whole);
// ALREADY_EXISTS for a duplicate key; DEADLINE_EXCEEDED when a statement ran into its time limit;
// else INTERNAL. The text carries MySQL's error number and nothing the server said, which quotes
// data.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"
#include "libs/common/mysql/value.h"

namespace common::mysql {

struct Options {
  std::string host = "127.0.0.1";
  int port = 3306;
  std::string user;
  config::Secret password;
  std::string database;
  size_t pool_size = 8;  // connections open at most
  // The connector counts in whole seconds.
  std::chrono::seconds connect_timeout{1};
  std::chrono::seconds read_timeout{2};
  std::chrono::seconds write_timeout{2};
  // The server gives up a statement after this; it should be below read_timeout. MariaDB only: the
  // limit of MySQL covers SELECT alone and stays at the server's setting.
  std::chrono::milliseconds statement_timeout{1500};
  // For a connection to come free. Above read_timeout, so that whoever waits while the server is
  // silent is told that, and not that all connections are in use.
  std::chrono::milliseconds acquire_timeout{2500};
  // The PEM file of the authority that signed the server's certificate. Given: the connection is
  // encrypted and chain and host are checked, or there is none. "" = plaintext.
  std::string tls_ca;
};

// Execute(sql, parameters…) and Query(sql, parameters…) for whatever can run a statement. The text
// is prepared once a connection and cached, so it should be a constant with `?` for every value.
template <class Derived>
class Statements {
 public:
  // The number of rows changed; an UPDATE that sets what is there already changes none.
  template <class... P>
  absl::StatusOr<int64_t> Execute(std::string_view sql, const P&... parameters) {
    const std::array<Value, sizeof...(P)> values{ToValue(parameters)...};
    return derived().ExecuteValues(sql, values);
  }

  // All rows of the answer, in memory: page large tables by key.
  template <class... P>
  absl::StatusOr<Rows> Query(std::string_view sql, const P&... parameters) {
    const std::array<Value, sizeof...(P)> values{ToValue(parameters)...};
    return derived().QueryValues(sql, values);
  }

 private:
  Derived& derived() { return static_cast<Derived&>(*this); }
};

// For one thread at a time.
class Connection : public Statements<Connection> {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // As Execute and Query, for a number of parameters that is known at run time only.
  absl::StatusOr<int64_t> ExecuteValues(std::string_view sql, std::span<const Value> values);
  absl::StatusOr<Rows> QueryValues(std::string_view sql, std::span<const Value> values);
  // A statement without parameters or answer that is not worth preparing, or cannot be.
  absl::Status Run(std::string_view sql);

  // Has the server give up what comes now after about `budget` (up to twice of it), but no later
  // than the options say. Costs a round trip when the limit changes, by steps of two.
  absl::Status LimitStatements(std::chrono::microseconds budget);

  // True after an error that leaves the session in doubt.
  bool broken() const { return broken_; }
  // True if it broke because the server did not answer in time.
  bool timed_out() const { return timed_out_; }
  // Gives the connection up, for example because its session holds something that must end now.
  void MarkBroken() { broken_ = true; }
  // Whether it may be used: asks the server if it was idle for long.
  bool Usable();

 private:
  struct Native;
  Connection(std::unique_ptr<Native> native, const Options& options);

  absl::Status Configure(const Options& options);
  // Whether an operation that began then ran into the client's time-out.
  bool RanOut(std::chrono::steady_clock::time_point begun) const;
  // Calls `action`, turning what it throws into a status.
  template <class Action>
  absl::Status Guard(Action action);

  std::unique_ptr<Native> native_;
  const std::chrono::milliseconds statement_timeout_;
  const std::chrono::milliseconds read_timeout_;
  std::chrono::microseconds statement_limit_;  // what the session is set to
  std::chrono::steady_clock::time_point last_use_ = std::chrono::steady_clock::now();
  bool broken_ = false;
  bool timed_out_ = false;
};

// The server's or client library's error number behind a status from here; nullopt otherwise.
std::optional<int> ErrorNumber(const absl::Status& status);

}  // namespace common::mysql
