// Sessions and their audiences on real servers: what the tests of the game side begin with.
#pragma once
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/rpc/token.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/round_worker.h"
#include "services/streaming/errors.h"
#include "services/streaming/pool/pool_rpc.h"
#include "services/streaming/sessions/life_store.h"
#include "services/streaming/sessions/raid_store.h"
#include "services/streaming/sessions/session_rpc.h"
#include "services/streaming/sessions/session_worker.h"

namespace streaming {

namespace v1 = bannou::streaming::v1;
using audience::Change;
using audience::LiveKey;
using audience::LiveSession;
using audience::Shard;
using common::Time;
using common::Uuid;
using common::testing::Eventually;
using sessions::EndReason;
using sessions::Session;
using sessions::Status;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr uint32_t kPoolSize = 4000;

inline common::mysql::Options MysqlOptions(common::testing::MariaDbServer& server) {
  return {.host = server.host(),
          .port = server.port(),
          .user = server.user(),
          .password = common::config::Secret(server.password()),
          .database = server.CreateDatabase()};
}

inline common::redis::Options RedisOptions(common::testing::RedisServer& server) {
  return {.host = server.host(), .port = server.port()};
}

inline std::string Library(const std::string& name) {
  std::ifstream file("services/streaming/redis/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LiveSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    const auto seeded = pools_.Seed(game_, kPoolSize, {}, std::nullopt, now_);
    ASSERT_TRUE(seeded.ok()) << seeded.status();
  }

  common::rpc::CallContext Call(const Uuid& account) {
    return {.identity = {.account = account, .user = true}, .now = now_};
  }

  v1::CreateStreamSessionRequest Wish() {
    v1::CreateStreamSessionRequest request;
    request.set_game_service_id(game_.ToString());
    request.set_streamer_id(account_.ToString());
    request.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
    request.add_content_tags(v1::AUDIENCE_INTEREST_COMBAT);
    return request;
  }

  absl::StatusOr<v1::StreamSessionDetail> Create(const v1::CreateStreamSessionRequest& request) {
    auto call = Call(account_);
    v1::StreamSessionDetail response;
    RETURN_IF_ERROR(session_rpc_.CreateStreamSession(call, request, response));
    return response;
  }
  absl::StatusOr<v1::StreamSessionDetail> Start(const std::string& id) {
    auto call = Call(account_);
    v1::StreamSessionDetail response;
    v1::StartStreamSessionRequest request;
    request.set_session_id(id);
    RETURN_IF_ERROR(session_rpc_.StartStreamSession(call, request, response));
    return response;
  }
  absl::StatusOr<v1::StreamSessionSummary> End(const std::string& id) {
    auto call = Call(account_);
    v1::StreamSessionSummary response;
    v1::EndStreamSessionRequest request;
    request.set_session_id(id);
    RETURN_IF_ERROR(session_rpc_.EndStreamSession(call, request, response));
    return response;
  }
  v1::StreamSessionDetail StatusOf(const std::string& id) {
    auto call = Call(account_);
    v1::StreamSessionDetail response;
    v1::StreamSessionStatusRequest request;
    request.set_session_id(id);
    const absl::Status status = session_rpc_.GetStreamSessionStatus(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  // A live session of a new account, with its first audience.
  Session GoLive() {
    account_ = Uuid::V4();
    const auto created = Create(Wish());
    EXPECT_TRUE(created.ok()) << created.status();
    const auto started = Start(created->session_id());
    EXPECT_TRUE(started.ok()) << started.status();
    return *sessions_.Get(*Uuid::Parse(created->session_id()));
  }

  // Somebody comes: as many as are asked for, of all kinds that there are.
  audience::LiveStore::Rule Bring(uint32_t heads) {
    return [heads](const LiveSession& session) -> absl::StatusOr<Change> {
      Change change(session);
      for (uint32_t i = 0; i < heads; ++i) {
        ++change.wanted_heads[session.pool->ArchetypeOfRun(i % session.pool->runs())];
      }
      change.answer = "brought";
      return change;
    };
  }

  // The law: the bits that are set are the members of all sessions.
  void ExpectConservation() {
    uint32_t members = 0;
    const auto ids = live_.List(shard_);
    ASSERT_TRUE(ids.ok());
    for (const Uuid& id : *ids) {
      const auto session = live_.Load({.game = game_, .session = id});
      ASSERT_TRUE(session.ok()) << session.status();
      for (const audience::Party& party : session->parties) {
        members += audience::CountOf(party.members);
      }
    }
    auto call = Call(account_);
    v1::AudiencePoolStatusRequest request;
    request.set_game_service_id(game_.ToString());
    v1::AudiencePoolStatus status;
    ASSERT_TRUE(pool_rpc_.GetAudiencePoolStatus(call, request, status).ok());
    EXPECT_EQ(status.checked_out_members(), static_cast<int>(members));
    EXPECT_EQ(status.available_members() + status.checked_out_members(),
              static_cast<int>(kPoolSize));
  }

  int CountEvents(const std::string& type) {
    const auto rows = mysql_.Query("SELECT COUNT(*) FROM outbox WHERE message_type = ?",
                                   "bannou.streaming.v1." + type);
    return (*rows)[0].Get<int>(0);
  }

  Time now_ = *common::ParseTime("2026-01-02T03:04:05Z");
  const common::Clock clock_ = [this] { return now_; };
  const Uuid game_ = Uuid::V4();
  const Shard shard_{.game_service_id = game_};
  Uuid account_ = Uuid::V4();
  common::mysql::Pool mysql_{MysqlOptions(common::testing::SharedMariaDb())};
  common::redis::Redis redis_{RedisOptions(common::testing::SharedRedis())};
  common::redis::Functions audience_library_{redis_, Library("audience.lua")};
  common::redis::Functions rounds_library_{redis_, Library("rounds.lua")};
  common::metrics::Registry metrics_;
  common::executor::Executor executor_{1, 1};
  common::rpc::TokenVerifier verifier_{{}};
  common::rpc::Edge edge_{{.domain = "streaming"}, verifier_, executor_, metrics_};
  pool::PoolStore pools_{mysql_};
  audience::AudienceStore audience_{redis_, audience_library_};
  audience::NewsQueue news_{metrics_};
  audience::LiveStore live_{audience_, pools_, news_, metrics_, {.max_heads = 300}};
  audience::RoundSettings settings_;
  audience::RoundStore rounds_{redis_, rounds_library_, audience_, live_, pools_, settings_};
  sessions::SessionStore sessions_{mysql_};
  follows::FollowStore follows_{mysql_, {}};
  sessions::SessionLife life_{{mysql_, sessions_, pools_, live_, rounds_, news_, follows_},
                              settings_};
  std::vector<audience::Flow> raids_told_;
  sessions::SessionRaid raid_{
      mysql_,
      live_,
      metrics_,
      {.round = settings_,
       .moved = [this](const auto&, const audience::Flow& raid) { raids_told_.push_back(raid); }}};
  events::Watchers watchers_{metrics_, {}};
  sessions::SessionRpc session_rpc_{
      edge_, {mysql_, sessions_, life_, raid_, live_, pools_, watchers_, settings_.weights}};
  pool::PoolRpc pool_rpc_{edge_, pools_, audience_, {.default_size = kPoolSize, .defaults = {}}};
  sessions::SessionWorker worker_{{sessions_, life_, live_, pools_}, metrics_, clock_, {}};
};

}  // namespace streaming
