#include "libs/common/outbox/bus.h"

#include "libs/common/base/status.h"
#include "libs/common/outbox/message.h"

namespace common::outbox {
namespace {

constexpr auto kFinishLimit = std::chrono::seconds(2);

}  // namespace

Bus::Bus(mysql::Pool& mysql, nats::Options options, std::vector<nats::StreamSpec> streams,
         metrics::Registry& metrics)
    : options_(std::move(options)),
      streams_(std::move(streams)),
      connected_(metrics.GetGauge("nats_connected", "1 while the connection to NATS stands.")),
      reconnects_(metrics.GetCounter("nats_reconnects_total", "Connections to NATS after a loss.")),
      errors_(metrics.GetCounter("nats_errors_total",
                                 "Asynchronous errors of the connection to NATS, such as a "
                                 "subscription that lost messages because it was slow.")),
      relay_(mysql, metrics) {}

absl::Status Bus::Start() {
  if (connection_ == nullptr) {
    ASSIGN_OR_RETURN(connection_, nats::Connection::Connect(options_));
  }
  if (jetstream_ == nullptr) {
    ASSIGN_OR_RETURN(jetstream_, nats::JetStream::Make(*connection_));
  }
  RETURN_IF_ERROR(DeclareStreams());
  relay_.Start(*jetstream_);
  return absl::OkStatus();
}

void Bus::Finish() { relay_.Finish(kFinishLimit); }

void Bus::Close() {
  relay_.Stop();
  jetstream_ = nullptr;
  connection_ = nullptr;
}

absl::Status Bus::DeclareStreams() {
  // Read first: a reconnect in between makes for one more declaration, not for one too few.
  const uint64_t reconnects = connection_->stats().reconnects;
  RETURN_IF_ERROR(jetstream_->Declare(streams_));
  declared_reconnects_ = reconnects;
  return absl::OkStatus();
}

absl::Status Bus::Publish(const Event& event) {
  if (jetstream_ == nullptr) return absl::UnavailableError("nats is not connected");
  return jetstream_
      ->Publish(event.subject, event.payload, HeadersOf(event), event.event_id.ToString())
      .status();
}

absl::Status Bus::Probe() {
  if (connection_ == nullptr) return absl::UnavailableError("nats is not connected");
  if (connection_->closed()) {
    return absl::CancelledError("nats refuses the user, token or credentials");
  }
  const nats::Stats stats = connection_->stats();
  const bool connected = connection_->connected();
  connected_.Set(connected ? 1 : 0);
  metrics::RaiseTo(reconnects_, stats.reconnects);
  metrics::RaiseTo(errors_, stats.errors);
  if (!connected) return absl::UnavailableError("nats is not connected");
  return stats.reconnects == declared_reconnects_ ? absl::OkStatus() : DeclareStreams();
}

}  // namespace common::outbox
