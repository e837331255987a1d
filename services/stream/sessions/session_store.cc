#include "services/stream/sessions/session_store.h"

#include <bannou/stream/v1/events.pb.h>
#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/message.h"
#include "services/stream/errors.h"

namespace stream::sessions {
namespace {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::errors::Make;
using common::mysql::Row;
using common::mysql::Transaction;
using google::protobuf::util::TimeUtil;
namespace v1 = bannou::stream::v1;

#define SESSION_COLUMNS                                                       \
  "session_id, link_id, account_id, platform, status, started_at, ended_at, " \
  "in_game_id, viewer_count, peak_viewer_count, pulses_published"
#define SESSION_SELECT "SELECT " SESSION_COLUMNS " FROM session "
constexpr size_t kSessionColumns = 11;

Session ReadSession(const Row& row) {
  return {.session_id = row.Get<Uuid>(0),
          .link_id = row.Get<Uuid>(1),
          .account_id = row.Get<Uuid>(2),
          .platform = static_cast<platforms::Platform>(row.Get<uint8_t>(3)),
          .status = static_cast<Status>(row.Get<uint8_t>(4)),
          .started_at = row.Get<Time>(5),
          .ended_at = row.Get<std::optional<Time>>(6),
          .in_game_id = row.Get<std::optional<Uuid>>(7),
          .viewer_count = row.Get<int>(8),
          .peak_viewer_count = row.Get<int>(9),
          .pulses_published = row.Get<int>(10)};
}

std::vector<Session> ReadAll(const common::mysql::Rows& rows) {
  std::vector<Session> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(ReadSession(row));
  return out;
}

std::optional<Session> ReadFirst(const common::mysql::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadSession(rows.front());
}

// What the events of a session have in common.
template <class Event>
Event EventAbout(const Session& session, const Uuid& event_id, Time at) {
  Event event;
  event.set_event_id(event_id.ToString());
  *event.mutable_timestamp() = TimeUtil::MicrosecondsToTimestamp(common::ToMicros(at));
  event.set_platform_session_id(session.session_id.ToString());
  event.set_account_id(session.account_id.ToString());
  event.set_platform(static_cast<v1::StreamPlatform>(session.platform));
  return event;
}

absl::Status AppendStarted(Transaction& transaction, const Session& session) {
  const Uuid event_id = Uuid::V7(common::Now());
  auto event =
      EventAbout<v1::StreamPlatformSessionStartedEvent>(session, event_id, session.started_at);
  if (session.in_game_id) event.set_in_game_session_id(session.in_game_id->ToString());
  return common::outbox::Append(transaction, common::outbox::EventOf(event, event_id));
}

absl::Status AppendEnded(Transaction& transaction, const Session& session) {
  const Uuid event_id = Uuid::V7(common::Now());
  auto event = EventAbout<v1::StreamPlatformSessionEndedEvent>(
      session, event_id, session.ended_at.value_or(session.started_at));
  event.set_duration_seconds(DurationSeconds(session));
  event.set_peak_viewer_count(session.peak_viewer_count);
  return common::outbox::Append(transaction, common::outbox::EventOf(event, event_id));
}

// The owner of the sessions, locked for the transaction.
struct LinkRow {
  Uuid account_id;
  platforms::Platform platform;
  bool is_active;
  std::optional<Time> offline_at;
  std::string stopped_mark;  // of the stream whose session the owner stopped
};
absl::StatusOr<LinkRow> LockLink(Transaction& transaction, const Uuid& link_id) {
  ASSIGN_OR_RETURN(
      const auto rows,
      transaction.Query("SELECT account_id, platform, is_active, offline_at, "
                        "COALESCE(stopped_mark, '') FROM link WHERE link_id = ? FOR UPDATE",
                        link_id));
  if (rows.empty()) return Make(kLinkNotFound, "no such link");
  const Row& row = rows.front();
  return LinkRow{row.Get<Uuid>(0), static_cast<platforms::Platform>(row.Get<uint8_t>(1)),
                 row.Get<bool>(2), row.Get<std::optional<Time>>(3), row.Get<std::string>(4)};
}

absl::StatusOr<std::optional<Session>> LiveOf(Transaction& transaction, const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   transaction.Query(SESSION_SELECT "WHERE link_id = ? AND live = 1", link_id));
  return ReadFirst(rows);
}

absl::StatusOr<int64_t> BeginEnd(Transaction& transaction, const Uuid& session_id, Time at) {
  return transaction.Execute(
      "UPDATE session SET status = 2, live = NULL, stream_id_sealed = NULL, "
      "ended_at = GREATEST(started_at, ?) WHERE session_id = ? AND status = 1",
      at, session_id);
}

}  // namespace

