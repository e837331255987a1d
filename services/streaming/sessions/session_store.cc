#include "services/streaming/sessions/session_store.h"

#include <algorithm>
#include <array>
#include <bit>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/economy/sponsorship_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/privacy/tombstone_store.h"

namespace streaming::sessions {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;
using common::mysql::Value;

// In the order in which ToSession reads them.
#define SESSION_COLUMNS                                                                            \
  "id, game_service_id, shard, streamer_type, streamer_id, owner_account_id, ordinal, status, "    \
  "paused, title, theme, content_tags, platform_session_id, game_session_id, created_at, "         \
  "started_at, ended_at, last_round, audience, peak_audience, viewer_seconds, interest_seconds, "  \
  "live_seconds, world_firsts, hype_trains, peak_hype_level, new_followers, context_score, "       \
  "COALESCE((SELECT t.followers FROM streamer t WHERE t.streamer_type = session.streamer_type "    \
  "AND t.streamer_id = session.streamer_id AND t.game_service_id = session.game_service_id), 0), " \
  "EXISTS (SELECT 1 FROM hype_train h WHERE h.session_id = session.id AND h.completed_at IS NULL)"

Counters ToCounters(const Row& row, size_t at) {
  return {.last_round = row.Get<uint32_t>(at),
          .heads = row.Get<uint32_t>(at + 1),
          .peak_heads = row.Get<uint32_t>(at + 2),
          .viewer_seconds = row.Get<double>(at + 3),
          .interest_seconds = row.Get<double>(at + 4),
          .live_seconds = row.Get<double>(at + 5),
          .world_firsts = row.Get<uint32_t>(at + 6),
          .hype_trains = row.Get<uint32_t>(at + 7),
          .peak_hype_level = row.Get<uint8_t>(at + 8)};
}

Session ToSession(const Row& row) {
  return {
      .key = {.game = row.Get<Uuid>(1), .shard = row.Get<uint32_t>(2), .session = row.Get<Uuid>(0)},
      .streamer_type = static_cast<StreamerType>(row.Get<uint8_t>(3)),
      .streamer = row.Get<Uuid>(4),
      .owner = row.Get<std::optional<Uuid>>(5),
      .ordinal = row.Get<uint32_t>(6),
      .status = static_cast<Status>(row.Get<uint8_t>(7)),
      .paused = row.Get<bool>(8),
      .context_score = row.Get<double>(27),
      .title = row.Get<std::optional<std::string>>(9),
      .theme = row.Get<std::optional<std::string>>(10),
      .tags = pool::InterestMask::FromBits(row.Get<uint16_t>(11)),
      .platform_session = row.Get<std::optional<Uuid>>(12),
      .game_session = row.Get<std::optional<Uuid>>(13),
      .created_at = row.Get<Time>(14),
      .started_at = row.Get<std::optional<Time>>(15),
      .ended_at = row.Get<std::optional<Time>>(16),
      .counters = ToCounters(row, 17),
      .new_followers = row.Get<uint32_t>(26),
      .followers = row.Get<uint32_t>(28),
      .train_runs = row.Get<bool>(29)};
}

constexpr std::string_view kCounterColumns[] = {
    "last_round",   "audience",     "peak_audience", "viewer_seconds", "interest_seconds",
    "live_seconds", "world_firsts", "hype_trains",   "peak_hype_level"};

std::array<Value, std::size(kCounterColumns)> CounterValues(const Counters& counters) {
  using common::mysql::ToValue;
  return {ToValue(counters.last_round),       ToValue(counters.heads),
          ToValue(counters.peak_heads),       ToValue(counters.viewer_seconds),
          ToValue(counters.interest_seconds), ToValue(counters.live_seconds),
          ToValue(counters.world_firsts),     ToValue(counters.hype_trains),
          ToValue(counters.peak_hype_level)};
}

std::vector<Session> ToSessions(const Rows& rows) {
  std::vector<Session> sessions;
  sessions.reserve(rows.size());
  for (const Row& row : rows) sessions.push_back(ToSession(row));
  return sessions;
}

uint8_t Number(Status status) { return static_cast<uint8_t>(status); }

// The session that this request made before; nullopt when it made none.
absl::StatusOr<std::optional<Session>> FindReplay(Transaction& transaction,
                                                  const NewSession& wish) {
  if (!wish.request_id) return std::nullopt;
  ASSIGN_OR_RETURN(const Rows rows,
                   transaction.Query("SELECT " SESSION_COLUMNS ", request_digest FROM session "
                                     "WHERE request_id = ?",
                                     wish.request_id));
  if (rows.empty()) return std::nullopt;
  if (rows[0].Get<std::string>(30) != wish.request_digest) {
    return common::errors::Make(common::errors::kRequestIdReused,
                                "the request id created another session");
  }
  return ToSession(rows[0]);
}

// Who owns the session that the caller wants; binds a character that belongs to nobody yet.
absl::StatusOr<std::optional<Uuid>> ClaimStreamer(Transaction& transaction, const NewSession& wish,
                                                  const Caller& caller) {
  std::optional<Uuid> bound;
  if (wish.streamer_type == StreamerType::kCharacter) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        transaction.Query("SELECT account_id FROM character_owner WHERE character_id = ?",
                          wish.streamer));
    if (!rows.empty()) bound = rows[0].Get<Uuid>(0);
  }
  const Ownership ownership = OwnershipOf(wish.streamer_type, wish.streamer, caller, bound);
  if (!ownership.allowed) {
    return common::errors::Make(kStreamerNotOwned, "the caller may not stream as this streamer");
  }
  if (ownership.bind) {
    ASSIGN_OR_RETURN(const int64_t bound_now,
                     transaction.Execute("INSERT IGNORE INTO character_owner (character_id, "
                                         "account_id) VALUES (?, ?)",
                                         wish.streamer, ownership.owner));
    // Another account was faster; it may be the caller's own second call.
    if (bound_now == 0) return ClaimStreamer(transaction, wish, caller);
  }
  return ownership.owner;
}

