#include "services/streaming/sessions/session.h"

#include <algorithm>
#include <cmath>

namespace streaming::sessions {

bool MayBecome(Status from, Status to) {
  switch (from) {
    case Status::kPending:
      return to == Status::kLive || to == Status::kEnded;
    case Status::kLive:
      return to == Status::kEnding;
    case Status::kEnding:
      return to == Status::kEnded;
    case Status::kEnded:
      return false;
  }
  return false;
}

Ownership OwnershipOf(StreamerType type, const common::Uuid& streamer, const Caller& caller,
                      const std::optional<common::Uuid>& bound) {
  switch (type) {
    case StreamerType::kAccount:
      return {.allowed = caller.privileged || caller.account == streamer, .owner = streamer};
    case StreamerType::kActor:
      return {.allowed = caller.privileged};
    case StreamerType::kCharacter:
      if (bound) return {.allowed = caller.privileged || caller.account == bound, .owner = bound};
      if (caller.privileged) return {.allowed = true};
      return {.allowed = caller.account.has_value(), .owner = caller.account, .bind = true};
  }
  return {};
}

bool MayChange(const std::optional<common::Uuid>& owner, const Caller& caller) {
  return caller.privileged || (owner.has_value() && owner == caller.account);
}

bool IsAbandoned(common::Time disconnected, common::Time last_call) {
  return last_call < disconnected;
}

Counters CountersOf(const audience::LiveSession& session) {
  return {.last_round = session.audience.last_round,
          .heads = session.heads,
          // The newest peak is noted with the next change only.
          .peak_heads = std::max(session.state.peak_heads, session.heads),
          .viewer_seconds = session.state.viewer_seconds,
          .interest_seconds = session.state.interest_seconds,
          .live_seconds = session.state.live_seconds,
          .world_firsts = session.state.world_firsts,
          .hype_trains = session.state.hype_trains,
          .peak_hype_level = session.state.peak_hype_level};
}

Summary SummaryOf(const Session& session) {
  if (!session.started_at || !session.ended_at) return {};
  const double seconds = common::ToSeconds(*session.ended_at - *session.started_at);
  Summary summary = {.duration_seconds = static_cast<int32_t>(seconds),
                     .peak_heads = static_cast<int32_t>(session.counters.peak_heads),
                     .new_followers = static_cast<int32_t>(session.new_followers),
                     .hype_trains = static_cast<int32_t>(session.counters.hype_trains)};
  if (seconds > 0) {
    summary.average_heads =
        static_cast<int32_t>(std::lround(session.counters.viewer_seconds / seconds));
  }
  return summary;
}

}  // namespace streaming::sessions
