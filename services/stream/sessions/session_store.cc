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
using common::errors::Make;
using common::mysql::Row;
using common::mysql::Transaction;
using google::protobuf::util::TimeUtil;
namespace v1 = bannou::stream::v1;

#define SESSION_SELECT                                                               \
  "SELECT session_id, link_id, account_id, platform, status, started_at, ended_at, " \
  "in_game_id, viewer_count, peak_viewer_count, pulses_published FROM session "

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
};
absl::StatusOr<LinkRow> LockLink(Transaction& transaction, const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   transaction.Query("SELECT account_id, platform, is_active, offline_at "
                                     "FROM link WHERE link_id = ? FOR UPDATE",
                                     link_id));
  if (rows.empty()) return Make(kLinkNotFound, "no such link");
  const Row& row = rows.front();
  return LinkRow{row.Get<Uuid>(0), static_cast<platforms::Platform>(row.Get<uint8_t>(1)),
                 row.Get<bool>(2), row.Get<std::optional<Time>>(3)};
}

absl::StatusOr<std::optional<Session>> LiveOf(Transaction& transaction, const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   transaction.Query(SESSION_SELECT "WHERE link_id = ? AND live = 1", link_id));
  return ReadFirst(rows);
}

absl::StatusOr<int64_t> BeginEnd(Transaction& transaction, const Uuid& session_id, Time at) {
  return transaction.Execute(
      "UPDATE session SET status = 2, live = NULL, ended_at = GREATEST(started_at, ?) "
      "WHERE session_id = ? AND status = 1",
      at, session_id);
}

absl::StatusOr<Session> Insert(Transaction& transaction, const LinkRow& link,
                               const Opening& opening) {
  const Session session{.session_id = Uuid::V7(common::Now()),
                        .link_id = opening.link_id,
                        .account_id = link.account_id,
                        .platform = link.platform,
                        .started_at = opening.started_at,
                        .ended_at = {},
                        .in_game_id = opening.in_game_id,
                        .viewer_count = opening.viewer_count,
                        .peak_viewer_count = opening.viewer_count};
  RETURN_IF_ERROR(
      transaction
          .Execute("INSERT INTO session (session_id, link_id, account_id, platform, stream_mark, "
                   "status, live, started_at, in_game_id, viewer_count, peak_viewer_count) "
                   "VALUES (?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?)",
                   session.session_id, session.link_id, session.account_id,
                   static_cast<int>(session.platform), opening.stream_mark, session.started_at,
                   session.in_game_id, session.viewer_count, session.peak_viewer_count)
          .status());
  RETURN_IF_ERROR(AppendStarted(transaction, session));
  return session;
}

}  // namespace

absl::StatusOr<std::optional<Session>> SessionStore::OpenByPlatform(const Opening& opening) {
  std::optional<Session> opened;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    opened.reset();
    ASSIGN_OR_RETURN(const LinkRow link, LockLink(transaction, opening.link_id));
    ASSIGN_OR_RETURN(const auto known,
                     transaction.Query("SELECT 1 FROM session WHERE link_id = ? AND "
                                       "stream_mark = ? LIMIT 1",
                                       opening.link_id, opening.stream_mark));
    ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, opening.link_id));
    OnlineNews news{opening.started_at, link.offline_at, !known.empty()};
    if (live) news.live_since = live->started_at;
    if (!link.is_active || !OpensSession(news)) return absl::OkStatus();
    if (live) {
      RETURN_IF_ERROR(BeginEnd(transaction, live->session_id, opening.started_at).status());
    }
    ASSIGN_OR_RETURN(opened, Insert(transaction, link, opening));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return opened;
}

absl::StatusOr<Session> SessionStore::OpenByHand(const Opening& opening) {
  std::optional<Session> opened;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(const LinkRow link, LockLink(transaction, opening.link_id));
    ASSIGN_OR_RETURN(const auto live, LiveOf(transaction, opening.link_id));
    if (live) return Make(kPlatformSessionActive, "the link has an active platform session");
    ASSIGN_OR_RETURN(opened, Insert(transaction, link, opening));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return *std::move(opened);
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

absl::StatusOr<bool> SessionStore::EndByHand(const Uuid& session_id, Time now) {
  int64_t changed = 0;
  const absl::Status done = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(changed, BeginEnd(transaction, session_id, now));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(done);
  return changed == 1;
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