// Of everybody whose session it is. After the inserts.
absl::Status CheckLiving(Transaction& transaction, const NewSession& wish,
                         const std::optional<Uuid>& owner) {
  using privacy::Kind;
  std::vector<privacy::Entity> entities = {{.kind = Kind::kGameService, .id = wish.game}};
  if (owner) entities.push_back({.kind = Kind::kAccount, .id = *owner});
  if (wish.streamer_type == StreamerType::kAccount) {
    entities.push_back({.kind = Kind::kAccount, .id = wish.streamer});
  } else if (wish.streamer_type == StreamerType::kCharacter) {
    entities.push_back({.kind = Kind::kCharacter, .id = wish.streamer});
  }
  return privacy::CheckLiving(transaction, entities);
}

absl::StatusOr<Session> Insert(Transaction& transaction, const NewSession& wish,
                               const Caller& caller, const Uuid& id, Time now) {
  ASSIGN_OR_RETURN(const std::optional<Session> replay, FindReplay(transaction, wish));
  if (replay) return *replay;
  ASSIGN_OR_RETURN(const std::optional<Uuid> owner, ClaimStreamer(transaction, wish, caller));
  if (wish.sponsorship) {
    RETURN_IF_ERROR(
        economy::RequireActive(transaction, *wish.sponsorship,
                               {.type = static_cast<v1::StreamerEntityType>(wish.streamer_type),
                                .id = wish.streamer,
                                .game_service_id = wish.game},
                               now));
  }
  ASSIGN_OR_RETURN(
      const int64_t inserted,
      transaction.Execute(
          "INSERT IGNORE INTO session (id, game_service_id, shard, streamer_type, streamer_id, "
          "owner_account_id, status, active, title, theme, content_tags, platform_session_id, "
          "game_session_id, sponsorship_id, request_id, request_digest, created_at) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          id, wish.game, wish.shard, static_cast<uint8_t>(wish.streamer_type), wish.streamer, owner,
          Number(Status::kPending), wish.title, wish.theme, wish.tags.bits(), wish.platform_session,
          wish.game_session, wish.sponsorship, wish.request_id,
          wish.request_id ? std::optional(wish.request_digest) : std::nullopt, now));
  if (inserted == 0) {
    // Either the streamer is active, or this request came twice at once and the other was first.
    ASSIGN_OR_RETURN(const std::optional<Session> other, FindReplay(transaction, wish));
    if (other) return *other;
    return common::errors::Make(kStreamerAlreadyActive, "the streamer has an active session");
  }
  RETURN_IF_ERROR(CheckLiving(transaction, wish, owner));
  v1::StreamingSessionCreatedEvent event;
  event.set_session_id(id.ToString());
  event.set_game_service_id(wish.game.ToString());
  event.set_streamer_id(wish.streamer.ToString());
  event.set_streamer_type(static_cast<v1::StreamerEntityType>(wish.streamer_type));
  RETURN_IF_ERROR(common::outbox::Append(transaction, events::MakeEvent(std::move(event), now)));
  return Session{.key = {.game = wish.game, .shard = wish.shard, .session = id},
                 .streamer_type = wish.streamer_type,
                 .streamer = wish.streamer,
                 .owner = owner,
                 .title = wish.title,
                 .theme = wish.theme,
                 .tags = wish.tags,
                 .platform_session = wish.platform_session,
                 .game_session = wish.game_session,
                 .created_at = now};
}

