#include "services/streaming/careers/career_store.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/careers/unlock_store.h"
#include "services/streaming/careers/usual_audience.h"
#include "services/streaming/events/career_news.h"

namespace streaming::careers {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;

constexpr int kEnded = v1::STREAM_SESSION_STATUS_ENDED;

// Whether all trains of a session stand in the record, or have had their time to.
#define IS_READY                                                                           \
  "(session.hype_trains <= (SELECT COUNT(*) FROM hype_train WHERE session_id = session.id" \
  " AND completed_at IS NOT NULL) OR COALESCE(session.ended_at, session.created_at)"       \
  " < UTC_TIMESTAMP(6) - INTERVAL ? MINUTE)"
constexpr int64_t kWaitMinutes = CareerStore::kTrainsWait.count();

// Earlier sessions that one call puts into a career; the worker's next pass goes on.
constexpr int kEarlierMax = 100;

struct UnappliedSession {
  StreamerKey streamer;
  Time ended_at;
  bool was_live = false;  // false: cancelled before its start, which is no part of a career
  double viewer_seconds = 0;
  double live_seconds = 0;
  uint32_t hype_trains = 0;
  uint8_t peak_hype_level = 0;
  std::optional<uint32_t> followers;  // at the end; absent where that was not recorded
  std::optional<Uuid> sponsorship;
  SessionResult result;  // without its hype and its moments
};

// Locked until the transaction ends, so that nobody else applies it, or erases it, meanwhile.
// nullopt when there is no such session, or none that is ended and not applied.
absl::StatusOr<std::optional<UnappliedSession>> LockSession(Transaction& transaction,
                                                            const Uuid& id) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query(
          "SELECT streamer_type, streamer_id, game_service_id,"
          " started_at IS NOT NULL, viewer_seconds, live_seconds, interest_seconds,"
          " hype_trains, peak_hype_level, peak_audience, new_followers, world_firsts,"
          " content_tags, COALESCE(ended_at, created_at), followers_after,"
          " lost_followers, attended_heads, regular_heads, taste_evenness,"
          " sponsorship_id"
          " FROM session WHERE id = ? AND status = ? AND career_applied = 0 FOR UPDATE",
          id, kEnded));
  if (rows.empty()) return std::nullopt;
  const Row& row = rows[0];
  UnappliedSession session{
      .streamer = {.type = static_cast<v1::StreamerEntityType>(row.Get<int>(0)),
                   .id = row.Get<Uuid>(1),
                   .game_service_id = row.Get<Uuid>(2)},
      .ended_at = row.Get<Time>(13),
      .was_live = row.Get<bool>(3),
      .viewer_seconds = row.Get<double>(4),
      .live_seconds = row.Get<double>(5),
      .hype_trains = row.Get<uint32_t>(7),
      .peak_hype_level = row.Get<uint8_t>(8),
      .followers = row.Get<std::optional<uint32_t>>(14),
      .sponsorship = row.Get<std::optional<Uuid>>(19),
      .result = {.new_followers = row.Get<uint32_t>(10),
                 .lost_followers = row.Get<uint32_t>(15),
                 .peak_audience = row.Get<uint32_t>(9),
                 .tags = pool::InterestMask::FromBits(row.Get<uint16_t>(12)),
                 .world_firsts = row.Get<uint32_t>(11),
                 .gathering = {.heads = row.Get<uint32_t>(16),
                               .regulars = row.Get<uint32_t>(17),
                               .evenness = row.Get<double>(18)}}};
  session.result.live_seconds = static_cast<uint32_t>(std::llround(session.live_seconds));
  if (session.viewer_seconds > 0) {
    session.result.mean_engagement = row.Get<double>(6) / session.viewer_seconds;
  }
  return session;
}

// The peak of each of the session's trains. Those that the record will never tell of, because Redis
// lost them, count without one; the session itself knows how many there were and the highest level.
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

absl::StatusOr<std::vector<std::string>> ReadWorldFirsts(Transaction& transaction,
                                                         const Uuid& session_id) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query("SELECT COALESCE(description, '') FROM session_moment"
                        " WHERE session_id = ? AND moment_type = ? ORDER BY ordinal LIMIT ?",
                        session_id, int{v1::STREAM_MOMENT_TYPE_WORLD_FIRST},
                        static_cast<int64_t>(audience::kMaxMoments)));
  std::vector<std::string> descriptions;
  for (const Row& row : rows) descriptions.push_back(row.Get<std::string>(0));
  return descriptions;
}

// The streamer's record without the session and with it. `stored` is the row, whose followers may
// be those of a later session's end already.
AppliedSession Apply(const Uuid& id, const UnappliedSession& session, const Streamer& stored,
                     Time now) {
  AppliedSession applied{.id = id,
                         .before = stored,
                         .after = stored,
                         .result = session.result,
                         .viewer_seconds = session.viewer_seconds,
                         .sponsorship = session.sponsorship,
                         .ended_at = session.ended_at,
                         .applied_at = now};
  const SessionResult& result = session.result;
  const uint32_t followers = session.followers.value_or(stored.stats.followers);
  const uint32_t followers_without = followers + result.lost_followers;
  applied.before.stats.followers =
      followers_without - std::min(followers_without, result.new_followers);
  Streamer& after = applied.after;
  after.stats = Advance(stored.stats, result);
  after.stats.followers = followers;
  after.phase = PhaseOf(after.stats.growth);
  after.watch_seconds += static_cast<uint64_t>(std::llround(session.viewer_seconds));
  if (session.live_seconds > 0) {
    after.usual_audience =
        UsualAudience(stored.usual_audience, session.viewer_seconds / session.live_seconds,
                      stored.stats.sessions == 0);
  }
  return applied;
}