absl::StatusOr<Session> SessionStore::Insert(Transaction& transaction, const Opening& opening,
                                             const Uuid& account, platforms::Platform platform) {
  const Time now = common::Now();
  const Session session{.session_id = Uuid::V7(now),
                        .link_id = opening.link_id,
                        .account_id = account,
                        .platform = platform,
                        .started_at = opening.started_at,
                        .ended_at = {},
                        .in_game_id = opening.in_game_id,
                        .viewer_count = opening.viewer_count,
                        .peak_viewer_count = opening.viewer_count};
  const std::string sealed =
      sealer_.Seal(session.session_id, kStreamIdPlace, Secret(opening.stream_id));
  RETURN_IF_ERROR(
      transaction
          .Execute("INSERT INTO session (session_id, link_id, account_id, platform, stream_mark, "
                   "status, live, started_at, in_game_id, viewer_count, peak_viewer_count, "
                   "stream_id_sealed, seen_at) VALUES (?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?, ?)",
                   session.session_id, session.link_id, session.account_id,
                   static_cast<int>(session.platform),
                   marks_.OfStream(opening.link_id, opening.stream_id), session.started_at,
                   session.in_game_id, session.viewer_count, session.peak_viewer_count, sealed, now)
          .status());
  RETURN_IF_ERROR(AppendStarted(transaction, session));
  return session;
}

absl::StatusOr<std::optional<Session>> SessionStore::OpenByPlatform(const Opening& opening) {
  std::optional<Session> opened;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    opened.reset();
    ASSIGN_OR_RETURN(const LinkRow link, LockLink(transaction, opening.link_id));
    ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, opening.link_id));
    ASSIGN_OR_RETURN(const bool opens,
                     Opens(transaction, opening, link.offline_at, link.stopped_mark, live));
    if (!link.is_active || !opens) return absl::OkStatus();
    if (live) {
      RETURN_IF_ERROR(BeginEnd(transaction, live->session_id, opening.started_at).status());
    }
    ASSIGN_OR_RETURN(opened, Insert(transaction, opening, link.account_id, link.platform));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return opened;
}

absl::StatusOr<bool> SessionStore::Opens(Transaction& transaction, const Opening& opening,
                                         const std::optional<Time>& offline_at,
                                         const std::string& stopped_mark,
                                         const std::optional<Session>& live) {
  const std::string mark = marks_.OfStream(opening.link_id, opening.stream_id);
  ASSIGN_OR_RETURN(const auto rows, transaction.Query("SELECT COUNT(*), COUNT(live) FROM session "
                                                      "WHERE link_id = ? AND stream_mark = ?",
                                                      opening.link_id, mark));
  std::optional<Time> live_since;
  if (live) live_since = live->started_at;
  if (!opening.asked) {
    return OpensSession(
        OnlineNews{.stream_started_at = opening.started_at,
                   .last_offline_at = offline_at,
                   .stream_known = rows.at(0).Get<int64_t>(0) > 0 || mark == stopped_mark,
                   .live_since = live_since});
  }
  return OpensSession(LiveAnswer{.stream_started_at = opening.started_at,
                                 .now = common::Now(),
                                 .lag = *opening.asked,
                                 .last_offline_at = offline_at,
                                 .stopped = mark == stopped_mark,
                                 .is_live = rows.at(0).Get<int64_t>(1) > 0,
                                 .live_since = live_since});
}