absl::Status AnnounceEnd(Transaction& transaction, const Session& session) {
  const Summary summary = SummaryOf(session);
  v1::StreamingSessionEndedEvent event;
  event.set_session_id(session.key.session.ToString());
  event.set_duration_seconds(summary.duration_seconds);
  event.set_peak_audience_count(summary.peak_heads);
  event.set_average_audience_count(summary.average_heads);
  event.set_new_followers(summary.new_followers);
  event.set_hype_trains_triggered(summary.hype_trains);
  return common::outbox::Append(transaction,
                                events::MakeEvent(std::move(event), *session.ended_at));
}

absl::Status InsertMoments(Transaction& transaction, const Uuid& session,
                           const std::vector<audience::Moment>& moments) {
  uint32_t ordinal = 0;
  for (const audience::Moment& moment : moments) {
    const auto description =
        moment.description.empty() ? std::nullopt : std::optional(moment.description);
    RETURN_IF_ERROR(transaction
                        .Execute("INSERT INTO session_moment (session_id, ordinal, at, "
                                 "moment_type, description, reaction) VALUES (?, ?, ?, ?, ?, ?)",
                                 session, ++ordinal, moment.at, moment.type, description,
                                 moment.reaction)
                        .status());
  }
  return absl::OkStatus();
}

// The two optional conditions of List, so that one text serves all queries.
#define LIST_CONDITION \
  "game_service_id = ? AND (? = 0 OR streamer_type = ?) AND (? = 0 OR status = ?)"

}  // namespace

absl::StatusOr<Session> SessionStore::Create(const NewSession& wish, const Caller& caller,
                                             Time now) {
  const Uuid id = Uuid::V7(now);
  Session session;
  RETURN_IF_ERROR(
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(session, Insert(transaction, wish, caller, id, now));
        return absl::OkStatus();
      }));
  return session;
}

absl::StatusOr<Session> SessionStore::Get(const Uuid& id) {
  ASSIGN_OR_RETURN(std::optional<Session> session, Find(id));
  if (!session) return common::errors::Make(kSessionNotFound, "no such session");
  return *std::move(session);
}

absl::StatusOr<Session> SessionStore::GetKnown(const Uuid& id, Time now) {
  const std::optional<Known> known = known_.Find(id);
  if (known && std::chrono::abs(now - known->read_at) < kRecordLife) return *known->session;
  ASSIGN_OR_RETURN(Session session, Get(id));
  if (session.status == Status::kLive) {
    known_.Put(id, {.session = std::make_shared<const Session>(session), .read_at = now});
  }
  return session;
}

