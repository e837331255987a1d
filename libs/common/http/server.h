// An HTTP/1.1 server for webhooks, callbacks and health: small, and bounded in everything a peer
// can make it hold. It logs nothing; `observe` is told what a metric or an access log may know.
//
// Each connection is served by a coroutine on a strand; its handlers run one at a time, so
// pipelined requests wait in the socket. Requests with a body that nobody reads, malformed ones and
// timeouts close the connection.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/http/message.h"
#include "libs/common/http/router.h"

namespace common::http {

// Hands work to a bounded pool of threads; false when it is full. Work that was accepted may still
// be dropped unrun: its request is then answered 503 as well.
using TrySubmit = std::function<bool(std::function<void()>)>;

struct Served {
  std::string_view route;  // the pattern, never the path; empty when no route matched
  int status = 0;
  std::chrono::microseconds duration{};  // from the end of the header to the end of the answer
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: the system chooses, see Server::port
  int io_threads = 1;
  size_t max_connections = 1024;  // one more is answered 503 at the door
  size_t max_header_bytes = 8 * 1024;
  int max_requests_per_connection = 10'000;
  // From the first byte of a request (for a new connection, from its acceptance) to the end of its
  // header; then for its whole body; for the whole answer; between two requests.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{10'000};
  std::chrono::milliseconds write_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::seconds retry_after{1};  // the advice of every 503 of the server's own
  TrySubmit executor = {};              // required unless every route runs inline
  // Called on an io thread after each answer. Must not block.
  std::function<void(const Served&)> observe = {};
};

struct ServerCore;

class Server {
 public:
  // Binds, listens and starts its threads. INVALID_ARGUMENT for bad routes, options or address;
  // UNAVAILABLE when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options,
                                                       std::vector<Route> routes);
  ~Server();  // Stop with no grace
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  // How many are open.
  size_t connections() const;

  // Stops accepting, closes idle connections and waits up to `grace` for requests in flight. True
  // when all were answered. A handler that still runs afterwards keeps its request's memory alive,
  // but its answer is lost; what it refers to outside is its owner's to keep. Idempotent.
  bool Stop(std::chrono::milliseconds grace);

 private:
  explicit Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}

  std::shared_ptr<ServerCore> core_;
};

}  // namespace common::http
