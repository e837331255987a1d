// Redis, one server or a cluster, through pools of connections, from any thread.
//
// A connection is borrowed for one call. After any I/O error or time-out it is closed, never
// reused: hiredis would hand the late answer to the next caller. Errors: UNAVAILABLE when Redis
// cannot be reached or does not answer in time (and then at once, until a trial a second succeeds),
// DEADLINE_EXCEEDED when the thread's own deadline ran out, RESOURCE_EXHAUSTED when no connection
// came free in time; otherwise see ErrorCode() in reply.h.
//
// In a cluster (cluster.h) a command goes to the master of its keys, which must share a slot, hence
// a hash tag: else INTERNAL, before anything is sent. A command without a key, such as PING or
// TIME, goes to any one master.
#pragma once
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/redis/options.h"
#include "libs/common/redis/reply.h"
#include "libs/common/redis/transport.h"

namespace common::redis {

class Redis {
 public:
  // Connects to nothing yet. Ignores SIGPIPE for the process: hiredis writes to sockets that the
  // server may have closed.
  explicit Redis(const Options& options);

  // One command. An error that Redis answers is an error here.
  absl::StatusOr<Reply> Command(Arguments arguments, CallOptions call = {});
  absl::StatusOr<Reply> Command(std::initializer_list<std::string_view> arguments,
                                CallOptions call = {}) {
    return Command(Arguments(arguments.begin(), arguments.size()), call);
  }

  // Several commands in one round trip, in a cluster one to each master, not atomically; one answer
  // each, in order. Errors that Redis answers stand in their place: ask status() of each. Commands
  // of one slot are carried out in order, unless the slot moves to another master meanwhile.
  absl::StatusOr<std::vector<Reply>> Pipeline(std::span<const std::vector<std::string>> commands,
                                              CallOptions call = {});

  // A command that the server, or every master of a cluster, must carry out, once or more often. OK
  // when all that can be reached did, and at least one.
  absl::Status OnEveryServer(std::initializer_list<std::string_view> arguments) {
    return transport_->OnEveryServer(Arguments(arguments.begin(), arguments.size()));
  }

  // Whether Redis serves: a server that answers, a cluster that says that all is well with it.
  absl::Status Probe() { return transport_->Probe(); }

  pool::Stats stats() const { return transport_->stats(); }
  ClusterStats cluster_stats() const { return transport_->cluster_stats(); }

 private:
  const std::unique_ptr<Transport> transport_;
};

// A library of Redis Functions, loaded at the start and again wherever a server turns out to lack
// it (an empty restart, FUNCTION FLUSH, a new master).
class Functions {
 public:
  // `source` begins with "#!lua name=…". `redis` must outlive this.
  Functions(Redis& redis, std::string source) : redis_(redis), source_(std::move(source)) {}

  // FUNCTION LOAD REPLACE, in a cluster on every master.
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