absl::StatusOr<ListPage> SessionStore::List(const ListQuery& query) {
  const int type = query.streamer_type ? static_cast<int>(*query.streamer_type) : 0;
  const int status = query.status ? static_cast<int>(*query.status) : 0;
  ASSIGN_OR_RETURN(const Rows total,
                   mysql_.Query("SELECT COUNT(*) FROM session WHERE " LIST_CONDITION, query.game,
                                type, type, status, status));
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE " LIST_CONDITION
                                " ORDER BY id DESC LIMIT ? OFFSET ?",
                                query.game, type, type, status, status, query.limit, query.offset));
  return ListPage{.sessions = ToSessions(rows), .total = total.at(0).Get<uint32_t>(0)};
}

absl::StatusOr<std::vector<Session>> SessionStore::Browse(const BrowseQuery& query) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE game_service_id = ? "
                                "AND status = ? AND (? = 0 OR content_tags & ? <> 0) "
                                "ORDER BY audience DESC, id DESC LIMIT ? OFFSET ?",
                                query.game, Number(Status::kLive), query.any_of.bits(),
                                query.any_of.bits(), query.limit, query.offset));
  return ToSessions(rows);
}

absl::StatusOr<bool> SessionStore::MakeLive(const Session& session, uint32_t heads, Time now) {
  bool made = false;
  RETURN_IF_ERROR(
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        // The count of the streamer's sessions goes on where deleted ones left it. Only one session
        // of a streamer is active, so nobody else counts at the same time.
        ASSIGN_OR_RETURN(
            const int64_t changed,
            transaction.Execute(
                "UPDATE session SET status = ?, started_at = ?, audience = ?, peak_audience = ?, "
                "ordinal = 1 + GREATEST("
                "(SELECT n FROM (SELECT COALESCE(MAX(ordinal), 0) AS n FROM session WHERE "
                "streamer_type = ? AND streamer_id = ? AND game_service_id = ?) AS kept), "
                "COALESCE((SELECT sessions FROM streamer WHERE streamer_type = ? AND streamer_id = "
                "? "
                "AND game_service_id = ?), 0)) WHERE id = ? AND status = ?",
                Number(Status::kLive), now, heads, heads,
                static_cast<uint8_t>(session.streamer_type), session.streamer, session.key.game,
                static_cast<uint8_t>(session.streamer_type), session.streamer, session.key.game,
                session.key.session, Number(Status::kPending)));
        made = changed == 1;
        if (!made) return absl::OkStatus();
        v1::StreamingSessionStartedEvent event;
        event.set_session_id(session.key.session.ToString());
        event.set_initial_audience_count(static_cast<int32_t>(heads));
        return common::outbox::Append(transaction, events::MakeEvent(std::move(event), now));
      }));
  return made;
}

absl::StatusOr<bool> SessionStore::MakeEnding(const Uuid& id, EndReason reason, Time now) {
  ASSIGN_OR_RETURN(const int64_t changed,
                   mysql_.Execute("UPDATE session SET status = ?, end_reason = ?, ended_at = ? "
                                  "WHERE id = ? AND status = ?",
                                  Number(Status::kEnding), static_cast<uint8_t>(reason), now, id,
                                  Number(Status::kLive)));
  return changed == 1;
}

absl::StatusOr<bool> SessionStore::Cancel(const Uuid& id, EndReason reason, Time now) {
  ASSIGN_OR_RETURN(const int64_t changed,
                   mysql_.Execute("UPDATE session SET status = ?, active = NULL, end_reason = ?, "
                                  "ended_at = ?, career_applied = 1 WHERE id = ? AND status = ?",
                                  Number(Status::kEnded), static_cast<uint8_t>(reason), now, id,
                                  Number(Status::kPending)));
  return changed == 1;
}

absl::StatusOr<std::optional<Session>> SessionStore::LockEnding(Transaction& transaction,
                                                                const Uuid& id) {
  ASSIGN_OR_RETURN(const Rows rows,
                   transaction.Query("SELECT " SESSION_COLUMNS " FROM session WHERE id = ? AND "
                                     "status = ? FOR UPDATE",
                                     id, Number(Status::kEnding)));
  if (rows.empty()) return std::nullopt;
  return ToSession(rows[0]);
}

