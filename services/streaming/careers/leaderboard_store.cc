#include "services/streaming/careers/leaderboard_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <optional>
#include <utility>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "services/streaming/careers/leaderboard.h"
#include "services/streaming/careers/leaderboard_keys.h"
#include "services/streaming/events/words.h"

namespace streaming::careers {
namespace {

using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::ToValue;
using common::mysql::Value;

constexpr common::redis::CallOptions kRead{.idempotent = true};
// What a building of boards may take of one call.
constexpr std::chrono::seconds kPatience{10};
// How often a page is read again because some of it is gone from the record.
constexpr int kGoneMax = 3;

constexpr std::array kMetrics = {
    v1::LEADERBOARD_METRIC_FOLLOWERS, v1::LEADERBOARD_METRIC_WATCH_HOURS,
    v1::LEADERBOARD_METRIC_HYPE_TRAINS, v1::LEADERBOARD_METRIC_WORLD_FIRSTS};

// The rows behind a position, in the order of the index and of positions: three ranges of the index
// and not one condition, since many rows may have one time of change and none should be read twice.
// The columns of kMetrics begin at kFirstMetric.
#define CHANGED(range)                                                                     \
  "(SELECT streamer_type, streamer_id, changed_at, followers, watch_seconds, hype_trains," \
  " world_firsts FROM streamer FORCE INDEX (streamer_changed) WHERE game_service_id = ? "  \
  "AND " range " ORDER BY changed_at, streamer_type, streamer_id LIMIT ?)"
constexpr std::string_view kChanged =
    CHANGED("changed_at = ? AND streamer_type = ? AND streamer_id > ?")
    " UNION ALL " CHANGED("changed_at = ? AND streamer_type > ?")
    " UNION ALL " CHANGED("changed_at > ?")
    " ORDER BY changed_at, streamer_type, streamer_id LIMIT ?";
constexpr size_t kFirstMetric = 3;

std::string Key(const Uuid& game, v1::LeaderboardMetric metric) {
  return BoardKey(game, events::WordOf(metric));
}

// The marker's key and the boards', as Functions want them.
std::vector<std::string> KeysOf(const Uuid& game) {
  std::vector<std::string> keys = {BoardsKey(game)};
  for (const v1::LeaderboardMetric metric : kMetrics) keys.push_back(Key(game, metric));
  return keys;
}

BoardMember MemberOf(const Row& row) {
  return {.type = static_cast<uint8_t>(row.Get<int>(0)), .id = row.Get<Uuid>(1)};
}

BoardPosition PositionOf(const Row& row) {
  return {.changed_at = common::ToMicros(row.Get<common::Time>(2)), .member = MemberOf(row)};
}

double ValueOf(v1::LeaderboardMetric metric, double score) {
  const double value = score == 0 ? 0 : -score;
  return metric == v1::LEADERBOARD_METRIC_WATCH_HOURS ? value / 3600 : value;
}

}  // namespace

// How far the boards are. As texts what the Function compares.
struct LeaderboardStore::Marker {
  std::string position;  // "" = there are no boards
  std::string since;     // the time from which to follow once they are built; "" = complete
  bool whole = false;    // all boards are there
  bool complete() const { return whole && since.empty(); }
};

absl::StatusOr<LeaderboardStore::Marker> LeaderboardStore::ReadMarker(const Uuid& game) {
  std::vector<std::string> exists = KeysOf(game);
  exists[0] = "EXISTS";
  const std::vector<std::vector<std::string>> commands = {
      {"HMGET", BoardsKey(game), "position", "since"}, std::move(exists)};
  ASSIGN_OR_RETURN(const auto replies, redis_.Pipeline(commands, kRead));
  for (const auto& reply : replies) RETURN_IF_ERROR(reply.status());
  const auto& fields = replies[0];
  return Marker{.position = std::string(fields[0].text()),
                .since = std::string(fields[1].text()),
                .whole = replies[1].integer() == static_cast<int64_t>(kMetrics.size())};
}

// False when somebody else has moved the marker.
absl::StatusOr<bool> LeaderboardStore::Put(const Uuid& game, const Marker& seen, const Marker& next,
                                           const Rows& rows) {
  std::vector<std::string> arguments = {seen.position, next.position, next.since,
                                        seen.whole ? "0" : "1",
                                        std::to_string(std::chrono::milliseconds(kLife).count())};
  for (const Row& row : rows) {
    arguments.push_back(EncodeMember(MemberOf(row)));
    for (size_t metric = 0; metric < kMetrics.size(); ++metric) {
      const auto value = row.Get<uint64_t>(kFirstMetric + metric);
      arguments.push_back((value == 0 ? "" : "-") + std::to_string(value));
    }
  }
  const std::vector<std::string> keys = KeysOf(game);
  ASSIGN_OR_RETURN(const auto moved, boards_.Call("boards_v1_put", keys, arguments));
  return moved.integer() == 1;
}

// Follows the record from the marker to its end. False when somebody else does the same.
absl::StatusOr<bool> LeaderboardStore::Follow(const Uuid& game, Marker seen) {
  ASSIGN_OR_RETURN(const Rows clock, mysql_.Query("SELECT UTC_TIMESTAMP(6)"));
  const int64_t begun = common::ToMicros(clock.at(0).Get<common::Time>(0));
  std::optional<BoardPosition> known = DecodePosition(seen.position);
  if (!known) seen.whole = false;
  const bool building = !seen.complete();
  BoardPosition at;
  std::string since = EncodePosition({.changed_at = begun});
  if (seen.whole && building) {
    at = *known;
    since = seen.since;
  } else if (seen.whole) {
    at.changed_at = known->changed_at - common::Duration(kOverlap).count();
  }
  while (common::Remaining(kPatience).count() > 0) {
    const common::Time changed_at = common::FromMicros(at.changed_at);
    const int type = at.member.type;
    ASSIGN_OR_RETURN(const Rows rows,
                     mysql_.Query(kChanged, game, changed_at, type, at.member.id, kPage, game,
                                  changed_at, type, kPage, game, changed_at, kPage, kPage));
    // Nobody streams there, or there is no such game: a key for each that is asked for is too much.
    if (rows.empty() && seen.position.empty()) return true;
    const bool last = rows.size() < static_cast<size_t>(kPage);
    if (!last) at = PositionOf(rows.back());
    const Marker next{.position = last ? since : EncodePosition(at),
                      .since = building && !last ? since : "",
                      .whole = true};
    ASSIGN_OR_RETURN(const bool moved, Put(game, seen, next, rows));
    if (!moved) return false;
    if (last) return true;
    seen = next;
  }
  return absl::UnavailableError("the leaderboards are being built");
}

absl::Status LeaderboardStore::CatchUp(const Uuid& game) {
  const common::DeadlineScope patience(kPatience);
  for (bool rival = false; common::Remaining(kPatience).count() > 0; rival = true) {
    ASSIGN_OR_RETURN(const Marker marker, ReadMarker(game));
    if (rival && marker.complete()) return absl::OkStatus();  // a moment ago, by somebody else
    ASSIGN_OR_RETURN(const bool done, Follow(game, marker));
    if (done) return absl::OkStatus();
  }
  return absl::UnavailableError("the leaderboards are being built");
}

absl::StatusOr<std::vector<LeaderboardRow>> LeaderboardStore::ReadBoard(
    const Uuid& game, v1::LeaderboardMetric metric, int limit, int offset) {
  const std::string key = Key(game, metric);
  ASSIGN_OR_RETURN(const auto page,
                   redis_.Command({"ZRANGE", key, std::to_string(offset),
                                   std::to_string(offset + limit - 1), "WITHSCORES"},
                                  kRead));
  std::vector<LeaderboardRow> rows;
  std::vector<double> values;
  for (size_t i = 0; i + 1 < page.size(); i += 2) {
    const BoardMember member = DecodeMember(page[i].text()).value_or(BoardMember());
    const std::string score(page[i + 1].text());
    values.push_back(ValueOf(metric, std::strtod(score.c_str(), nullptr)));
    rows.push_back({.streamer_type = static_cast<v1::StreamerEntityType>(member.type),
                    .streamer_id = member.id,
                    .value = values.back()});
  }
  if (rows.empty()) return rows;
  ASSIGN_OR_RETURN(
      const auto better,
      redis_.Command({"ZCOUNT", key, "-inf", "(" + std::string(page[1].text())}, kRead));
  const auto ranks =
      RanksOf(values, static_cast<uint32_t>(offset), static_cast<uint32_t>(better.integer()));
  for (size_t i = 0; i < rows.size(); ++i) rows[i].rank = static_cast<int32_t>(ranks[i]);
  return rows;
}

// Tells the phases. Streamers that the record does not have are taken out, of the boards as well;
// whether there were none.
absl::StatusOr<bool> LeaderboardStore::AddPhases(const Uuid& game,
                                                 std::vector<LeaderboardRow>& rows) {
  if (rows.empty()) return true;
  // Padded with repeats of the last one to a power of two, so that few texts are prepared.
  std::string sql = "SELECT streamer_type, streamer_id, phase FROM streamer WHERE ";
  std::vector<Value> values;
  for (size_t i = 0; i < std::bit_ceil(rows.size()); ++i) {
    const LeaderboardRow& row = rows[std::min(i, rows.size() - 1)];
    if (i > 0) sql += " OR ";
    sql += "(streamer_type = ? AND streamer_id = ? AND game_service_id = ?)";
    values.insert(values.end(), {ToValue(int{row.streamer_type}), row.streamer_id, game});
  }
  ASSIGN_OR_RETURN(const Rows found, mysql_.QueryValues(sql, values));
  for (const Row& row : found) {
    const auto of = std::ranges::find_if(rows, [&](const LeaderboardRow& listed) {
      return int{listed.streamer_type} == row.Get<int>(0) && listed.streamer_id == row.Get<Uuid>(1);
    });
    if (of != rows.end()) of->phase = static_cast<v1::StreamerCareerPhase>(row.Get<int>(2));
  }
  const auto gone = std::ranges::stable_partition(rows, [](const LeaderboardRow& row) {
    return row.phase != v1::STREAMER_CAREER_PHASE_UNSPECIFIED;
  });
  if (gone.empty()) return true;
  std::vector<std::vector<std::string>> commands;
  for (const v1::LeaderboardMetric metric : kMetrics) {
    std::vector<std::string> command = {"ZREM", Key(game, metric)};
    for (const LeaderboardRow& row : gone) {
      command.push_back(EncodeMember({static_cast<uint8_t>(row.streamer_type), row.streamer_id}));
    }
    commands.push_back(std::move(command));
  }
  rows.erase(gone.begin(), gone.end());
  RETURN_IF_ERROR(redis_.Pipeline(commands, kRead).status());
  return false;
}

absl::StatusOr<std::vector<LeaderboardRow>> LeaderboardStore::Page(const Uuid& game_service_id,
                                                                   v1::LeaderboardMetric metric,
                                                                   int limit, int offset,
                                                                   common::Time now) {
  const auto catch_up = [&]() -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(CatchUp(game_service_id));
    return true;
  };
  RETURN_IF_ERROR(caught_up_.Get(game_service_id, now, catch_up).status());
  std::vector<LeaderboardRow> rows;
  for (int i = 0; i < kGoneMax; ++i) {
    ASSIGN_OR_RETURN(rows, ReadBoard(game_service_id, metric, limit, offset));
    ASSIGN_OR_RETURN(const bool all, AddPhases(game_service_id, rows));
    if (all) break;
  }
  return rows;
}

absl::Status LeaderboardStore::Forget(const Uuid& game_service_id) {
  std::vector<std::string> command = {"UNLINK", BoardsKey(game_service_id)};
  for (const v1::LeaderboardMetric metric : kMetrics) {
    command.push_back(Key(game_service_id, metric));
  }
  return redis_.Pipeline(std::span(&command, 1), kRead).status();
}

}  // namespace streaming::careers
