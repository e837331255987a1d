#include "services/streaming/careers/career_store.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <bannou/streaming/v1/events.pb.h>
#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/careers/usual_audience.h"
#include "services/streaming/events/event.h"

namespace streaming::careers {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;

constexpr int kEnded = v1::STREAM_SESSION_STATUS_ENDED;

struct UnappliedSession {
  StreamerKey streamer;
  bool was_live = false;  // false: cancelled before its start, which is no part of a career
  double viewer_seconds = 0;
  double live_seconds = 0;
  uint32_t hype_trains = 0;
  uint8_t peak_hype_level = 0;
  std::optional<Uuid> sponsorship;
  std::optional<Time> ended_at;
  SessionResult result;  // without its hype
};

// nullopt when there is no such session, or none that is ended and not applied.
absl::StatusOr<std::optional<UnappliedSession>> ReadSession(Transaction& transaction,
                                                            const Uuid& id) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query("SELECT streamer_type, streamer_id, game_service_id,"
                        " started_at IS NOT NULL, viewer_seconds, live_seconds, interest_seconds,"
                        " hype_trains, peak_hype_level, peak_audience, new_followers, world_firsts,"
                        " content_tags, sponsorship_id, ended_at FROM session"
                        " WHERE id = ? AND status = ? AND career_applied = 0",
                        id, kEnded));
  if (rows.empty()) return std::nullopt;
  const Row& row = rows[0];
  UnappliedSession session{
      .streamer = {.type = static_cast<v1::StreamerEntityType>(row.Get<int>(0)),
                   .id = row.Get<Uuid>(1),
                   .game_service_id = row.Get<Uuid>(2)},
      .was_live = row.Get<bool>(3),
      .viewer_seconds = row.Get<double>(4),
      .live_seconds = row.Get<double>(5),
      .hype_trains = row.Get<uint32_t>(7),
      .peak_hype_level = row.Get<uint8_t>(8),
      .sponsorship = row.Get<std::optional<Uuid>>(13),
      .ended_at = row.Get<std::optional<Time>>(14),
      .result = {.new_followers = row.Get<uint32_t>(10),
                 .peak_audience = row.Get<uint32_t>(9),
                 .tags = pool::InterestMask::FromBits(row.Get<uint16_t>(12)),
                 .world_firsts = row.Get<uint32_t>(11)}};
  session.result.live_seconds = static_cast<uint32_t>(std::llround(session.live_seconds));
  if (session.viewer_seconds > 0) {
    session.result.mean_engagement = row.Get<double>(6) / session.viewer_seconds;
  }
  return session;
}

// The peak of each of the session's trains. The relay of hype may be behind: the session itself
// knows how many there were and the highest level, a train not told of yet counts without one.
absl::StatusOr<std::vector<uint8_t>> ReadHypePeaks(Transaction& transaction, const Uuid& session_id,
                                                   const UnappliedSession& session) {
  std::vector<uint8_t> peaks(session.hype_trains);
  if (peaks.empty()) return peaks;
  ASSIGN_OR_RETURN(const Rows rows,
                   transaction.Query("SELECT peak_level FROM hype_train WHERE session_id = ?"
                                     " ORDER BY peak_level DESC LIMIT ?",
                                     session_id, session.hype_trains));
  for (size_t train = 0; train < rows.size(); ++train) peaks[train] = rows[train].Get<uint8_t>(0);
  peaks[0] = std::max(peaks[0], session.peak_hype_level);
  return peaks;
}

// The streamer's record with the session in it.
Streamer WithSession(const Streamer& before, const UnappliedSession& session) {
  Streamer after = before;
  after.stats = Advance(before.stats, session.result);
  after.stats.followers = before.stats.followers;  // the session's end has counted them already
  after.phase = PhaseOf(after.stats.growth);
  after.watch_seconds += static_cast<uint64_t>(std::llround(session.viewer_seconds));
  if (session.live_seconds > 0) {
    after.usual_audience =
        UsualAudience(before.usual_audience, session.viewer_seconds / session.live_seconds,
                      before.stats.sessions == 0);
  }
  return after;
}

// True for the one who makes the session an applied one.
absl::StatusOr<bool> MarkApplied(Transaction& transaction, const Uuid& session_id) {
  ASSIGN_OR_RETURN(const int64_t changed,
                   transaction.Execute("UPDATE session SET career_applied = 1"
                                       " WHERE id = ? AND career_applied = 0",
                                       session_id));
  return changed == 1;
}

int ToColumn(MilestoneType type) { return static_cast<int>(type) + 1; }  // as the contract has it

// Stores the milestones that the streamer stands at or beyond and nobody stored, and returns these.
// The streamer's row is locked, so nobody else does the same.
absl::StatusOr<std::vector<Milestone>> StoreMilestones(Transaction& transaction,
                                                       const Streamer& streamer,
                                                       const Uuid& session_id, Time now) {
  const StreamerKey& key = streamer.key;
  // Since the beginning, not since the last session: followers change in between.
  std::vector<Milestone> milestones = Crossed({}, streamer.stats);
  if (milestones.empty()) return milestones;
  ASSIGN_OR_RETURN(const Rows rows, transaction.Query("SELECT milestone_type, value FROM milestone"
                                                      " WHERE streamer_type = ? AND streamer_id = ?"
                                                      " AND game_service_id = ?",
                                                      int{key.type}, key.id, key.game_service_id));
  for (const Row& row : rows) {
    std::erase_if(milestones, [&](const Milestone& milestone) {
      return ToColumn(milestone.type) == row.Get<int>(0) && milestone.value == row.Get<uint32_t>(1);
    });
  }
  for (const Milestone& milestone : milestones) {
    RETURN_IF_ERROR(transaction
                        .Execute("INSERT INTO milestone (streamer_type, streamer_id,"
                                 " game_service_id, milestone_type, value, reached_at, session_id)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 int{key.type}, key.id, key.game_service_id,
                                 ToColumn(milestone.type), milestone.value, now, session_id)
                        .status());
  }
  return milestones;
}

