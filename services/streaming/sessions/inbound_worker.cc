#include "services/streaming/sessions/inbound_worker.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>
#include <vector>

#include <bannou/common/v1/inbound.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/nats/inbound.h"
#include "libs/common/outbox/message.h"
#include "services/streaming/errors.h"

namespace streaming::sessions {
namespace {

using bannou::common::v1::GameSessionEndedEvent;
using bannou::common::v1::SessionDisconnectedEvent;
using common::Time;
using common::Uuid;
using common::nats::Message;

constexpr std::chrono::milliseconds kRetryPause{1000};
// What an instance that dies has fetched goes to another one soon.
constexpr std::chrono::milliseconds kAckWait{10'000};
constexpr std::array<std::string_view, 3> kEnds = {"game-session.ended", "game-session.deleted",
                                                   "game-session.cancelled"};

common::metrics::Counter& EndsBy(common::metrics::Registry& metrics, const char* event) {
  return metrics.GetCounter("streaming_session_outside_ends_total",
                            "Sessions ended because another service said so, by its event.",
                            {{"event", event}});
}

// Pages through sessions; goes on after a failure and returns the first one.
template <class Read, class Handle>
absl::Status ForEach(Read read, Handle handle) {
  absl::Status failure;
  Uuid after;
  for (uint32_t batch = 0; batch < InboundWorker::kBatchesMax; ++batch) {
    ASSIGN_OR_RETURN(const std::vector<Session> sessions, read(after));
    for (const Session& session : sessions) failure.Update(handle(session));
    if (sessions.size() < InboundWorker::kBatch) break;
    after = sessions.back().key.session;
  }
  return failure;
}

// What could not be done now is tried again soon.
absl::Status Answer(Message& message, const absl::Status& done) {
  if (done.ok()) return message.AckSync();
  const absl::Status again = message.Nak(kRetryPause);
  return again.ok() ? done : again;
}

}  // namespace

InboundWorker::InboundWorker(const Parts& parts, common::metrics::Registry& metrics,
                             Options options)
    : parts_(parts),
      options_(std::move(options)),
      game_sessions_ended_(EndsBy(metrics, "game-session")),
      disconnected_ended_(EndsBy(metrics, "session.disconnected")),
      went_on_(metrics.GetCounter(
          "streaming_session_reconnects_total",
          "Sessions that went on as they got a call after their account's disconnect.")),
      game_sessions_({.stream = options_.stream,
                      .durable = "streaming_game_sessions",
                      .filter_subject = "game-session.*",
                      .ack_wait = kAckWait},
                     metrics, [this](Message& message) { return OnGameSession(message); }),
      disconnects_({.stream = options_.stream,
                    .durable = "streaming_disconnects",
                    .filter_subject =
                        common::outbox::SubjectOf(SessionDisconnectedEvent::default_instance()),
                    .ack_wait = kAckWait,
                    .max_ack_pending = kWaitingMax},
                   metrics, [this](Message& message) { return OnDisconnect(message); }) {}

absl::Status InboundWorker::Start(common::nats::JetStream& jetstream) {
  RETURN_IF_ERROR(game_sessions_.Start(jetstream));
  return disconnects_.Start(jetstream);
}

void InboundWorker::Stop() {
  const std::jthread both([this] { disconnects_.Stop(); });
  game_sessions_.Stop();
}

absl::Status InboundWorker::OnGameSession(Message& message) {
  if (std::find(kEnds.begin(), kEnds.end(), message.subject()) == kEnds.end()) {
    return message.Ack();
  }
  GameSessionEndedEvent event;
  const bool read = common::nats::ReadInbound(message.payload(), event);
  const auto game_session = read ? Uuid::Parse(event.session_id()) : std::nullopt;
  if (!game_session) return game_sessions_.Bury(message);
  return Answer(message, EndGameSession(*game_session));
}

absl::Status InboundWorker::EndGameSession(const Uuid& game_session) {
  return ForEach(
      [&](const Uuid& after) {
        return parts_.sessions.ActiveOfGameSession(game_session, after, kBatch);
      },
      [&](const Session& session) -> absl::Status {
        RETURN_IF_ERROR(
            parts_.life.End(session.key.session, EndReason::kSessionEnded, options_.clock())
                .status());
        game_sessions_ended_.Increment();
        return absl::OkStatus();
      });
}

absl::Status InboundWorker::OnDisconnect(Message& message) {
  SessionDisconnectedEvent event;
  const bool read = common::nats::ReadInbound(message.payload(), event);
  const auto account = read ? Uuid::Parse(event.account_id()) : std::nullopt;
  if (!account) return disconnects_.Bury(message);
  const bool may_return = !event.has_reconnectable() || event.reconnectable();
  const Time disconnected = message.stored_at();
  const common::Duration left = disconnected + options_.grace - options_.clock();
  if (may_return && left > common::Duration::zero()) {
    // Most accounts do not stream; what begins after this is not meant.
    const auto active = parts_.sessions.ActiveOfOwner(*account, Uuid(), 1);
    if (!active.ok() || active->empty()) return Answer(message, active.status());
    return message.Nak(std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  return Answer(message, EndAbandoned(*account, disconnected));
}

absl::Status InboundWorker::EndAbandoned(const Uuid& account, Time disconnected) {
  return ForEach(
      [&](const Uuid& after) { return parts_.sessions.ActiveOfOwner(account, after, kBatch); },
      [&](const Session& session) -> absl::Status {
        ASSIGN_OR_RETURN(const bool ended, EndIfAbandoned(session, disconnected));
        (ended ? disconnected_ended_ : went_on_).Increment();
        return absl::OkStatus();
      });
}

absl::StatusOr<bool> InboundWorker::EndIfAbandoned(const Session& session, Time disconnected) {
  if (session.status == Status::kPending) {
    if (!IsAbandoned(disconnected, session.created_at)) return false;
    // Who has started it since it was read is there.
    return parts_.life.Cancel(session.key, EndReason::kDisconnected, options_.clock());
  }
  // Ending: what began it may have been this message, and be cut off.
  if (session.status == Status::kLive) {
    ASSIGN_OR_RETURN(const bool abandoned, IsLiveAbandoned(session.key, disconnected));
    if (!abandoned) return false;
  }
  RETURN_IF_ERROR(
      parts_.life.End(session.key.session, EndReason::kDisconnected, options_.clock()).status());
  return true;
}

absl::StatusOr<bool> InboundWorker::IsLiveAbandoned(const audience::LiveKey& key,
                                                    Time disconnected) {
  const auto live = parts_.live.Load(key);
  // One whose audience is lost is about to be opened again, and nobody knows of its calls: it goes
  // on, and ends when it stays without any.
  if (common::errors::Is(live.status(), kSessionNotLive)) return false;
  RETURN_IF_ERROR(live.status());
  return IsAbandoned(disconnected, live->state.last_call);
}

}  // namespace streaming::sessions