absl::StatusOr<Session> SessionStore::OpenByHand(const Opening& opening) {
  std::optional<Session> opened;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(const LinkRow link, LockLink(transaction, opening.link_id));
    ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, opening.link_id));
    if (live) return Make(kPlatformSessionActive, "the link has an active platform session");
    ASSIGN_OR_RETURN(opened, Insert(transaction, opening, link.account_id, link.platform));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return *opened;
}

absl::StatusOr<std::optional<Uuid>> SessionStore::EndByPlatform(const Uuid& link_id, Time sent_at) {
  std::optional<Uuid> ending;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ending.reset();
    RETURN_IF_ERROR(LockLink(transaction, link_id).status());
    RETURN_IF_ERROR(transaction
                        .Execute("UPDATE link SET offline_at = ? WHERE link_id = ? AND "
                                 "(offline_at IS NULL OR offline_at < ?)",
                                 sent_at, link_id, sent_at)
                        .status());
    ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, link_id));
    if (!live || !EndsSession(sent_at, live->started_at)) return absl::OkStatus();
    ending = live->session_id;
    return BeginEnd(transaction, live->session_id, sent_at).status();
  });
  RETURN_IF_ERROR(done);
  return ending;
}

absl::StatusOr<std::optional<Uuid>> SessionStore::EndStream(const Uuid& link_id,
                                                            const std::string& stream_id, Time at) {
  std::optional<Uuid> ending;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ending.reset();
    ASSIGN_OR_RETURN(const auto rows,
                     transaction.Query("SELECT session_id FROM session WHERE link_id = ? AND "
                                       "live = 1 AND stream_mark = ? FOR UPDATE",
                                       link_id, marks_.OfStream(link_id, stream_id)));
    if (rows.empty()) return absl::OkStatus();
    ending = rows.front().Get<Uuid>(0);
    return BeginEnd(transaction, *ending, at).status();
  });
  RETURN_IF_ERROR(done);
  return ending;
}

absl::StatusOr<bool> SessionStore::Stop(const Uuid& session_id, Time now) {
  ASSIGN_OR_RETURN(
      const auto rows,
      mysql_.Query("SELECT link_id, stream_mark FROM session WHERE session_id = ?", session_id));
  if (rows.empty()) return false;
  const auto link_id = rows.front().Get<Uuid>(0);
  const auto mark = rows.front().Get<std::string>(1);
  int64_t changed = 0;
  const absl::Status done =
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        RETURN_IF_ERROR(LockLink(transaction, link_id).status());
        ASSIGN_OR_RETURN(changed, BeginEnd(transaction, session_id, now));
        if (changed == 0) return absl::OkStatus();
        // So that nobody who finds the stream live begins it again.
        return transaction
            .Execute("UPDATE link SET stopped_mark = ? WHERE link_id = ?", mark, link_id)
            .status();
      });
  // Without its link it has ended.
  if (common::errors::Is(done, kLinkNotFound)) return false;
  RETURN_IF_ERROR(done);
  return changed == 1;
}

absl::StatusOr<bool> SessionStore::End(const Uuid& session_id, Time at) {
  int64_t changed = 0;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(changed, BeginEnd(transaction, session_id, at));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return changed == 1;
}

absl::Status SessionStore::EndLiveOf(Transaction& transaction, const Uuid& link_id, Time at) {
  ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, link_id));
  return live ? BeginEnd(transaction, live->session_id, at).status() : absl::OkStatus();
}

absl::Status SessionStore::Finish(const Session& session) {
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(const int64_t changed,
                     transaction.Execute("UPDATE session SET status = 3 WHERE session_id = ? AND "
                                         "status = 2",
                                         session.session_id));
    if (changed == 0) return absl::OkStatus();
    return AppendEnded(transaction, session);
  });
}

