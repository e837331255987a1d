#include "libs/common/outbox/bus.h"

#include "libs/common/base/status.h"
#include "libs/common/outbox/message.h"

namespace common::outbox {

absl::Status Bus::Start() {
  if (connection_ == nullptr) {
    ASSIGN_OR_RETURN(connection_, nats::Connection::Connect(options_));
  }
  if (jetstream_ == nullptr) {
    ASSIGN_OR_RETURN(jetstream_, nats::JetStream::Make(*connection_));
  }
  RETURN_IF_ERROR(jetstream_->Declare(streams_));
  if (relay_ == nullptr) {
    relay_ = std::make_unique<Relay>(mysql_, *jetstream_);
    relay_->Start();
    running_ = relay_.get();
  }
  return absl::OkStatus();
}

void Bus::Stop() {
  if (relay_ != nullptr) relay_->Stop();
}

absl::Status Bus::Publish(const Event& event) {
  return jetstream_
      ->Publish(event.subject, event.payload, HeadersOf(event), event.event_id.ToString())
      .status();
}

void Bus::NotifyRelay() {
  if (Relay* const relay = running_) relay->Notify();
}

absl::Status Bus::Probe() const {
  if (connection_ != nullptr && connection_->connected()) return absl::OkStatus();
  return absl::UnavailableError("nats is not connected");
}

int64_t Bus::backlog() const {
  const Relay* const relay = running_;
  return relay == nullptr ? 0 : relay->stats().backlog;
}

}  // namespace common::outbox
