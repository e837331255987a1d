#include "services/streaming/follows/follow_store.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include <bannou/streaming/v1/events.pb.h>
#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/events/event.h"
#include "services/streaming/pool/pool.h"

namespace streaming::follows {
namespace {

namespace v1 = bannou::streaming::v1;

using careers::StreamerKey;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;
using nlohmann::json;

// What the table has of a member, but for the time of its follow.
struct Stored {
  Attendance attendance;
  bool real_derived = false;  // in the session after which it began to follow
};
using StoredByMember = std::unordered_map<uint32_t, Stored>;

// Each statement names its index: the optimizer knows nothing yet of rows that are minutes old, and
// then reads all of a streamer's relations for one.
//
// A chunk travels as one JSON parameter, so that the statement's text is a constant whatever the
// number of members.
constexpr std::string_view kRead =
    "SELECT a.member, a.last_session_ordinal, a.attended, a.interested_run, a.loyalty,"
    " a.lapse_ordinal, a.real_derived"
    " FROM JSON_TABLE(?, '$[*]' COLUMNS (member INT UNSIGNED PATH '$')) AS wanted"
    " STRAIGHT_JOIN attendance AS a FORCE INDEX (PRIMARY) ON a.streamer_type = ?"
    " AND a.streamer_id = ? AND a.game_service_id = ? AND a.member = wanted.member";
constexpr std::string_view kWrite =
    "INSERT INTO attendance (streamer_type, streamer_id, game_service_id, member,"
    " last_session_ordinal, attended, interested_run, loyalty, followed_since, lapse_ordinal,"
    " real_derived)"
    " SELECT ?, ?, ?, r.* FROM JSON_TABLE(?, '$[*]' COLUMNS ("
    " member INT UNSIGNED PATH '$[0]', last_session_ordinal INT UNSIGNED PATH '$[1]',"
    " attended INT UNSIGNED PATH '$[2]', interested_run SMALLINT UNSIGNED PATH '$[3]',"
    " loyalty DOUBLE PATH '$[4]', followed_since DATETIME(6) PATH '$[5]',"
    " lapse_ordinal INT UNSIGNED PATH '$[6]', real_derived TINYINT UNSIGNED PATH '$[7]')) AS r"
    " ON DUPLICATE KEY UPDATE last_session_ordinal = VALUES(last_session_ordinal),"
    " attended = VALUES(attended), interested_run = VALUES(interested_run),"
    " loyalty = VALUES(loyalty),"
    " followed_since = IF(VALUES(followed_since) IS NULL, NULL,"
    " COALESCE(attendance.followed_since, VALUES(followed_since))),"
    " lapse_ordinal = VALUES(lapse_ordinal), real_derived = VALUES(real_derived)";

#define OF_STREAMER "WHERE streamer_type = ? AND streamer_id = ? "
#define IN_GAME OF_STREAMER "AND game_service_id = ? "
#define LAPSING IN_GAME "AND lapse_ordinal <= ? ORDER BY lapse_ordinal, member LIMIT ?"
constexpr std::string_view kLapsing =
    "SELECT member FROM attendance FORCE INDEX (attendance_lapse) " LAPSING;
// What Lapse() of the rules changes, for the rows that kLapsing gave.
constexpr std::string_view kLapse =
    "UPDATE attendance FORCE INDEX (attendance_lapse)"
    " SET interested_run = 0, followed_since = NULL, lapse_ordinal = NULL " LAPSING;

#define SELECT_FOLLOWERS                                                                        \
  "SELECT game_service_id, member, followed_since, loyalty, last_session_ordinal, real_derived" \
  " FROM attendance FORCE INDEX (attendance_followers) "
#define FOLLOWING "AND followed_since IS NOT NULL ORDER BY followed_since, "
constexpr std::string_view kFollowersInGame =
    SELECT_FOLLOWERS IN_GAME FOLLOWING "member LIMIT ? OFFSET ?";
constexpr std::string_view kFollowers =
    SELECT_FOLLOWERS OF_STREAMER FOLLOWING "game_service_id, member LIMIT ? OFFSET ?";

constexpr std::string_view kFollowing =
    "SELECT member FROM attendance FORCE INDEX (attendance_followers) " IN_GAME FOLLOWING
    "member LIMIT ?";

// What the column holds; no setting asks for a longer run.
constexpr uint32_t kInterestedRunMax = 60000;

// By member, each once: neighbours in the table are neighbours here.
std::vector<Attendee> Sorted(std::span<const Attendee> attendees) {
  std::vector<Attendee> sorted(attendees.begin(), attendees.end());
  std::ranges::stable_sort(sorted, {}, &Attendee::member);
  const auto repeated = std::ranges::unique(sorted, {}, &Attendee::member);
  sorted.erase(repeated.begin(), repeated.end());
  return sorted;
}

absl::StatusOr<StoredByMember> ReadStored(Transaction& transaction, const StreamerKey& streamer,
                                          std::span<const Attendee> chunk) {
  json members = json::array();
  for (const Attendee& attendee : chunk) members.push_back(attendee.member);
  ASSIGN_OR_RETURN(const Rows rows, transaction.Query(kRead, members.dump(), int{streamer.type},
                                                      streamer.id, streamer.game_service_id));
  StoredByMember stored;
  stored.reserve(chunk.size());
  for (const Row& row : rows) {
    const auto lapse_ordinal = row.Get<std::optional<uint32_t>>(5);
    stored[row.Get<uint32_t>(0)] = {.attendance = {.last_ordinal = row.Get<uint32_t>(1),
                                                   .attended = row.Get<uint32_t>(2),
                                                   .interested_run = row.Get<uint32_t>(3),
                                                   .loyalty = row.Get<double>(4),
                                                   .follows = lapse_ordinal.has_value(),
                                                   .lapse_ordinal = lapse_ordinal},
                                    .real_derived = row.Get<bool>(6)};
  }
  return stored;
}

// A row of kWrite; `now` is the time of a follow that begins, kept out of one that goes on.
json ToRow(uint32_t member, const Stored& stored, const json& now) {
  const Attendance& attendance = stored.attendance;
  return json::array({member, attendance.last_ordinal, attendance.attended,
                      std::min(attendance.interested_run, kInterestedRunMax), attendance.loyalty,
                      attendance.follows ? now : json(),
                      attendance.follows ? json(*attendance.lapse_ordinal) : json(),
                      stored.real_derived ? 1 : 0});
}

struct Changes {
  std::vector<uint32_t> gained;  // members
  std::vector<uint32_t> lost;
  careers::GatheringCount gathering;
};

uint32_t HeadsOf(const pool::Pool& pool, std::span<const uint32_t> members) {
  uint32_t heads = 0;
  for (const uint32_t member : members) heads += pool.WeightOf(member);
  return heads;
}

absl::Status RecordChunk(Transaction& transaction, const Settings& settings,
                         const EndedSession& session, std::span<const Attendee> chunk,
                         Changes& changes) {
  ASSIGN_OR_RETURN(StoredByMember stored, ReadStored(transaction, session.streamer, chunk));
  const json now = common::FormatSqlTime(session.now);
  json rows = json::array();
  for (const Attendee& attendee : chunk) {
    const Stored& before = stored[attendee.member];
    if (before.attendance.last_ordinal >= session.ordinal) continue;  // recorded before
    const Attended attended =
        Attend(settings, before.attendance, session.ordinal, attendee.mean_interest);
    changes.gathering.Add(
        session.pool.WeightOf(attendee.member), attended.attendance.loyalty,
        session.pool.archetypes()[session.pool.ArchetypeOf(attendee.member)].interests);
    const bool followed = before.attendance.follows;
    const bool follows = attended.attendance.follows;
    const bool begins = follows && !followed;
    if (begins) changes.gained.push_back(attendee.member);
    if (followed && !follows) changes.lost.push_back(attendee.member);
    rows.push_back(
        ToRow(attendee.member,
              {.attendance = attended.attendance,
               // Of this session alone: whoever watched more of them would else be likelier real.
               .real_derived = begins ? attendee.real_derived : before.real_derived},
              now));
  }
  if (rows.empty()) return absl::OkStatus();
  return transaction
      .Execute(kWrite, int{session.streamer.type}, session.streamer.id,
               session.streamer.game_service_id, rows.dump())
      .status();
}

// The follows that lapsed and whose members stayed away.
absl::Status RecordLapses(Transaction& transaction, const EndedSession& session, Changes& changes) {
  const StreamerKey& streamer = session.streamer;
  ASSIGN_OR_RETURN(const Rows rows, transaction.Query(kLapsing, int{streamer.type}, streamer.id,
                                                      streamer.game_service_id, session.ordinal,
                                                      FollowStore::kLapsesMax));
  if (rows.empty()) return absl::OkStatus();
  for (const Row& row : rows) changes.lost.push_back(row.Get<uint32_t>(0));
  return transaction
      .Execute(kLapse, int{streamer.type}, streamer.id, streamer.game_service_id, session.ordinal,
               FollowStore::kLapsesMax)
      .status();
}

// A count after gains and losses. Not below nobody: it may have been begun in other units.
uint32_t Changed(uint32_t count, size_t gained, size_t lost) {
  const size_t more = count + gained;
  return static_cast<uint32_t>(more - std::min(more, lost));
}

// The ids are those of a repeat. They are derived from the pseudonym, so that they lead to no
// member.
template <class Message>
void AddEvents(std::vector<common::outbox::Event>& events, const careers::Streamer& streamer,
               const EndedSession& session, std::span<const uint32_t> members) {
  Message message;
  const std::string kind = common::outbox::SubjectOf(message) + "/";
  message.set_streamer_id(streamer.key.id.ToString());
  message.set_streamer_type(streamer.key.type);
  message.set_game_service_id(streamer.key.game_service_id.ToString());
  for (const uint32_t member : members) {
    message.set_member_id(pool::ViewerId(streamer.viewer_secret, member).ToString());
    events.push_back(events::MakeEvent(message, session.now,
                                       Uuid::V5(session.session_id, kind + message.member_id())));
  }
}

}  // namespace

absl::StatusOr<Outcome> FollowStore::RecordSession(Transaction& transaction,
                                                   const EndedSession& session) const {
  ASSIGN_OR_RETURN(const careers::Streamer streamer,
                   careers::LockStreamer(transaction, session.streamer, session.now));
  const std::vector<Attendee> attendees = Sorted(session.attendees);
  Changes changes;
  for (size_t at = 0; at < attendees.size(); at += kChunk) {
    const size_t count = std::min(kChunk, attendees.size() - at);
    RETURN_IF_ERROR(RecordChunk(transaction, settings_, session,
                                std::span(attendees).subspan(at, count), changes));
  }
  RETURN_IF_ERROR(RecordLapses(transaction, session, changes));
  Outcome outcome{.gained = HeadsOf(session.pool, changes.gained),
                  .lost = HeadsOf(session.pool, changes.lost),
                  .followers = streamer.stats.followers,
                  .gathering = changes.gathering.Result()};
  if (outcome.gained == 0 && outcome.lost == 0) return outcome;

  outcome.followers = Changed(streamer.stats.followers, outcome.gained, outcome.lost);
  RETURN_IF_ERROR(careers::SaveFollowers(
      transaction, session.streamer, outcome.followers,
      Changed(streamer.follower_members, changes.gained.size(), changes.lost.size()), session.now));
  std::vector<common::outbox::Event> events;
  events.reserve(changes.gained.size() + changes.lost.size());
  AddEvents<v1::StreamingFollowGainedEvent>(events, streamer, session, changes.gained);
  AddEvents<v1::StreamingFollowLostEvent>(events, streamer, session, changes.lost);
  RETURN_IF_ERROR(common::outbox::Append(transaction, events));
  return outcome;
}

absl::StatusOr<std::vector<uint32_t>> FollowStore::Following(const StreamerKey& streamer,
                                                             size_t limit) const {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(kFollowing, int{streamer.type}, streamer.id,
                                streamer.game_service_id, static_cast<int64_t>(limit)));
  std::vector<uint32_t> members;
  members.reserve(rows.size());
  for (const Row& row : rows) members.push_back(row.Get<uint32_t>(0));
  return members;
}

absl::StatusOr<std::vector<Follower>> FollowStore::List(v1::StreamerEntityType streamer_type,
                                                        const Uuid& streamer_id,
                                                        const std::optional<Uuid>& game_service_id,
                                                        int limit, int offset) const {
  ASSIGN_OR_RETURN(const Rows rows,
                   game_service_id
                       ? mysql_.Query(kFollowersInGame, int{streamer_type}, streamer_id,
                                      *game_service_id, limit, offset)
                       : mysql_.Query(kFollowers, int{streamer_type}, streamer_id, limit, offset));
  std::vector<Follower> followers;
  followers.reserve(rows.size());
  for (const Row& row : rows) {
    followers.push_back({.game_service_id = row.Get<Uuid>(0),
                         .member = row.Get<uint32_t>(1),
                         .followed_since = row.Get<common::Time>(2),
                         .loyalty = row.Get<double>(3),
                         .last_ordinal = row.Get<uint32_t>(4),
                         .real_derived = row.Get<bool>(5)});
  }
  return followers;
}

}  // namespace streaming::follows