absl::StatusOr<std::optional<Session>> SessionStore::Find(const Uuid& session_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query(SESSION_SELECT "WHERE session_id = ?", session_id));
  return ReadFirst(rows);
}

absl::StatusOr<std::optional<Session>> SessionStore::FindLive(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query(SESSION_SELECT "WHERE link_id = ? AND live = 1", link_id));
  return ReadFirst(rows);
}

absl::StatusOr<std::vector<Session>> SessionStore::List(const Uuid& account, bool include_ended,
                                                        int limit, int offset) {
  ASSIGN_OR_RETURN(
      const auto rows,
      mysql_.Query(SESSION_SELECT "WHERE account_id = ? AND (status = 1 OR ?) "
                                  "ORDER BY started_at DESC, session_id DESC LIMIT ? OFFSET ?",
                   account, include_ended, limit, offset));
  return ReadAll(rows);
}

absl::StatusOr<std::vector<Session>> SessionStore::Unfinished() {
  ASSIGN_OR_RETURN(
      const auto rows,
      mysql_.Query(SESSION_SELECT "WHERE status IN (1, 2) ORDER BY status DESC LIMIT ?",
                   kMaxUnfinished));
  return ReadAll(rows);
}

absl::StatusOr<std::vector<WatchedSession>> SessionStore::Watched(
    const Uuid& after, std::optional<platforms::Platform> platform) {
  const int number = platform ? static_cast<int>(*platform) : 0;
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS ", COALESCE(stream_id_sealed, ''), "
                                "COALESCE(seen_at, started_at) FROM session "
                                "WHERE live = 1 AND status = 1 AND session_id > ? "
                                "AND (? = 0 OR platform = ?) ORDER BY session_id LIMIT ?",
                                after, number, number, kMaxWatched));
  std::vector<WatchedSession> out;
  for (const Row& row : rows) {
    WatchedSession watched{.session = ReadSession(row),
                           .stream_id = {},
                           .seen_at = row.Get<Time>(kSessionColumns + 1)};
    if (const auto sealed = row.Get<std::string>(kSessionColumns); !sealed.empty()) {
      // Without it the platform has to search, which is better than not to ask.
      const auto id = sealer_.Open(watched.session.session_id, kStreamIdPlace, sealed);
      if (id.ok()) watched.stream_id = id->Reveal();
    }
    out.push_back(std::move(watched));
  }
  return out;
}

absl::Status SessionStore::Saw(const Uuid& session_id, std::optional<int> viewer_count, Time at) {
  return mysql_
      .Execute(
          "UPDATE session SET viewer_count = COALESCE(?, viewer_count), "
          "peak_viewer_count = GREATEST(peak_viewer_count, COALESCE(?, 0)), seen_at = ? "
          "WHERE session_id = ? AND status = 1",
          viewer_count, viewer_count, at, session_id)
      .status();
}

absl::StatusOr<bool> SessionStore::Associate(const Uuid& session_id,
                                             const std::optional<Uuid>& in_game_id) {
  RETURN_IF_ERROR(mysql_
                      .Execute("UPDATE session SET in_game_id = ? WHERE session_id = ? AND "
                               "status = 1",
                               in_game_id, session_id)
                      .status());
  // An update to the value that is there counts no row, so ask.
  ASSIGN_OR_RETURN(
      const auto rows,
      mysql_.Query("SELECT 1 FROM session WHERE session_id = ? AND status = 1", session_id));
  return !rows.empty();
}

absl::Status SessionStore::CountPulse(const Uuid& session_id) {
  return mysql_
      .Execute("UPDATE session SET pulses_published = pulses_published + 1 WHERE session_id = ?",
               session_id)
      .status();
}

absl::StatusOr<int64_t> SessionStore::PurgeEnded(Time before) {
  return mysql_.Execute("DELETE FROM session WHERE status = 3 AND ended_at < ? LIMIT 1000", before);
}

}  // namespace stream::sessions
