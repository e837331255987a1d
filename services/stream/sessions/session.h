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
// earlier stream does not end the present one. A beginning is told in whole seconds, an end
// exactly.
inline bool OpensSession(const OnlineNews& news) {
  return !news.stream_known && !(news.live_since && *news.live_since >= news.stream_started_at) &&
         !(news.last_offline_at &&
           *news.last_offline_at >= news.stream_started_at + std::chrono::seconds(1));
}

// What a platform's answer means that was asked what is live now. It mends what messages got wrong:
// an "offline" names no stream, so that a late one may have ended the session of the next.
struct LiveAnswer {
  common::Time stream_started_at;
  common::Time now;
  common::Duration lag{};                       // by which its answers may be late
  std::optional<common::Time> last_offline_at;  // the latest end that we were told of
  bool stopped = false;                         // the owner stopped a session of this stream
  bool is_live = false;                         // the stream has a live session
  std::optional<common::Time> live_since;       // when the stream that is live now began
};
inline bool OpensSession(const LiveAnswer& answer) {
  return !answer.stopped && !answer.is_live &&
         !(answer.live_since && *answer.live_since > answer.stream_started_at) &&
         !(answer.last_offline_at && answer.now - *answer.last_offline_at < answer.lag);
}
// Whether an "offline" sent at that time speaks of this session, and not of an earlier one.
inline bool EndsSession(common::Time offline_sent_at, common::Time session_started_at) {
  return offline_sent_at >= session_started_at;
}

// Whether a session is over though nobody has told us: its platform says twice in a row that the
// channel is not live, and it was last known to be live long ago. A platform forgets a stream for a
// moment, above all one that has just begun.
inline bool IsOrphan(bool missed_before, common::Time seen_at, common::Time now,
                     common::Duration grace) {
  return missed_before && now - seen_at >= grace;
}
// Likewise, where there is no platform to ask.
inline bool IsSilent(common::Time seen_at, common::Time now, common::Duration silence) {
  return now - seen_at >= silence;
}

// Whole seconds, never negative: the platform's clock is not ours.
inline int DurationSeconds(const Session& session) {
  const common::Duration length =
      session.ended_at.value_or(session.started_at) - session.started_at;
  return std::max(0, static_cast<int>(std::chrono::floor<std::chrono::seconds>(length).count()));
}

}  // namespace stream::sessions
