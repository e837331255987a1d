// What a caller of Redis chooses.
#pragma once
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/config/address.h"
#include "libs/common/config/secret.h"

namespace common::redis {

struct Options {
  std::string host = "127.0.0.1";
  int port = 6379;
  // Nodes of a Redis Cluster, of which one must answer to find the others; `host` and `port` are
  // not used then. Empty: the one server.
  std::vector<config::Address> cluster = {};
  std::string user = "";         // "" = the default user
  config::Secret password = {};  // empty = no AUTH
  size_t pool_size = 16;         // connections open at most, in a cluster to each node
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds io_timeout{1500};       // for one answer; see also cluster.h
  std::chrono::milliseconds acquire_timeout{1500};  // for a connection to come free
};

struct CallOptions {
  // The call may be repeated on a new connection when the first one breaks before an answer.
  // Without it a broken call has an unknown outcome and is reported as UNAVAILABLE.
  bool idempotent = false;
  // The source of the library of Functions that a single FCALL needs, which is loaded where the
  // server turns out to have lost it. Null: that is an error.
  const std::string* library = nullptr;
};

// The words of one command, any bytes, the command's name in capitals first.
using Arguments = std::span<const std::string_view>;

}  // namespace common::redis
