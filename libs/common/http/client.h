// Outgoing HTTP over libcurl, for calls to platforms and webhooks. Blocking: call it from a worker.
//
// TLS is always verified, redirects are never followed, and an error says only curl's number: its
// texts quote URLs, which may carry tokens.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/http/message.h"
#include "libs/common/pool/bounded_pool.h"

namespace common::http {

struct ClientOptions {
  size_t max_in_flight = 16;  // one more waits for a free handle, within its own timeout
  std::chrono::milliseconds connect_timeout{5'000};
  std::string user_agent = "bannou-stream";
  std::string ca_file = {};  // empty: the system's
  std::string proxy = {};    // empty: none; the environment's proxy variables are not read
};

struct OutgoingRequest {
  std::string method = "GET";
  std::string url = {};  // http or https
  Headers headers = {};
  std::string body = {};
  // For everything, waiting for a handle included; the thread's own deadline may be nearer.
  std::chrono::milliseconds timeout{10'000};
  size_t max_response_bytes = 1024 * 1024;
};

class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();  // no call may be in flight
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any complete answer is a value, whatever its status. Thread-safe.
  // INVALID_ARGUMENT: not an http(s) URL, or a line break in a header. DEADLINE_EXCEEDED: timeout.
  // RESOURCE_EXHAUSTED: a longer answer than allowed. UNAVAILABLE: anything else on the way, also
  // that the thread is Stopping().
  absl::StatusOr<Response> Send(const OutgoingRequest& request);

  // Of its handles, each of which carries one call at a time.
  pool::Stats stats() const;
  size_t max_in_flight() const { return options_.max_in_flight; }

 private:
  class Handle;
  absl::StatusOr<std::unique_ptr<Handle>> Borrow(std::chrono::milliseconds timeout);
  void GiveBack(std::unique_ptr<Handle> handle);

  const ClientOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Handle>> idle_;  // kept with their open connections
  size_t in_flight_ = 0;
  uint64_t waits_ = 0;
};

}  // namespace common::http
