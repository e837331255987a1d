#include "services/stream/pulses/publisher_worker.h"

#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "libs/common/outbox/message.h"
#include "libs/common/trace/trace.h"

namespace stream::pulses {
namespace {

using common::Time;
using common::Uuid;
using sessions::Session;
using std::chrono::seconds;
namespace v1 = bannou::stream::v1;

constexpr seconds kTick{1};
constexpr seconds kGiveUpAfter{60};  // a pulse that nobody could publish for so long is no news

constexpr const char* kDropped = "stream_sentiments_dropped_total";
constexpr const char* kDroppedHelp = "Sentiments that no pulse carried, by why.";

}  // namespace

PublisherWorker::PublisherWorker(PublisherOptions options, Parts parts,
                                 common::metrics::Registry& metrics)
    : options_(options),
      parts_(std::move(parts)),
      published_(metrics.GetCounter("stream_pulses_published_total", "Pulses published.")),
      unconfirmed_(metrics.GetCounter("stream_pulses_dropped_total",
                                      "Pulses given up because they could not be published.")),
      expired_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "expired"}})),
      overflow_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "overflow"}})),
      below_bounds_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "below_bounds"}})),
      gave_way_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "gave_way"}})),
      live_(metrics.GetGauge("stream_platform_sessions",
                             "Platform sessions live or ending, of all instances.")),
      loop_("pulse_publisher", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome PublisherWorker::Step() {
  const auto unfinished = parts_.sessions.Unfinished();
  if (!unfinished.ok()) return {kTick, unfinished.status()};
  live_.Set(static_cast<double>(unfinished->size()));
  absl::Status result;
  for (const Session& session : *unfinished) result.Update(StepSession(session));
  return {kTick, result};
}

absl::Status PublisherWorker::StepSession(const Session& session) {
  // A pulse belongs to nobody's request, and to no other session's pulse.
  const common::trace::Scope scope(common::trace::NewRoot());
  return session.status == sessions::Status::kEnding ? End(session)
                                                     : Flush(session, false).status();
}

// Every step can be repeated, so that a crash anywhere goes on from here.
absl::Status PublisherWorker::End(const Session& session) {
  ASSIGN_OR_RETURN(const bool here, parts_.buffer.Seal(session.session_id));
  // The first flush may be the repetition of an earlier pulse.
  for (int flush = 0; here && flush < 2; ++flush) {
    ASSIGN_OR_RETURN(const bool claimed, Flush(session, true));
    // What another has taken out is not confirmed yet: the buffer stays until its claim has ended,
    // and a later step goes on.
    if (!claimed) return absl::OkStatus();
  }
  if (parts_.returners != nullptr) {
    RETURN_IF_ERROR(parts_.returners->Keep(session.link_id, session.session_id, common::Now()));
  }
  RETURN_IF_ERROR(parts_.buffer.Delete(session.session_id));
  RETURN_IF_ERROR(parts_.sessions.Finish(session));
  parts_.on_ended();
  return absl::OkStatus();
}

absl::StatusOr<bool> PublisherWorker::Flush(const Session& session, bool last) {
  ASSIGN_OR_RETURN(const auto claimed, parts_.buffer.Claim(session.session_id, last));
  if (!claimed) return false;
  if (claimed->pending) {
    RETURN_IF_ERROR(PublishPending(session, *claimed->pending));
    return true;
  }

  const Time now = common::Now();
  const Batch batch = Assemble(claimed->entries, options_.rules, now, last, parts_.random);
  Settlement settlement{.taken = claimed->records,
                        .hold = batch.hold,
                        .interval = options_.interval,
                        .pulse_id = {},
                        .payload = {}};
  if (!batch.publish.empty()) {
    settlement.pulse_id = Uuid::V4();
    settlement.payload =
        MakePulse(session, *settlement.pulse_id, batch.publish, now, options_.interval)
            .SerializeAsString();
  }
  RETURN_IF_ERROR(parts_.buffer.Settle(session.session_id, settlement));
  Count(batch);
  gave_way_.Increment(claimed->gave_way);
  if (settlement.pulse_id) {
    RETURN_IF_ERROR(PublishPending(session, {*settlement.pulse_id, settlement.payload, {}}));
  }
  return true;
}

absl::Status PublisherWorker::PublishPending(const Session& session,
                                             const Claimed::Pending& pending) {
  const v1::SentimentPulse& about = v1::SentimentPulse::default_instance();
  common::outbox::Event event = common::outbox::EventOf(about, pending.pulse_id);
  event.payload = pending.payload;
  // NATS recognises a repeat for a time only: what is late may have been published, and is not
  // published again.
  const bool late = pending.age >= kGiveUpAfter;
  absl::Status status = late ? absl::DeadlineExceededError("late") : parts_.publish(event);
  if (!status.ok() && !late) return status;
  ASSIGN_OR_RETURN(const bool ended,
                   parts_.buffer.Confirm(session.session_id, pending.pulse_id, status.ok()));
  if (!ended) return absl::OkStatus();
  (status.ok() ? published_ : unconfirmed_).Increment();
  return status.ok() ? parts_.sessions.CountPulse(session.session_id) : absl::OkStatus();
}

void PublisherWorker::Count(const Batch& batch) {
  expired_.Increment(batch.expired);
  overflow_.Increment(batch.overflow);
  below_bounds_.Increment(batch.below_bounds);
}

v1::SentimentPulse MakePulse(const Session& session, const Uuid& pulse_id,
                             const std::vector<Entry>& entries, Time now, seconds interval) {
  v1::SentimentPulse pulse;
  pulse.set_pulse_id(pulse_id.ToString());
  pulse.set_platform_session_id(session.session_id.ToString());
  if (session.in_game_id) pulse.set_in_game_session_id(session.in_game_id->ToString());
  *pulse.mutable_timestamp() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      common::ToMicros(CutToInterval(now, interval)));
  pulse.set_interval_seconds(static_cast<int>(interval.count()));
  pulse.set_approximate_viewer_count(session.viewer_count);
  for (const Entry& entry : entries) {
    v1::SentimentEntry& out = *pulse.add_sentiments();
    out.set_category(static_cast<v1::SentimentCategory>(entry.sentiment.category));
    out.set_intensity(entry.sentiment.intensity);
    if (!entry.tracked) continue;
    out.set_tracking_id(entry.tracked->id.ToString());
    out.set_viewer_type(static_cast<v1::TrackedViewerType>(entry.tracked->type));
  }
  return pulse;
}

}  // namespace stream::pulses