absl::Status SessionStore::MakeEnded(Transaction& transaction, Session session,
                                     const follows::Outcome& follows,
                                     const std::vector<audience::Moment>& moments) {
  session.new_followers = follows.gained;
  const Counters& counters = session.counters;
  RETURN_IF_ERROR(InsertMoments(transaction, session.key.session, moments));
  RETURN_IF_ERROR(
      transaction
          .Execute("UPDATE session SET status = ?, active = NULL, last_round = ?, audience = 0, "
                   "peak_audience = ?, viewer_seconds = ?, interest_seconds = ?, live_seconds = ?, "
                   "world_firsts = ?, hype_trains = ?, peak_hype_level = ?, new_followers = ?, "
                   "lost_followers = ?, followers_after = ?, attended_heads = ?, "
                   "regular_heads = ?, taste_evenness = ? WHERE id = ?",
                   Number(Status::kEnded), counters.last_round, counters.peak_heads,
                   counters.viewer_seconds, counters.interest_seconds, counters.live_seconds,
                   counters.world_firsts, counters.hype_trains, counters.peak_hype_level,
                   follows.gained, follows.lost, follows.followers, follows.gathering.heads,
                   follows.gathering.regulars, follows.gathering.evenness, session.key.session)
          .status());
  return AnnounceEnd(transaction, session);
}

absl::Status SessionStore::SetPaused(const Uuid& id, bool paused) {
  return mysql_
      .Execute("UPDATE session SET paused = ? WHERE id = ? AND status = ?", paused, id,
               Number(Status::kLive))
      .status();
}

absl::Status SessionStore::SetContext(const Uuid& id, double score) {
  return mysql_
      .Execute("UPDATE session SET context_score = ? WHERE id = ? AND status IN (?, ?)", score, id,
               Number(Status::kPending), Number(Status::kLive))
      .status();
}

absl::Status SessionStore::SetTags(const Uuid& id, pool::InterestMask tags) {
  return mysql_
      .Execute("UPDATE session SET content_tags = ? WHERE id = ? AND status IN (?, ?)", tags.bits(),
               id, Number(Status::kPending), Number(Status::kLive))
      .status();
}

absl::StatusOr<std::vector<Uuid>> SessionStore::NotActive(std::span<const Uuid> ids) {
  std::vector<Uuid> ended(ids.begin(), ids.end());
  if (ids.empty()) return ended;
  if (ids.size() > kActiveMax) return absl::InvalidArgumentError("too many ids for one statement");
  // Padded with repeats of the last one to a power of two, so that few texts are prepared.
  std::string sql = "SELECT id FROM session WHERE active = 1 AND id IN (?";
  std::vector<Value> values = {ids.back()};
  for (size_t i = 1; i < std::bit_ceil(ids.size()); ++i) {
    sql += ", ?";
    values.push_back(ids[std::min(i, ids.size()) - 1]);
  }
  ASSIGN_OR_RETURN(const Rows rows, mysql_.QueryValues(sql + ")", values));
  for (const Row& row : rows) std::erase(ended, row.Get<Uuid>(0));
  return ended;
}

absl::Status SessionStore::SaveCheckpoints(std::span<const Checkpoint> checkpoints) {
  if (checkpoints.empty()) return absl::OkStatus();
  if (checkpoints.size() > kCheckpointsMax) {
    return absl::InvalidArgumentError("too many checkpoints for one statement");
  }
  // Padded with repeats of the last one to a power of two, so that few texts are prepared.
  const size_t size = std::bit_ceil(checkpoints.size());
  const auto at = [&](size_t i) { return checkpoints[std::min(i, checkpoints.size() - 1)]; };
  std::string sql = "UPDATE session SET ";
  std::vector<Value> values;
  for (size_t column = 0; column < std::size(kCounterColumns); ++column) {
    absl::StrAppend(&sql, column == 0 ? "" : ", ", common::ToAbsl(kCounterColumns[column]),
                    " = CASE id");
    for (size_t i = 0; i < size; ++i) {
      sql += " WHEN ? THEN ?";
      values.push_back(at(i).session);
      values.push_back(CounterValues(at(i).counters)[column]);
    }
    sql += " END";
  }
  sql += " WHERE status = ? AND id IN (?";
  values.push_back(common::mysql::ToValue(Number(Status::kLive)));
  for (size_t i = 0; i < size; ++i) {
    if (i > 0) sql += ", ?";
    values.push_back(at(i).session);
  }
  sql += ")";
  return mysql_.ExecuteValues(sql, values).status();
}