absl::Status MarkApplied(Transaction& transaction, const Uuid& session_id) {
  return transaction.Execute("UPDATE session SET career_applied = 1 WHERE id = ?", session_id)
      .status();
}

int ToColumn(MilestoneType type) { return static_cast<int>(type) + 1; }  // as the contract has it

// Stores the milestones that the streamer stands at or beyond and nobody stored, and returns these.
// The streamer's row is locked, so nobody else does the same.
absl::StatusOr<std::vector<Milestone>> StoreMilestones(Transaction& transaction,
                                                       const AppliedSession& session) {
  const StreamerKey& key = session.after.key;
  // Since the beginning, not since the last session: followers change in between.
  std::vector<Milestone> milestones = Crossed({}, session.after.stats);
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
                                 ToColumn(milestone.type), milestone.value, session.ended_at,
                                 session.id)
                        .status());
  }
  return milestones;
}

absl::StatusOr<std::vector<Unlock>> StoreUnlocksOf(Transaction& transaction,
                                                   const AppliedSession& session) {
  return StoreUnlocks(transaction, session.after.key,
                      Unlocked({.stats = session.after.stats,
                                .watch_seconds = session.after.watch_seconds,
                                .session = session.result}),
                      session.id, session.ended_at);
}

absl::Status ApplyInTransaction(Transaction& transaction, const Uuid& session_id, Time now,
                                const CareerStore::Beside& beside) {
  // The session before its streamer, as its end does.
  ASSIGN_OR_RETURN(std::optional<UnappliedSession> session, LockSession(transaction, session_id));
  if (!session) return absl::OkStatus();
  RETURN_IF_ERROR(MarkApplied(transaction, session_id));
  if (!session->was_live) return absl::OkStatus();

  ASSIGN_OR_RETURN(const Streamer stored, LockStreamer(transaction, session->streamer, now));
  ASSIGN_OR_RETURN(session->result.hype_peaks, ReadHypePeaks(transaction, session_id, *session));
  if (session->result.world_firsts > 0) {
    ASSIGN_OR_RETURN(session->result.world_first_descriptions,
                     ReadWorldFirsts(transaction, session_id));
  }
  const AppliedSession applied = Apply(session_id, *session, stored, now);
  RETURN_IF_ERROR(SaveCareer(transaction, applied.after, now));
  ASSIGN_OR_RETURN(const std::vector<Milestone> milestones, StoreMilestones(transaction, applied));
  ASSIGN_OR_RETURN(const std::vector<Unlock> unlocks, StoreUnlocksOf(transaction, applied));
  std::vector<common::outbox::Event> news = events::CareerNews(applied, milestones, unlocks);
  if (beside) {
    ASSIGN_OR_RETURN(const auto more, beside(transaction, applied));
    news.insert(news.end(), more.begin(), more.end());
  }
  return common::outbox::Append(transaction, news);
}

// A session that has to enter the career before another one.
struct Earlier {
  Uuid id;
  bool ready = false;
};

// The first of the streamer's sessions before this one that is not in the career. Whoever has a
// later session has ended all earlier ones.
absl::StatusOr<std::optional<Earlier>> FindEarlier(common::mysql::Pool& mysql,
                                                   const Uuid& session_id) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query("SELECT session.id, " IS_READY
                  " FROM session AS later STRAIGHT_JOIN session FORCE INDEX (session_ordinal)"
                  " ON session.streamer_type = later.streamer_type"
                  " AND session.streamer_id = later.streamer_id"
                  " AND session.game_service_id = later.game_service_id"
                  " AND session.career_applied = 0 AND session.ordinal < later.ordinal"
                  " WHERE later.id = ? AND later.career_applied = 0 AND session.status = ?"
                  " AND session.started_at IS NOT NULL ORDER BY session.ordinal LIMIT 1",
                  kWaitMinutes, session_id, kEnded));
  if (rows.empty()) return std::nullopt;
  return Earlier{.id = rows[0].Get<Uuid>(0), .ready = rows[0].Get<bool>(1)};
}

}  // namespace

absl::StatusOr<std::vector<Uuid>> CareerStore::ListUnapplied(const Uuid& after, int limit) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT id FROM session WHERE career_applied = 0 AND status = ?"
                                " AND id > ? AND " IS_READY " ORDER BY id LIMIT ?",
                                kEnded, after, kWaitMinutes, limit));
  std::vector<Uuid> ids;
  ids.reserve(rows.size());
  for (const Row& row : rows) ids.push_back(row.Get<Uuid>(0));
  return ids;
}

absl::StatusOr<int> CareerStore::ApplySession(const Uuid& session_id, Time now) {
  int applied = 0;
  const auto apply = [&](const Uuid& id) -> absl::Status {
    bool mine = false;
    const Beside beside =
        [&](Transaction& transaction,
            const AppliedSession& session) -> absl::StatusOr<std::vector<common::outbox::Event>> {
      mine = true;
      if (!beside_) return std::vector<common::outbox::Event>();
      return beside_(transaction, session);
    };
    RETURN_IF_ERROR(common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
      mine = false;
      return ApplyInTransaction(transaction, id, now, beside);
    }));
    if (mine) ++applied;
    return absl::OkStatus();
  };
  for (int i = 0; i < kEarlierMax; ++i) {
    ASSIGN_OR_RETURN(const std::optional<Earlier> earlier, FindEarlier(mysql_, session_id));
    if (earlier && !earlier->ready) break;
    RETURN_IF_ERROR(apply(earlier ? earlier->id : session_id));
    if (!earlier) break;
  }
  return applied;
}

}  // namespace streaming::careers
