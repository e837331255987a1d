// A daemon's way to NATS: one connection, the streams it needs, and the relay of its outbox.
#pragma once
#include <memory>
#include <vector>

#include <absl/status/status.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/nats/connection.h"
#include "libs/common/nats/jetstream.h"
#include "libs/common/outbox/outbox.h"

namespace common::outbox {

class Bus {
 public:
  // Talks to nothing yet. `mysql` holds the outbox; it and `metrics` must outlive this.
  Bus(mysql::Pool& mysql, nats::Options options, std::vector<nats::StreamSpec> streams,
      metrics::Registry& metrics);

  // Connects, declares the streams and starts the relay. UNAVAILABLE while NATS is away; may then
  // be called again. FAILED_PRECONDITION when a foreign stream lacks what is published into it.
  absl::Status Start();
  // Ends the relay, after what waits was published or a moment has passed.
  void Finish();
  // Ends everything; when it returns no subscription calls anybody any more. What was made from the
  // connection must be gone before.
  void Close();

  // Only after Start.
  nats::Connection& connection() { return *connection_; }
  nats::JetStream& jetstream() { return *jetstream_; }

  // Publishes what is told of no record, and waits for the acknowledgement. UNAVAILABLE before
  // Start and after Close.
  absl::Status Publish(const Event& event);
  // To be called after a commit that appended. Harmless before Start.
  void NotifyRelay() { relay_.Notify(); }

  // OK while the connection stands. Measures it, and declares the streams again after a reconnect,
  // since a server that restarts forgets those in memory; so it should be asked every second or so.
  // CANCELLED when the server has refused our identity so often that only a new process connects
  // again.
  absl::Status Probe();

 private:
  absl::Status DeclareStreams();

  const nats::Options options_;
  const std::vector<nats::StreamSpec> streams_;
  metrics::Gauge& connected_;
  metrics::Counter& reconnects_;
  metrics::Counter& errors_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::JetStream> jetstream_;
  Relay relay_;
  uint64_t declared_reconnects_ = 0;  // the connection's count at the last declaration
};

}  // namespace common::outbox
