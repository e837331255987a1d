#include "services/streaming/careers/streamer_store.h"

#include <cstring>
#include <string>

#include "libs/common/base/status.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/words.h"
#include "services/streaming/privacy/tombstone_store.h"

namespace streaming::careers {
namespace {

using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;

#define TOTAL_GROWTH "growth_audience + growth_engagement + growth_diversity + growth_discovery"
#define SELECT_STREAMER                                                                         \
  "SELECT streamer_type, streamer_id, game_service_id, viewer_secret, phase, followers, "       \
  "sessions, live_seconds, hype_trains, world_firsts, content_tags, peak_tier, watch_seconds, " \
  "mean_audience, growth_audience, growth_engagement, growth_diversity, growth_discovery, "     \
  "acclaimed_sessions, follower_members FROM streamer "
#define OF_STREAMER "WHERE streamer_type = ? AND streamer_id = ? AND game_service_id = ?"

// The contract, and therefore the column, counts from 1; zero means absent there.
Phase ToPhase(int column) { return static_cast<Phase>(column - 1); }
int ToColumn(Phase phase) { return static_cast<int>(phase) + 1; }

Streamer ReadStreamer(const Row& row) {
  Streamer streamer{.key = {.type = static_cast<v1::StreamerEntityType>(row.Get<int>(0)),
                            .id = row.Get<Uuid>(1),
                            .game_service_id = row.Get<Uuid>(2)},
                    .viewer_secret = row.Get<uint64_t>(3),
                    .phase = ToPhase(row.Get<int>(4)),
                    .stats = {.followers = row.Get<uint32_t>(5),
                              .sessions = row.Get<uint32_t>(6),
                              .live_seconds = row.Get<uint64_t>(7),
                              .hype_trains = row.Get<uint32_t>(8),
                              .world_firsts = row.Get<uint32_t>(9),
                              .tags = pool::InterestMask::FromBits(row.Get<uint16_t>(10)),
                              .peak_tier = row.Get<uint8_t>(11),
                              .acclaimed_sessions = row.Get<uint32_t>(18)},
                    .watch_seconds = row.Get<uint64_t>(12),
                    .usual_audience = row.Get<double>(13),
                    .follower_members = row.Get<uint32_t>(19)};
  for (size_t domain = 0; domain < kDomains; ++domain) {
    streamer.stats.growth[domain] = row.Get<uint64_t>(14 + domain);
  }
  return streamer;
}

// Unguessable, since whoever knew it could tell which follower is which member.
uint64_t NewSecret() {
  uint64_t secret = 0;
  // The last eight bytes of a version 4 UUID: 62 random bits.
  std::memcpy(&secret, Uuid::V4().bytes().data() + 8, sizeof(secret));
  return secret;
}

}  // namespace

Uuid SeedId(const StreamerKey& key) {
  return Uuid::V5(key.game_service_id,
                  "streamer/" + std::string(events::WordOf(key.type)) + "/" + key.id.ToString());
}

absl::Status CheckLiving(common::mysql::Transaction& transaction, const StreamerKey& key) {
  using privacy::Kind;
  std::vector<privacy::Entity> entities = {{.kind = Kind::kGameService, .id = key.game_service_id}};
  if (key.type == v1::STREAMER_ENTITY_TYPE_ACCOUNT) {
    entities.push_back({.kind = Kind::kAccount, .id = key.id});
  } else if (key.type == v1::STREAMER_ENTITY_TYPE_CHARACTER) {
    entities.push_back({.kind = Kind::kCharacter, .id = key.id});
  }
  return privacy::CheckLiving(transaction, entities);
}

absl::StatusOr<Streamer> LockStreamer(common::mysql::Transaction& transaction,
                                      const StreamerKey& key, common::Time now) {
  // Looked for first: an INSERT that finds the row would take a weaker lock, and two that raise it
  // are a deadlock.
  for (bool inserted = false;; inserted = true) {
    ASSIGN_OR_RETURN(const Rows rows,
                     transaction.Query(SELECT_STREAMER OF_STREAMER " FOR UPDATE", int{key.type},
                                       key.id, key.game_service_id));
    if (!rows.empty()) return ReadStreamer(rows[0]);
    if (inserted) return absl::InternalError("the streamer's row vanished");
    RETURN_IF_ERROR(transaction
                        .Execute("INSERT IGNORE INTO streamer (streamer_type, streamer_id, "
                                 "game_service_id, viewer_secret, updated_at) "
                                 "VALUES (?, ?, ?, ?, ?)",
                                 int{key.type}, key.id, key.game_service_id, NewSecret(), now)
                        .status());
    // Sessions are erased first; while one is there it may still end and enter the career, and what
    // that leaves is erased after it.
    ASSIGN_OR_RETURN(const Rows sessions,
                     transaction.Query("SELECT 1 FROM session " OF_STREAMER " LIMIT 1",
                                       int{key.type}, key.id, key.game_service_id));
    if (sessions.empty()) RETURN_IF_ERROR(CheckLiving(transaction, key));
  }
}

absl::StatusOr<std::optional<Streamer>> FindStreamer(common::mysql::Pool& mysql,
                                                     const StreamerKey& key) {
  ASSIGN_OR_RETURN(const Rows rows, mysql.Query(SELECT_STREAMER OF_STREAMER, int{key.type}, key.id,
                                                key.game_service_id));
  if (rows.empty()) return std::nullopt;
  return ReadStreamer(rows[0]);
}

absl::StatusOr<std::vector<Streamer>> FindStreamers(common::mysql::Pool& mysql,
                                                    const StreamerQuery& query) {
  // The primary key begins with the type, so every type is named; a given one stands for all three.
  const int first = query.type.value_or(v1::STREAMER_ENTITY_TYPE_CHARACTER);
  const int second = query.type.value_or(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
  const int third = query.type.value_or(v1::STREAMER_ENTITY_TYPE_ACTOR);
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query(SELECT_STREAMER "WHERE streamer_type IN (?, ?, ?) AND streamer_id = ?"
                                  " AND (? IS NULL OR game_service_id = ?)"
                                  " ORDER BY " TOTAL_GROWTH
                                  " DESC, streamer_type, game_service_id LIMIT ?",
                  first, second, third, query.id, query.game_service_id, query.game_service_id,
                  kStreamerGamesMax));
  std::vector<Streamer> streamers;
  streamers.reserve(rows.size());
  for (const Row& row : rows) {
    streamers.push_back(ReadStreamer(row));
    if (streamers.back().key.type != streamers.front().key.type) {
      return common::errors::Make(kStreamerAmbiguous, "several types of streamers have this id");
    }
  }
  return streamers;
}

absl::Status SaveCareer(common::mysql::Transaction& transaction, const Streamer& streamer,
                        common::Time now) {
  const StreamerKey& key = streamer.key;
  const Stats& stats = streamer.stats;
  return transaction
      .Execute(
          "UPDATE streamer SET phase = ?, sessions = ?, live_seconds = ?, hype_trains = ?,"
          " world_firsts = ?, content_tags = ?, peak_tier = ?, watch_seconds = ?,"
          " mean_audience = ?, growth_audience = ?, growth_engagement = ?,"
          " growth_diversity = ?, growth_discovery = ?, acclaimed_sessions = ?,"
          " updated_at = ? " OF_STREAMER,
          ToColumn(streamer.phase), stats.sessions, stats.live_seconds, stats.hype_trains,
          stats.world_firsts, stats.tags.bits(), stats.peak_tier, streamer.watch_seconds,
          streamer.usual_audience, stats.growth[0], stats.growth[1], stats.growth[2],
          stats.growth[3], stats.acclaimed_sessions, now, int{key.type}, key.id,
          key.game_service_id)
      .status();
}

absl::Status SaveFollowers(common::mysql::Transaction& transaction, const StreamerKey& key,
                           uint32_t followers, uint32_t members, common::Time now) {
  return transaction
      .Execute(
          "UPDATE streamer SET followers = ?, follower_members = ?, updated_at = ? " OF_STREAMER,
          followers, members, now, int{key.type}, key.id, key.game_service_id)
      .status();
}

}  // namespace streaming::careers
