// A platform session: a linked channel that is live and whose crowd is being read.
#pragma once
#include <algorithm>
#include <optional>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/stream/platforms/platform.h"

namespace stream::sessions {

// Ending: over, but its last pulse and its news are still to come.
enum class Status : uint8_t { kLive = 1, kEnding = 2, kEnded = 3 };

struct Session {
  common::Uuid session_id;
  common::Uuid link_id;
  common::Uuid account_id;
  platforms::Platform platform = platforms::Platform::kTwitch;
  Status status = Status::kLive;
  common::Time started_at;
  std::optional<common::Time> ended_at;
  std::optional<common::Uuid> in_game_id;
  int viewer_count = 0;
  int peak_viewer_count = 0;
  int pulses_published = 0;
};

// What a platform's "online" means. Its messages come late, twice and in any order; with these
// rules any order of the same messages leads to the same sessions.
struct OnlineNews {
  common::Time stream_started_at;
  std::optional<common::Time> last_offline_at;  // the latest end that we were told of
  bool stream_known = false;                    // the stream has, or had, a session
  std::optional<common::Time> live_since;       // when the stream that is live now began
};
// A known stream is not started again, not even one that was stopped by hand; and news of an
// earlier stream does not end the present one.
inline bool OpensSession(const OnlineNews& news) {
  return !news.stream_known && !(news.live_since && *news.live_since >= news.stream_started_at) &&
         !(news.last_offline_at && *news.last_offline_at >= news.stream_started_at);
}
// Whether an "offline" sent at that time speaks of this session, and not of an earlier one.
inline bool EndsSession(common::Time offline_sent_at, common::Time session_started_at) {
  return offline_sent_at >= session_started_at;
}

// Whole seconds, never negative: the platform's clock is not ours.
inline int DurationSeconds(const Session& session) {
  const common::Duration length =
      session.ended_at.value_or(session.started_at) - session.started_at;
  return std::max(0, static_cast<int>(std::chrono::floor<std::chrono::seconds>(length).count()));
}

}  // namespace stream::sessions
