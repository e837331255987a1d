#include "services/streaming/events/watch_worker.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "services/streaming/events/client_event.h"

namespace streaming::events {
namespace {

constexpr char kStream[] = "STREAMING";
constexpr int kFetchMax = 256;
constexpr std::chrono::milliseconds kFetchWait{1000};
constexpr std::chrono::milliseconds kRetryPause{1000};
// At the start, for as many messages as a busy game stores in the time that is kept.
constexpr int kCatchUpFetches = 64;
constexpr std::chrono::milliseconds kCatchUpWait{50};
constexpr std::chrono::milliseconds kCareInterval{500};
// After this the server forgets the consumer of an instance that is gone.
constexpr std::chrono::seconds kConsumerLife{300};

}  // namespace

WatchWorker::WatchWorker(Watchers& watchers, common::metrics::Registry& metrics, Options options)
    : watchers_(watchers),
      options_(std::move(options)),
      feed_("watch_feed", metrics,
            [this]() -> common::executor::Loop::Outcome {
              const absl::Status fed = Feed(kFetchWait);
              return {fed.ok() ? std::chrono::milliseconds::zero() : kRetryPause, fed};
            }),
      care_("watch_care", metrics, [this] { return Care(); }) {}

absl::Status WatchWorker::Subscribe() {
  if (subscribed_) return absl::OkStatus();
  RETURN_IF_ERROR(bus_->connection().Subscribe(
      kAllClientSubjects, [&watchers = watchers_](std::string_view subject, std::string_view json) {
        const auto session = SessionOfClientSubject(subject);
        if (!session || !watchers.Has(*session)) return;
        const auto event = FromJson(json);
        if (event && !IsStored(*event)) watchers.Tell(*session, *event);
      }));
  subscribed_ = true;
  return absl::OkStatus();
}

absl::Status WatchWorker::Start(common::outbox::Bus& bus) {
  bus_ = &bus;
  RETURN_IF_ERROR(Subscribe());
  // Whoever watches as soon as the daemon is ready shall not be sent away.
  for (int i = 0; i < kCatchUpFetches && !watchers_.begun(); ++i) {
    RETURN_IF_ERROR(Feed(kCatchUpWait));
  }
  feed_.Start();
  care_.Start();
  return absl::OkStatus();
}

void WatchWorker::StopFeed() {
  feed_.Stop();
  consumer_ = nullptr;  // it needs the connection
}

void WatchWorker::Stop() {
  StopFeed();
  care_.Stop();
}

// Reads on after what was told, through a new consumer: the old one may have sent messages into a
// connection that was breaking, and would send them again much later, when others are told already.
absl::Status WatchWorker::OpenConsumer() {
  auto& jetstream = bus_->jetstream();
  reconnects_ = bus_->connection().stats().reconnects;
  ASSIGN_OR_RETURN(const uint64_t last, jetstream.LastSequence(kStream));
  if (last < watchers_.position()) watchers_.Reset();
  common::nats::ConsumerSpec spec = {
      .stream = kStream,
      .durable = absl::StrCat("streaming_watch_", common::Uuid::V4().ToString()),
      .max_ack_pending = 10 * kFetchMax,
      .inactive_threshold = kConsumerLife};
  if (const uint64_t told = watchers_.position(); told > 0) {
    spec.from_sequence = told + 1;
  } else {
    spec.from = options_.clock() - options_.history;
    stored_before_ = last;
  }
  ASSIGN_OR_RETURN(consumer_, common::nats::PullConsumer::Open(jetstream, std::move(spec)));
  fresh_ = true;
  return absl::OkStatus();
}

absl::Status WatchWorker::Feed(std::chrono::milliseconds wait) {
  if (!consumer_ || bus_->connection().stats().reconnects != reconnects_) {
    consumer_ = nullptr;
    RETURN_IF_ERROR(OpenConsumer());
  }
  ASSIGN_OR_RETURN(auto messages, consumer_->Fetch(kFetchMax, wait));
  absl::Status answered;
  for (common::nats::Message& message : messages) {
    if (!Follows(message.sequence())) {
      consumer_ = nullptr;  // the next step reads from there again
      return answered;
    }
    Take(message);
    answered.Update(message.Ack());
  }
  answered.Update(BeginIfRead(messages.empty()));
  return answered;
}

// Whether a message comes right after what was told. What a new consumer brings first does,
// whatever was deleted before it.
bool WatchWorker::Follows(uint64_t sequence) {
  const uint64_t told = watchers_.position();
  const bool first = std::exchange(fresh_, false);
  return first || sequence <= told + 1;
}

absl::Status WatchWorker::BeginIfRead(bool nothing_came) {
  if (watchers_.begun()) return absl::OkStatus();
  if (watchers_.position() < stored_before_) {
    if (!nothing_came) return absl::OkStatus();
    // The server may only be slow.
    ASSIGN_OR_RETURN(const auto lag, consumer_->ReadLag());
    if (lag.pending > 0 || lag.unacknowledged > 0) return absl::OkStatus();
  }
  watchers_.Begin(stored_before_);
  return absl::OkStatus();
}

// A message that comes again changes nothing: the watchers know how far they were told.
void WatchWorker::Take(const common::nats::Message& message) {
  const uint64_t sequence = message.sequence();
  if (const auto told = ToldBy(message.subject(), message.payload())) {
    watchers_.TellStored(sequence, *told);
  } else if (const auto ended = EndToldBy(message.subject(), message.payload())) {
    watchers_.TellEnd(sequence, *ended);
  } else {
    watchers_.Pass(sequence);
  }
}

common::executor::Loop::Outcome WatchWorker::Care() {
  watchers_.Tick();
  if (options_.clock() < next_audit_) return {kCareInterval};
  next_audit_ = options_.clock() + options_.audit_interval;
  return {kCareInterval, Audit()};
}

// No event tells of a session that was cancelled before it began, or was deleted.
absl::Status WatchWorker::Audit() {
  const std::vector<common::Uuid> watched = watchers_.Watched();
  for (size_t i = 0; i < watched.size(); i += kAuditMax) {
    const std::span<const common::Uuid> some(&watched[i], std::min(kAuditMax, watched.size() - i));
    ASSIGN_OR_RETURN(const auto ended, options_.ended(some));
    watchers_.EndNow(ended);
  }
  return absl::OkStatus();
}

}  // namespace streaming::events
