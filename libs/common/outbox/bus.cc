#include "libs/common/outbox/bus.h"

#include "libs/common/base/status.h"
#include "libs/common/outbox/message.h"

namespace common::outbox {
namespace {

constexpr auto kFinishLimit = std::chrono::seconds(2);

}  // namespace

absl::Status Bus::Start() {
  if (connection_ == nullptr) {
    ASSIGN_OR_RETURN(connection_, nats::Connection::Connect(options_));
  }
  if (jetstream_ == nullptr) {
    ASSIGN_OR_RETURN(jetstream_, nats::JetStream::Make(*connection_));
  }
  RETURN_IF_ERROR(DeclareStreams());
  if (relay_ == nullptr) {
    relay_ = std::make_unique<Relay>(mysql_, *jetstream_);
    relay_->Start();
    running_ = relay_.get();
  }
  return absl::OkStatus();
}

void Bus::Finish() {
  if (relay_ != nullptr) relay_->Finish(kFinishLimit);
}

void Bus::Close() {
  running_ = nullptr;
  relay_ = nullptr;
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

void Bus::NotifyRelay() {
  if (Relay* const relay = running_) relay->Notify();
}

absl::Status Bus::Probe() {
  if (connection_ != nullptr && connection_->closed()) {
    return absl::CancelledError("nats refuses the user, token or credentials");
  }
  if (connection_ == nullptr || !connection_->connected()) {
    return absl::UnavailableError("nats is not connected");
  }
  if (connection_->stats().reconnects == declared_reconnects_) return absl::OkStatus();
  return DeclareStreams();
}

int64_t Bus::backlog() const {
  const Relay* const relay = running_;
  return relay == nullptr ? 0 : relay->stats().backlog;
}

}  // namespace common::outbox
