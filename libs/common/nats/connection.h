// One connection to NATS for the whole process; it reconnects for ever, unless it is refused.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"
#include "libs/common/nats/handles.h"

namespace common::nats {

struct Options {
  std::string url = "nats://127.0.0.1:4222";  // several servers of a cluster: commas between
  std::string name;                           // shown in the server's list of connections
  std::string user;                           // "" = none
  config::Secret password;
  config::Secret token;          // instead of user and password
  std::string credentials_file;  // a .creds file; "" = none
  std::string tls_ca;            // PEM file; "" = plaintext
  std::string tls_hostname;      // what the server's certificate must say; required with tls_ca
  std::string tls_certificate;   // PEM file of the client's chain; "" = none, needs tls_ca
  std::string tls_key;           // PEM file of that certificate's key
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds reconnect_wait{500};
  std::chrono::milliseconds request_timeout{5000};  // for one answer of JetStream
  // How often a silent server is asked whether it is there; after two unanswered questions the
  // connection counts as lost.
  std::chrono::milliseconds ping_interval{1000};
};

// Names are case sensitive.
using Headers = std::vector<std::pair<std::string, std::string>>;

// For the metrics, since the connection was made.
struct Stats {
  uint64_t reconnects = 0;
  uint64_t errors = 0;  // asynchronous ones, a slow subscriber that lost messages among them
};

// Thread-safe. Whatever is made from it must be gone before it.
class Connection {
 public:
  // What arrived on a subscription; valid during the call only, which runs in a trace that
  // continues the publisher's.
  using Handler = std::function<void(std::string_view subject, std::string_view payload)>;

  // Tries once: UNAVAILABLE when no server answers, and the caller decides when to try again;
  // INVALID_ARGUMENT when the options are wrong, INTERNAL when the server refuses the identity or
  // does not offer the encryption that is wanted.
  static absl::StatusOr<std::unique_ptr<Connection>> Connect(const Options& options);
  // Sends what is buffered, closes, and waits until no callback runs any more.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Fire and forget: while the server is away messages wait in a buffer of 8 MiB, then UNAVAILABLE.
  absl::Status Publish(std::string_view subject, std::string_view payload,
                       const Headers& headers = {});

  // Calls `handler` on a thread of its own for every message on `subject`, wildcards allowed, until
  // this connection ends, also through reconnects. There is no way to end it earlier: destroying a
  // subscription while a message arrives can crash this version of nats.c.
  absl::Status Subscribe(const std::string& subject, Handler handler);

  bool connected() const;
  // Whether it is over for good: nats.c gives up when the server refuses the identity twice in a
  // row at a reconnect.
  bool closed() const;
  Stats stats() const;

  // For the other files of this folder.
  natsConnection* handle() const { return connection_.get(); }
  std::chrono::milliseconds request_timeout() const { return request_timeout_; }
  // Keeps a subscription that is no longer used until the connection is closed; see Subscribe.
  void Retire(SubscriptionHandle subscription);

 private:
  struct Callbacks;
  Connection(Callbacks& callbacks, std::chrono::milliseconds request_timeout)
      : callbacks_(callbacks), request_timeout_(request_timeout) {}

  static void OnMessage(natsConnection*, natsSubscription*, natsMsg* message, void* closure);

  Callbacks& callbacks_;  // outlives this: nats.c may call back even after the end
  const std::chrono::milliseconds request_timeout_;
  std::mutex mutex_;
  std::vector<SubscriptionHandle> subscriptions_;  // destroyed after the connection
  ConnectionHandle connection_;
};

// A message with these parts; for Publish here and in JetStream.
absl::StatusOr<MessageHandle> MakeMessage(std::string_view subject, std::string_view payload,
                                          const Headers& headers);

}  // namespace common::nats
