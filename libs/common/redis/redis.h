// A pool of connections to one Redis server, safe to use from any thread.
//
// A connection is borrowed for one call. After any I/O error or time-out it is closed, never
// reused: hiredis would hand the late answer to the next caller. Errors: UNAVAILABLE when Redis
// cannot be reached or does not answer in time (and then at once, until a trial a second succeeds),
// DEADLINE_EXCEEDED when the thread's own deadline ran out, RESOURCE_EXHAUSTED when no connection
// came free in time; otherwise see ErrorCode() in reply.h.
#pragma once
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"
#include "libs/common/pool/bounded_pool.h"
#include "libs/common/redis/reply.h"

namespace common::redis {

struct Options {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string user;         // "" = the default user
  config::Secret password;  // empty = no AUTH
  size_t pool_size = 16;    // connections open at most
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds io_timeout{1500};       // for one answer
  std::chrono::milliseconds acquire_timeout{1500};  // for a connection to come free
};

struct CallOptions {
  // The call may be repeated once on a new connection when the first one breaks before an answer.
  // Without it a broken call has an unknown outcome and is reported as UNAVAILABLE.
  bool idempotent = false;
};

// The words of one command, any bytes, the command's name first.
using Arguments = std::span<const std::string_view>;

class Redis {
 public:
  // Connects to nothing yet. Ignores SIGPIPE for the process: hiredis writes to sockets that the
  // server may have closed.
  explicit Redis(Options options);
  ~Redis();
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  // One command. An error that Redis answers is an error here.
  absl::StatusOr<Reply> Command(Arguments arguments, CallOptions call = {});
  absl::StatusOr<Reply> Command(std::initializer_list<std::string_view> arguments,
                                CallOptions call = {}) {
    return Command(Arguments(arguments.begin(), arguments.size()), call);
  }

  // Several commands in one round trip, not atomically; one answer each, in order. Errors that
  // Redis answers stand in their place: ask status() of each.
  absl::StatusOr<std::vector<Reply>> Pipeline(std::span<const std::vector<std::string>> commands,
                                              CallOptions call = {});

  pool::Stats stats() const;

 private:
  class Connection;
  using Lease = pool::BoundedPool<Connection>::Lease;

  absl::StatusOr<std::vector<Reply>> Run(std::span<const Arguments> commands, CallOptions call);
  absl::StatusOr<Lease> Borrow();
  absl::StatusOr<std::unique_ptr<Connection>> Connect() const;

  const Options options_;
  pool::BoundedPool<Connection> pool_;
};

// A library of Redis Functions, loaded at the start and again whenever the server turns out to have
// lost it (an empty restart, FUNCTION FLUSH).
class Functions {
 public:
  // `source` begins with "#!lua name=…". `redis` must outlive this.
  Functions(Redis& redis, std::string source) : redis_(redis), source_(std::move(source)) {}

  // FUNCTION LOAD REPLACE.
  absl::Status Load();

  // FCALL. A Function that refuses with redis.error_reply('SOME_CODE …') gives FAILED_PRECONDITION
  // and ErrorCode(status) == "SOME_CODE".
  absl::StatusOr<Reply> Call(std::string_view name, std::span<const std::string> keys,
                             std::span<const std::string> arguments, CallOptions call = {});
  absl::StatusOr<Reply> Call(std::string_view name, std::initializer_list<std::string> keys,
                             std::initializer_list<std::string> arguments, CallOptions call = {}) {
    return Call(name, std::span(keys.begin(), keys.size()),
                std::span(arguments.begin(), arguments.size()), call);
  }

 private:
  Redis& redis_;
  const std::string source_;
};

}  // namespace common::redis
