#include "libs/common/nats/consumer_loop.h"

#include <algorithm>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "libs/common/trace/trace.h"

namespace common::nats {
namespace {

constexpr int kFetchMax = 64;
constexpr std::chrono::milliseconds kFetchWait{1000};
constexpr std::chrono::milliseconds kRetryPause{1000};
constexpr std::chrono::seconds kMeasureInterval{5};

metrics::Labels LabelsOf(const ConsumerSpec& spec) {
  return {{"stream", spec.stream}, {"consumer", spec.durable}};
}

}  // namespace

ConsumerLoop::ConsumerLoop(ConsumerSpec spec, metrics::Registry& metrics, Handler handler)
    : spec_(std::move(spec)),
      handler_(std::move(handler)),
      pending_(metrics.GetGauge(
          "nats_consumer_pending_messages",
          "Messages that wait in the stream for a consumer, over all instances that share it.",
          LabelsOf(spec_))),
      unacknowledged_(metrics.GetGauge("nats_consumer_unacknowledged_messages",
                                       "Messages delivered to a consumer and not answered yet.",
                                       LabelsOf(spec_))),
      redelivered_(metrics.GetGauge(
          "nats_consumer_redelivered_messages",
          "Those of the unanswered messages that were delivered more than once.", LabelsOf(spec_))),
      buried_(metrics.GetCounter("nats_consumer_buried_total",
                                 "Messages that nobody can handle, moved to dead.<subject>.",
                                 LabelsOf(spec_))),
      loop_(spec_.durable, metrics, [this] { return Step(); }) {}

absl::Status ConsumerLoop::Start(JetStream& jetstream) {
  if (consumer_ != nullptr) return absl::OkStatus();
  jetstream_ = &jetstream;
  ASSIGN_OR_RETURN(consumer_, PullConsumer::Open(jetstream, spec_));
  loop_.Start();
  return absl::OkStatus();
}

void ConsumerLoop::Stop() {
  loop_.Stop();
  consumer_ = nullptr;
}

executor::Loop::Outcome ConsumerLoop::Step() {
  // To ask for more than may be under way would only wait for it.
  const auto most = static_cast<int>(std::min<int64_t>(kFetchMax, spec_.max_ack_pending));
  absl::StatusOr<std::vector<Message>> messages = consumer_->Fetch(most, kFetchWait);
  if (!messages.ok()) return {kRetryPause, messages.status()};
  for (Message& message : *messages) Handle(message);
  return {.status = MeasureIfDue()};
}

void ConsumerLoop::Handle(Message& message) {
  const trace::Scope scope(trace::Continue(message.Header("traceparent").value_or("")));
  const Time begin = Now();
  // Without an answer it comes again.
  if (const absl::Status answered = handler_(message); !answered.ok()) {
    log::Warning("message.unanswered", {{"consumer", spec_.durable},
                                        {"code", absl::StatusCodeToString(answered.code())}});
  }
  log::Debug("message.handled", {{"consumer", spec_.durable},
                                 {"subject", message.subject()},
                                 {"duration_ms", ToSeconds(Now() - begin) * 1e3}});
}

absl::Status ConsumerLoop::MeasureIfDue() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_measure_) return absl::OkStatus();
  next_measure_ = now + kMeasureInterval;
  ASSIGN_OR_RETURN(const ConsumerLag lag, consumer_->ReadLag());
  pending_.Set(static_cast<double>(lag.pending));
  unacknowledged_.Set(static_cast<double>(lag.unacknowledged));
  redelivered_.Set(static_cast<double>(lag.redelivered));
  return absl::OkStatus();
}

absl::Status ConsumerLoop::Bury(Message& message) {
  const auto buried =
      jetstream_->Publish("dead." + std::string(message.subject()), message.payload(),
                          {{"traceparent", trace::CurrentTraceparent()}}, "");
  if (!buried.ok()) return message.Nak(kRetryPause);
  buried_.Increment();
  return message.Term();
}

}  // namespace common::nats
