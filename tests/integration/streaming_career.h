// Follows and careers on a real database: what the tests of both begin with.
#pragma once
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <bannou/streaming/v1/events.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/rpc/token.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/careers/career_rpc.h"
#include "services/streaming/careers/career_worker.h"
#include "services/streaming/errors.h"
#include "services/streaming/follows/follow_rpc.h"

namespace streaming {

using careers::StreamerKey;
using common::Time;
using common::Uuid;
using common::mysql::Transaction;
using follows::Attendee;
using follows::Outcome;
namespace v1 = bannou::streaming::v1;

inline constexpr auto kCharacter = v1::STREAMER_ENTITY_TYPE_CHARACTER;
inline constexpr auto kActor = v1::STREAMER_ENTITY_TYPE_ACTOR;
inline const Time kStart = *common::ParseTime("2026-01-02T03:04:05.678901Z");

inline common::mysql::Options OptionsFor(common::testing::MariaDbServer& server) {
  common::mysql::Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = common::config::Secret(server.password());
  options.database = server.CreateDatabase();
  return options;
}

inline std::string BoardsLibrary() {
  std::ifstream file("services/streaming/redis/boards.lua");
  return {std::istreambuf_iterator<char>(file), {}};
}

// `count` members from `first`, all of one interest.
inline std::vector<Attendee> Crowd(uint32_t first, uint32_t count, double interest = 0.9) {
  std::vector<Attendee> crowd(count);
  for (uint32_t i = 0; i < count; ++i) {
    crowd[i] = {.member = first + i, .mean_interest = interest};
  }
  return crowd;
}

class StreamingCareerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
  }

  // As a session's end does it: one transaction, the follows in it.
  Outcome Record(const StreamerKey& streamer, uint32_t ordinal,
                 const std::vector<Attendee>& attendees) {
    return Record(streamer, ordinal, attendees, pool_);
  }
  Outcome Record(const StreamerKey& streamer, uint32_t ordinal,
                 const std::vector<Attendee>& attendees, const pool::Pool& pool) {
    Outcome outcome;
    const absl::Status status =
        common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
          ASSIGN_OR_RETURN(outcome, follows_.RecordSession(
                                        transaction, {.streamer = streamer,
                                                      .session_id = Uuid::V4(),
                                                      .ordinal = ordinal,
                                                      .now = kStart + std::chrono::hours(ordinal),
                                                      .attendees = attendees,
                                                      .pool = pool}));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return outcome;
  }

  struct EndedRow {
    uint32_t ordinal = 0;
    double live_seconds = 3600;
    double viewer_seconds = 0;
    double engagement = 0;
    uint32_t peak_audience = 0;
    uint32_t world_firsts = 0;
    uint32_t new_followers = 0;
    uint32_t lost_followers = 0;
    std::optional<uint32_t> followers_after = std::nullopt;
    uint32_t hype_trains = 0;
    uint8_t peak_hype_level = 0;
    careers::Gathering gathering = {};
    bool was_live = true;
    std::optional<Time> ended_at = std::nullopt;
  };

  Uuid InsertEndedSession(const StreamerKey& streamer, const EndedRow& session) {
    const Uuid id = Uuid::V4();
    std::optional<Time> started;
    if (session.was_live) started = kStart;
    const auto inserted = mysql_.Execute(
        "INSERT INTO session (id, game_service_id, shard, streamer_type, streamer_id, status,"
        " content_tags, created_at, started_at, ended_at, ordinal, live_seconds, viewer_seconds,"
        " interest_seconds, peak_audience, new_followers, lost_followers, followers_after,"
        " world_firsts, hype_trains, peak_hype_level, attended_heads, regular_heads,"
        " taste_evenness) VALUES (?, ?, 0, ?, ?, ?, 3, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?)",
        id, streamer.game_service_id, int{streamer.type}, streamer.id,
        int{v1::STREAM_SESSION_STATUS_ENDED}, kStart, started, session.ended_at, session.ordinal,
        session.live_seconds, session.viewer_seconds, session.engagement * session.viewer_seconds,
        session.peak_audience, session.new_followers, session.lost_followers,
        session.followers_after, session.world_firsts, session.hype_trains, session.peak_hype_level,
        session.gathering.heads, session.gathering.regulars, session.gathering.evenness);
    EXPECT_TRUE(inserted.ok()) << inserted.status();
    return id;
  }

  // A moment of a session's summary; a world first unless said otherwise.
  void InsertMoment(const Uuid& session, uint32_t ordinal,
                    const std::optional<std::string>& description,
                    v1::StreamMomentType type = v1::STREAM_MOMENT_TYPE_WORLD_FIRST) {
    const auto inserted = mysql_.Execute(
        "INSERT INTO session_moment (session_id, ordinal, at, moment_type, description, reaction)"
        " VALUES (?, ?, ?, ?, ?, 0.5)",
        session, ordinal, kStart, int{type}, description);
    EXPECT_TRUE(inserted.ok()) << inserted.status();
  }

  void InsertTrain(const Uuid& session, uint8_t peak_level, bool completed = true) {
    const auto inserted = mysql_.Execute(
        "INSERT INTO hype_train (id, session_id, trigger_event, peak_level, started_at,"
        " completed_at) VALUES (?, ?, 'Combat', ?, ?, ?)",
        Uuid::V4(), session, peak_level, kStart, completed ? std::optional(kStart) : std::nullopt);
    EXPECT_TRUE(inserted.ok()) << inserted.status();
  }

  careers::Streamer Find(const StreamerKey& streamer) {
    const auto found = careers::FindStreamer(mysql_, streamer);
    EXPECT_TRUE(found.ok() && found->has_value());
    return **found;
  }

  template <class Message>
  std::vector<Message> Events() {
    const auto rows = mysql_.Query("SELECT payload FROM outbox WHERE message_type = ? ORDER BY id",
                                   Message::descriptor()->full_name());
    std::vector<Message> events;
    for (const common::mysql::Row& row : *rows) {
      EXPECT_TRUE(events.emplace_back().ParseFromString(row.Get<std::string>(0)));
    }
    return events;
  }

  v1::ListFollowersResponse ListFollowers(const v1::ListFollowersRequest& request,
                                          bool admin = false) {
    common::rpc::CallContext call{.identity = {.user = true, .admin = admin}};
    v1::ListFollowersResponse response;
    const absl::Status status = follow_rpc_.ListFollowers(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  absl::StatusOr<v1::StreamerCareerStatus> GetCareer(const v1::CareerStatusRequest& request) {
    common::rpc::CallContext call{.identity = {.user = true}};
    v1::StreamerCareerStatus response;
    RETURN_IF_ERROR(career_rpc_.GetCareerStatus(call, request, response));
    return response;
  }

  absl::StatusOr<v1::ListUnlocksResponse> ListUnlocks(const v1::ListUnlocksRequest& request) {
    common::rpc::CallContext call{.identity = {.user = true}};
    v1::ListUnlocksResponse response;
    RETURN_IF_ERROR(career_rpc_.ListUnlocks(call, request, response));
    return response;
  }

  // Individuals only, enough for the crowds of the tests.
  const pool::Pool pool_{{.seed = 1, .size = 200'000}};
  common::mysql::Pool mysql_{OptionsFor(common::testing::SharedMariaDb())};
  follows::FollowStore follows_{mysql_, follows::Settings{}};
  careers::CareerStore careers_{mysql_};
  pool::PoolStore pools_{mysql_};
  common::metrics::Registry metrics_;
  common::executor::Executor executor_{1, 1};
  common::rpc::TokenVerifier verifier_{{}};
  common::rpc::Edge edge_{{.domain = "streaming"}, verifier_, executor_, metrics_};
  follows::FollowRpc follow_rpc_{edge_, mysql_, follows_, pools_};
  common::redis::Redis redis_{{.host = common::testing::SharedRedis().host(),
                               .port = common::testing::SharedRedis().port()}};
  common::redis::Functions boards_library_{redis_, BoardsLibrary()};
  careers::LeaderboardStore boards_{mysql_, redis_, boards_library_};
  careers::CareerRpc career_rpc_{edge_, mysql_, boards_};
  const StreamerKey streamer_{.type = kCharacter, .id = Uuid::V4(), .game_service_id = Uuid::V4()};
};

}  // namespace streaming