absl::StatusOr<std::vector<audience::Moment>> SessionStore::Moments(const Uuid& id) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT at, moment_type, description, reaction FROM session_moment "
                                "WHERE session_id = ? ORDER BY reaction DESC, ordinal LIMIT ?",
                                id, static_cast<int64_t>(audience::kMaxMoments)));
  std::vector<audience::Moment> moments;
  for (const Row& row : rows) {
    moments.push_back({.at = row.Get<Time>(0),
                       .type = row.Get<uint8_t>(1),
                       .description = row.Get<std::optional<std::string>>(2).value_or(""),
                       .reaction = static_cast<float>(row.Get<double>(3))});
  }
  return moments;
}

absl::StatusOr<std::vector<Session>> SessionStore::WithStatus(Status status, const Uuid& after,
                                                              uint32_t limit) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE status = ? AND "
                                "id > ? ORDER BY id LIMIT ?",
                                Number(status), after, limit));
  return ToSessions(rows);
}

absl::StatusOr<std::vector<Session>> SessionStore::ActiveOfGameSession(const Uuid& game_session,
                                                                       const Uuid& after,
                                                                       uint32_t limit) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE game_session_id = ? "
                                "AND active = 1 AND id > ? ORDER BY id LIMIT ?",
                                game_session, after, limit));
  return ToSessions(rows);
}

absl::StatusOr<std::vector<Session>> SessionStore::ActiveOfOwner(const Uuid& owner,
                                                                 const Uuid& after,
                                                                 uint32_t limit) {
  ASSIGN_OR_RETURN(const Rows rows, mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE "
                                                 "owner_account_id = ? AND active = 1 AND id > ? "
                                                 "ORDER BY id LIMIT ?",
                                                 owner, after, limit));
  return ToSessions(rows);
}

absl::StatusOr<uint32_t> SessionStore::PurgeEnded(common::Time before) {
  uint32_t purged = 0;
  const auto status = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
    ASSIGN_OR_RETURN(const Rows rows,
                     transaction.Query("SELECT id FROM session WHERE status = ? AND "
                                       "career_applied = 1 AND ended_at < ? LIMIT ?",
                                       Number(Status::kEnded), before, kPurgeBatch));
    for (const auto& row : rows) {
      RETURN_IF_ERROR(Delete(transaction, row.Get<Uuid>(0)));
    }
    purged = static_cast<uint32_t>(rows.size());
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(status);
  return purged;
}

absl::Status SessionStore::Delete(Transaction& transaction, const Uuid& id) {
  // A DELETE with a subquery would read, and lock, the transitions of all trains.
  for (const char* sql :
       {"DELETE FROM session_moment WHERE session_id = ?",
        "DELETE step FROM hype_train AS train STRAIGHT_JOIN hype_transition AS step "
        "FORCE INDEX (PRIMARY) ON step.hype_id = train.id WHERE train.session_id = ?",
        "DELETE FROM hype_train WHERE session_id = ?", "DELETE FROM session WHERE id = ?"}) {
    RETURN_IF_ERROR(transaction.Execute(sql, id).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Session>> SessionStore::Find(const Uuid& id) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query("SELECT " SESSION_COLUMNS " FROM session WHERE id = ?", id));
  if (rows.empty()) return std::nullopt;
  return ToSession(rows[0]);
}

}  // namespace streaming::sessions
