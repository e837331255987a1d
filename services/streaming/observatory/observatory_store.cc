#include "services/streaming/observatory/observatory_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/sessions/session.h"

namespace streaming::observatory {
namespace {

using audience::LiveKey;
using audience::LiveStore;
using audience::Shard;
using common::Time;
using common::Uuid;
using common::mysql::Row;

static_assert(kStreamsMost <= LiveStore::kLoadManyMost);

constexpr auto kLive = static_cast<uint32_t>(sessions::Status::kLive);

}  // namespace

absl::StatusOr<std::shared_ptr<const Picture>> ObservatoryStore::Look(Time now) {
  const bool room = lookers_++ < kLookersMost;
  absl::StatusOr<std::shared_ptr<const Picture>> picture =
      common::errors::Make(common::errors::kOverloaded, "too many wait for a look");
  if (room) picture = pictures_.Get(Uuid(), now, [&] { return Read(now); });
  --lookers_;
  return picture;
}

absl::StatusOr<Picture> ObservatoryStore::Read(Time now) {
  Records records;
  RETURN_IF_ERROR(ReadTotals(records));
  RETURN_IF_ERROR(ReadStreams(now, records));
  RETURN_IF_ERROR(ReadGames(records));
  return PictureOf(std::move(records), now);
}

absl::Status ObservatoryStore::ReadTotals(Records& records) {
  ASSIGN_OR_RETURN(
      const auto rows,
      parts_.mysql.Query("SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(SUM(audience), 0) AS "
                         "UNSIGNED), (SELECT CAST(COUNT(*) AS UNSIGNED) FROM game_pool) "
                         "FROM session WHERE status = ?",
                         kLive));
  records.live_streams = rows.at(0).Get<uint64_t>(0);
  records.live_heads = rows.at(0).Get<uint64_t>(1);
  records.games_in_all = rows.at(0).Get<uint64_t>(2);
  return absl::OkStatus();
}

// The record knows which are the largest, as of their last checkpoints; Redis how they are now.
absl::Status ObservatoryStore::ReadStreams(Time now, Records& records) {
  ASSIGN_OR_RETURN(const auto rows,
                   parts_.mysql.Query("SELECT id, game_service_id, shard, audience FROM session "
                                      "WHERE status = ? ORDER BY audience DESC, id DESC LIMIT ?",
                                      kLive, kStreamsMost));
  std::vector<LiveKey> keys;
  for (const Row& row : rows) {
    keys.push_back(
        {.game = row.Get<Uuid>(1), .shard = row.Get<uint32_t>(2), .session = row.Get<Uuid>(0)});
    records.looked_for_heads += row.Get<uint64_t>(3);
  }
  records.looked_for = keys.size();
  if (keys.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto sessions, parts_.live.LoadMany(keys));
  for (const auto& session : sessions) {
    // The others are ending.
    if (session && !session->sealed) records.streams.push_back(StreamOf(hype_, *session, now));
  }
  return absl::OkStatus();
}

// Those with the largest audiences first, then those without any.
absl::Status ObservatoryStore::ReadGames(Records& records) {
  ASSIGN_OR_RETURN(
      const auto rows,
      parts_.mysql.Query(
          "SELECT p.game_service_id, p.shards, p.size, CAST(COUNT(s.id) AS UNSIGNED), "
          "CAST(COALESCE(SUM(s.audience), 0) AS UNSIGNED) AS heads FROM game_pool p LEFT JOIN "
          "session s ON s.game_service_id = p.game_service_id AND s.status = ? "
          "GROUP BY p.game_service_id, p.shards, p.size ORDER BY heads DESC, p.game_service_id "
          "LIMIT ?",
          kLive, kGamesMost));
  std::vector<Shard> shards;
  for (const Row& row : rows) {
    Game game = {.game = row.Get<Uuid>(0),
                 .shards = row.Get<uint32_t>(1),
                 .members = row.Get<uint64_t>(2),
                 .streams = row.Get<uint64_t>(3),
                 .heads = row.Get<uint64_t>(4)};
    if (shards.size() + game.shards > kShardsMost) break;
    for (uint32_t number = 0; number < game.shards; ++number) {
      shards.push_back({.game_service_id = game.game, .number = number});
      ASSIGN_OR_RETURN(const uint64_t taken, parts_.audience.CountTaken(shards.back()));
      game.taken += taken;
    }
    // Members may have been added since the size was read.
    game.taken = std::min(game.taken, game.members);
    records.games.push_back(game);
  }
  ASSIGN_OR_RETURN(records.flows, parts_.flows.Recent(shards));
  return absl::OkStatus();
}

}  // namespace streaming::observatory
