#include "services/streaming/events/client_event_worker.h"

#include <thread>

#include "libs/common/base/status.h"
#include "services/streaming/events/client_event.h"

namespace streaming::events {
namespace {

constexpr std::chrono::milliseconds kRetryPause{1000};
constexpr std::chrono::milliseconds kAckWait{2000};
// What is older is no news: the consumer is new, or nobody was there to tell.
constexpr std::chrono::minutes kNewsAge{5};

// All instances share the consumers. With more than one message under way two of them could tell of
// a train in the wrong order; what an instance that falls had under way comes again soon.
common::nats::ConsumerSpec SpecOf(const char* durable, const char* subjects) {
  return {.stream = "STREAMING",
          .durable = durable,
          .filter_subject = subjects,
          .ack_wait = kAckWait,
          .max_ack_pending = 1};
}

}  // namespace

ClientEventWorker::ClientEventWorker(ClientPublisher& publisher, common::metrics::Registry& metrics)
    : publisher_(publisher),
      hype_(SpecOf("streaming_client_hype", "streaming.hype.>"), metrics,
            [this](common::nats::Message& message) { return Process(message); }),
      milestones_(SpecOf("streaming_client_milestones", "streaming.milestone.>"), metrics,
                  [this](common::nats::Message& message) { return Process(message); }) {}

absl::Status ClientEventWorker::Start(common::nats::JetStream& jetstream) {
  RETURN_IF_ERROR(hype_.Start(jetstream));
  return milestones_.Start(jetstream);
}

void ClientEventWorker::Stop() {
  const std::jthread both([this] { hype_.Stop(); });
  milestones_.Stop();
}

absl::Status ClientEventWorker::Process(common::nats::Message& message) {
  const bool news = common::Now() - message.stored_at() < kNewsAge;
  // Not every milestone comes from a session.
  const auto told = news ? ToldBy(message.subject(), message.payload()) : std::nullopt;
  if (told) {
    absl::Status published = publisher_.Publish(told->session, told->event);
    if (!published.ok()) {
      RETURN_IF_ERROR(message.Nak(kRetryPause));
      return published;
    }
  }
  return message.Ack();
}

}  // namespace streaming::events
