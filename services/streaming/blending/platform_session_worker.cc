#include "services/streaming/blending/platform_session_worker.h"

#include <bannou/stream/v1/events.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"

namespace streaming::blending {
namespace {

using bannou::stream::v1::StreamPlatformSessionEndedEvent;
using bannou::stream::v1::StreamPlatformSessionStartedEvent;

constexpr std::chrono::milliseconds kRetryPause{1000};
constexpr std::string_view kStarted = "stream.platform.session.started";
constexpr std::string_view kEnded = "stream.platform.session.ended";

// What both events say alike; INVALID_ARGUMENT unless the ids are ids.
template <class Event>
absl::StatusOr<PlatformSession> SessionOf(std::string_view payload, Event& event) {
  if (event.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    const auto id = common::Uuid::Parse(event.platform_session_id());
    const auto account = common::Uuid::Parse(event.account_id());
    if (id && account) return PlatformSession{.id = *id, .account = *account};
  }
  return absl::InvalidArgumentError("an event of a platform session is malformed");
}

}  // namespace

PlatformSessionWorker::PlatformSessionWorker(PlatformSessionStore& store,
                                             common::metrics::Registry& metrics,
                                             common::Clock clock)
    : store_(store),
      clock_(std::move(clock)),
      consumer_({.stream = "STREAM",
                 .durable = "streaming_platform_sessions",
                 .filter_subject = "stream.platform.session.*"},
                metrics, [this](common::nats::Message& message) { return Process(message); }) {}

absl::Status PlatformSessionWorker::Process(common::nats::Message& message) {
  const absl::Status handled = Handle(message.subject(), message.payload());
  if (handled.ok()) return message.Ack();
  common::log::Warning("platform_session.event_failed",
                       {{"code", absl::StatusCodeToString(handled.code())}});
  // Whatever cannot be read now cannot be read later either.
  return absl::IsInvalidArgument(handled) ? message.Ack() : message.Nak(kRetryPause);
}

absl::Status PlatformSessionWorker::Handle(std::string_view subject, std::string_view payload) {
  if (subject == kStarted) {
    StreamPlatformSessionStartedEvent event;
    ASSIGN_OR_RETURN(PlatformSession session, SessionOf(payload, event));
    if (event.has_in_game_session_id()) {
      session.in_game_session = common::Uuid::Parse(event.in_game_session_id());
    }
    return store_.RecordStarted(session, clock_());
  }
  if (subject == kEnded) {
    StreamPlatformSessionEndedEvent event;
    ASSIGN_OR_RETURN(const PlatformSession session, SessionOf(payload, event));
    return store_.RecordEnded(session, clock_());
  }
  return absl::OkStatus();
}

}  // namespace streaming::blending