std::vector<common::outbox::Event> ToEvents(const std::vector<Milestone>& milestones,
                                            const StreamerKey& key, const Uuid& session_id,
                                            Time now) {
  v1::StreamingMilestoneReachedEvent message;
  message.set_streamer_id(key.id.ToString());
  message.set_streamer_type(key.type);
  message.set_game_service_id(key.game_service_id.ToString());
  message.set_session_id(session_id.ToString());
  std::vector<common::outbox::Event> events;
  for (const Milestone& milestone : milestones) {
    message.set_milestone_type(static_cast<v1::MilestoneType>(ToColumn(milestone.type)));
    message.set_milestone_value(static_cast<int32_t>(milestone.value));
    events.push_back(events::MakeEvent(message, now));
  }
  return events;
}

absl::Status ApplyInTransaction(Transaction& transaction, const Uuid& session_id, Time now,
                                const CareerStore::Beside& beside) {
  ASSIGN_OR_RETURN(std::optional<UnappliedSession> session, ReadSession(transaction, session_id));
  if (!session) return absl::OkStatus();
  if (!session->was_live) return MarkApplied(transaction, session_id).status();

  ASSIGN_OR_RETURN(const Streamer before, LockStreamer(transaction, session->streamer, now));
  ASSIGN_OR_RETURN(const bool mine, MarkApplied(transaction, session_id));
  if (!mine) return absl::OkStatus();
  ASSIGN_OR_RETURN(session->result.hype_peaks, ReadHypePeaks(transaction, session_id, *session));
  const Streamer after = WithSession(before, *session);
  RETURN_IF_ERROR(SaveCareer(transaction, after, now));
  ASSIGN_OR_RETURN(const std::vector<Milestone> milestones,
                   StoreMilestones(transaction, after, session_id, now));
  std::vector<common::outbox::Event> events = ToEvents(milestones, after.key, session_id, now);
  if (beside) {
    ASSIGN_OR_RETURN(const auto more,
                     beside(transaction, {.id = session_id,
                                          .before = before,
                                          .after = after,
                                          .result = session->result,
                                          .viewer_seconds = session->viewer_seconds,
                                          .sponsorship = session->sponsorship,
                                          .ended_at = session->ended_at.value_or(now),
                                          .applied_at = now}));
    events.insert(events.end(), more.begin(), more.end());
  }
  return common::outbox::Append(transaction, events);
}

// The query of a metric, whose column is an expression over `streamer`.
#define LEADERBOARD(column)                                                                   \
  "SELECT RANK() OVER (ORDER BY " column " DESC), streamer_type, streamer_id, phase, " column \
  " FROM streamer WHERE game_service_id = ? ORDER BY " column                                 \
  " DESC, streamer_type, streamer_id LIMIT ? OFFSET ?"

std::string_view LeaderboardQuery(v1::LeaderboardMetric metric) {
  switch (metric) {
    case v1::LEADERBOARD_METRIC_WATCH_HOURS:
      return LEADERBOARD("watch_seconds / 3600e0");
    case v1::LEADERBOARD_METRIC_HYPE_TRAINS:
      return LEADERBOARD("hype_trains");
    case v1::LEADERBOARD_METRIC_WORLD_FIRSTS:
      return LEADERBOARD("world_firsts");
    default:
      return LEADERBOARD("followers");
  }
}

}  // namespace

absl::StatusOr<std::vector<Uuid>> CareerStore::ListUnapplied(const Uuid& after, int limit) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT id FROM session WHERE career_applied = 0 AND status = ?"
                                " AND id > ? ORDER BY id LIMIT ?",
                                kEnded, after, limit));
  std::vector<Uuid> ids;
  ids.reserve(rows.size());
  for (const Row& row : rows) ids.push_back(row.Get<Uuid>(0));
  return ids;
}

absl::Status CareerStore::ApplySession(const Uuid& session_id, Time now) {
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    return ApplyInTransaction(transaction, session_id, now, beside_);
  });
}

absl::StatusOr<bool> CareerStore::HasCapability(const StreamerKey& streamer,
                                                std::string_view capability) {
  ASSIGN_OR_RETURN(const std::optional<Streamer> found, FindStreamer(mysql_, streamer));
  return found && Has(found->phase, capability);
}

absl::StatusOr<std::vector<LeaderboardRow>> CareerStore::Leaderboard(const Uuid& game_service_id,
                                                                     v1::LeaderboardMetric metric,
                                                                     int limit, int offset) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(LeaderboardQuery(metric), game_service_id, limit, offset));
  std::vector<LeaderboardRow> board;
  board.reserve(rows.size());
  for (const Row& row : rows) {
    board.push_back({.rank = row.Get<int32_t>(0),
                     .streamer_type = static_cast<v1::StreamerEntityType>(row.Get<int>(1)),
                     .streamer_id = row.Get<Uuid>(2),
                     .phase = static_cast<v1::StreamerCareerPhase>(row.Get<int>(3)),
                     .value = row.Get<double>(4)});
  }
  return board;
}

}  // namespace streaming::careers
