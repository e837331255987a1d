#include "services/streaming/blending/pulse_worker.h"

#include <algorithm>
#include <cmath>

#include <bannou/stream/v1/sentiment.pb.h>
#include <bannou/streaming/v1/audience.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/log/log.h"
#include "services/streaming/errors.h"

namespace streaming::blending {
namespace {

using audience::Change;
using audience::LiveSession;
using bannou::stream::v1::SentimentPulse;
using common::nats::Message;

constexpr std::chrono::milliseconds kRetryPause{1000};
// A pulse takes milliseconds; what an instance held that fell shall not wait for long.
constexpr std::chrono::seconds kAckWait{10};

constexpr std::array<const char*, kPulseOutcomes> kOutcomeWords = {
    "applied", "duplicate", "stale", "unknown", "foreign", "no_session", "malformed"};

// A pulse as it arrives, decoded and checked.
struct Arrival {
  Pulse pulse;
  std::optional<common::Uuid> in_game_session;
  common::Time at;
};

std::optional<SentimentSample> SampleOf(const bannou::stream::v1::SentimentEntry& entry) {
  const int category = entry.category();
  // Not within bounds is also what NaN is.
  const bool in_range = entry.intensity() >= 0 && entry.intensity() <= 1;
  if (category < 1 || category > static_cast<int>(kSentiments) || !in_range) return std::nullopt;
  SentimentSample sample = {.sentiment = static_cast<Sentiment>(category - 1),
                            .intensity = entry.intensity()};
  if (entry.has_tracking_id()) {
    sample.tracking_id = common::Uuid::Parse(entry.tracking_id());
    if (!sample.tracking_id) return std::nullopt;
  }
  return sample;
}

// nullopt for a time that no calendar has: it would overflow ours.
std::optional<common::Time> TimeOf(const google::protobuf::Timestamp& timestamp) {
  constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999, Timestamp's own bound
  if (timestamp.seconds() < 0 || timestamp.seconds() > kLastSecond || timestamp.nanos() < 0 ||
      timestamp.nanos() >= 1'000'000'000) {
    return std::nullopt;
  }
  return common::Time(std::chrono::seconds(timestamp.seconds()) +
                      common::Duration(timestamp.nanos() / 1000));
}

// nullopt for what the contract does not allow.
std::optional<Arrival> Decode(std::string_view payload) {
  SentimentPulse message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return std::nullopt;
  const auto id = common::Uuid::Parse(message.pulse_id());
  const auto platform_session = common::Uuid::Parse(message.platform_session_id());
  const auto at = TimeOf(message.timestamp());
  if (!id || !platform_session || !message.has_timestamp() || !at ||
      message.sentiments_size() > static_cast<int>(kPulseSamplesMax)) {
    return std::nullopt;
  }
  Arrival arrival{.pulse = {.id = *id, .platform_session = *platform_session}, .at = *at};
  if (message.has_in_game_session_id()) {
    arrival.in_game_session = common::Uuid::Parse(message.in_game_session_id());
    if (!arrival.in_game_session) return std::nullopt;
  }
  for (const auto& entry : message.sentiments()) {
    const auto sample = SampleOf(entry);
    if (!sample) return std::nullopt;
    arrival.pulse.samples.push_back(*sample);
  }
  return arrival;
}

}  // namespace

PulseWorker::PulseWorker(audience::LiveStore& live, PlatformSessionStore& platform_sessions,
                         common::metrics::Registry& metrics, uint32_t voices_most,
                         common::Clock clock)
    : live_(live),
      platform_sessions_(platform_sessions),
      voices_most_(voices_most),
      clock_(std::move(clock)),
      lag_(metrics.GetTimer("streaming_pulse_lag_seconds",
                            "From a pulse's arrival in its stream to its effect.")),
      voices_beyond_(metrics.GetCounter("streaming_voices_beyond_total",
                                        "Tracked viewers of a pulse who were heard in the mood "
                                        "only, as their session has as many "
                                        "voices as it may.")),
      consumer_({.stream = "PULSES", .durable = "streaming_blending", .ack_wait = kAckWait},
                metrics, [this](Message& message) { return Process(message); }) {
  for (size_t i = 0; i < kPulseOutcomes; ++i) {
    outcomes_[i] = &metrics.GetCounter("streaming_pulses_total",
                                       "Pulses of real crowds, by what became of them.",
                                       {{"outcome", kOutcomeWords[i]}});
  }
}

absl::Status PulseWorker::Process(Message& message) {
  const auto handled = Handle(message.payload(), message.stored_at(), message.delivered());
  if (!handled.ok()) {
    common::log::Warning("pulse.failed",
                         {{"code", absl::StatusCodeToString(handled.status().code())}});
    return message.Nak(kRetryPause);
  }
  if (!*handled) return message.Nak(kUnknownPause);
  const PulseOutcome outcome = **handled;
  outcomes_[static_cast<size_t>(outcome)]->Increment();
  if (outcome == PulseOutcome::kApplied) {
    // The two clocks may differ.
    lag_.Observe(std::max(0.0, common::ToSeconds(clock_() - message.stored_at())));
  }
  return outcome == PulseOutcome::kMalformed ? consumer_.Bury(message) : message.Ack();
}

absl::StatusOr<std::optional<PulseOutcome>> PulseWorker::Handle(std::string_view payload,
                                                                common::Time published,
                                                                uint64_t delivered) {
  auto arrival = Decode(payload);
  if (!arrival) return PulseOutcome::kMalformed;
  arrival->pulse.published = published;
  const common::Time now = clock_();
  const bool stale = now - arrival->at > kPulseAgeMax;
  if (arrival->at - now > kPulseAgeMax) return PulseOutcome::kMalformed;
  ASSIGN_OR_RETURN(const Feed feed, platform_sessions_.FindFeed(arrival->pulse.platform_session,
                                                                arrival->in_game_session));
  if (stale && !feed.own) return PulseOutcome::kStale;
  if (!feed.known) {
    if (delivered < kUnknownDeliveriesMax) return std::nullopt;
    return PulseOutcome::kUnknown;
  }
  if (!feed.session) return PulseOutcome::kNoSession;
  if (!feed.own) return PulseOutcome::kForeign;
  return Blend(*feed.session, arrival->pulse, stale, now);
}

absl::StatusOr<PulseOutcome> PulseWorker::Blend(const audience::LiveKey& key, const Pulse& pulse,
                                                bool stale, common::Time now) {
  bool taken = false;
  uint32_t beyond = 0;
  // A pulse changes the crowd alone, which reaches the audience with the next round, and a hype
  // train with that round's steps (hype/hum.h): whatever players could see at once would tell them
  // that a real crowd is there.
  const auto updated = live_.Update(key, now, [&](const LiveSession& session) {
    Change change(session);
    Crowd crowd = DecodeCrowd(session.mood);
    const Reception reception = {
        .now = now, .secret = session.state.viewer_secret, .voices_most = voices_most_};
    taken = stale ? CountStale(crowd, pulse) : ApplyPulse(crowd, pulse, reception);
    beyond = crowd.voices_beyond;
    if (!taken) return change;
    change.mood = EncodeCrowd(crowd);
    if (!stale) change.command = "pulse " + pulse.id.ToString();
    return change;
  });
  if (common::errors::Is(updated.status(), kSessionNotLive)) return PulseOutcome::kNoSession;
  RETURN_IF_ERROR(updated.status());
  if (stale) return PulseOutcome::kStale;
  if (taken) voices_beyond_.Increment(beyond);
  return taken ? PulseOutcome::kApplied : PulseOutcome::kDuplicate;
}

}  // namespace streaming::blending
