// Commands to other services: the stream that they leave by, and the platform that gets them.
#include <bannou/streaming/v1/commands.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/outbox/message.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/http_recorder.h"
#include "tests/e2e/game.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::SharedMariaDb;
using ::testing::HasSubstr;

common::mysql::Options OptionsOf(const Daemon& daemon) {
  return {.port = SharedMariaDb().port(),
          .user = SharedMariaDb().user(),
          .password = common::config::Secret(SharedMariaDb().password()),
          .database = daemon.database()};
}

// As a transaction of the daemon does.
void Append(const Daemon& daemon, const common::outbox::Event& command) {
  common::mysql::Pool mysql(OptionsOf(daemon));
  const absl::Status appended = common::mysql::RunTransaction(
      mysql, [&](auto& transaction) { return common::outbox::Append(transaction, command); });
  if (!appended.ok()) throw std::runtime_error("no row in the outbox");
}

TEST(CommandsStream, AnotherStreamTakesTheCommands) {
  common::testing::NatsServer nats;
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats.url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  common::nats::StreamSpec theirs = {
      .name = "PLATFORM",
      .subjects = {"seed.>", "collection.entry.*", "currency.>", "contract.milestone.complete",
                   "analytics.event.ingest"}};
  ASSERT_TRUE(jetstream->Declare({&theirs, 1}).ok());
  const std::vector<std::string> settings = {"COMMANDS_STREAM=PLATFORM", "NATS_URL=" + nats.url()};
  {
    GameSide other;
    other.daemon.Stop();
    other.daemon.Set(settings);
    const Ended ended = other.daemon.RunCommand("");
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.output,
                HasSubstr("stream PLATFORM lacks the subject leaderboard.score.submit"));
  }
  theirs.subjects.emplace_back("leaderboard.>");
  ASSERT_TRUE(jetstream->Declare({&theirs, 1}).ok());
  const GameSide side(settings);
  Append(side.daemon, common::outbox::EventOf(v1::LeaderboardScoreSubmitCommand(), Uuid::V4()));
  EXPECT_TRUE(Eventually([&] { return ValueOf(jetstream->LastSequence("PLATFORM")) == 1; }));
  EXPECT_TRUE(absl::IsNotFound(jetstream->LastSequence("COMMANDS").status()));
}

using Platform = common::testing::HttpRecorder;

common::outbox::Event Growth(const Uuid& key) {
  v1::SeedGrowthRecordCommand growth;
  growth.set_idempotency_key(key.ToString());
  growth.set_seed_id(Uuid::V4().ToString());
  growth.set_amount(0.5);
  return common::outbox::EventOf(growth, key);
}

// Settings: NEIGHBOURS_BASE_URL, NEIGHBOURS_TOKEN.
TEST(Neighbours, CommandsArePostedWithTheToken) {
  common::testing::NatsServer nats;
  Platform platform({"/platform/seed/growth/record"});
  const GameSide side({"NATS_URL=" + nats.url(),
                       "NEIGHBOURS_BASE_URL=" + platform.url() + "/platform",
                       "NEIGHBOURS_TOKEN=a-token-of-theirs"});
  const Uuid key = Uuid::V4();
  Append(side.daemon, Growth(key));
  ASSERT_TRUE(Eventually([&] { return platform.On("/platform").size() == 1; }));
  const auto received = platform.On("/platform")[0];
  EXPECT_EQ(received.headers.at("authorization"), "Bearer a-token-of-theirs");
  EXPECT_EQ(received.headers.at("idempotency-key"), key.ToString());
  EXPECT_EQ(side.daemon.Log().find("a-token-of-theirs"), std::string::npos);
}

// Setting: NEIGHBOURS_TIMEOUT_SECONDS. The daemon stays ready, and stops at once.
TEST(Neighbours, ACallThatTakesTooLongIsMadeAgain) {
  common::testing::NatsServer nats;
  Platform platform({"/seed/growth/record"});
  std::atomic<bool> silent = true;
  platform.Let("/seed", [&](const auto&) {
    Eventually([&] { return !silent; }, std::chrono::seconds(60));
    return common::http::JsonResponse(200, "{}");
  });
  GameSide side({"NATS_URL=" + nats.url(), "NEIGHBOURS_BASE_URL=" + platform.url(),
                 "NEIGHBOURS_TIMEOUT_SECONDS=1"});
  Append(side.daemon, Growth(Uuid::V4()));
  EXPECT_TRUE(Eventually([&] { return platform.On("/seed").size() == 2; }));
  EXPECT_EQ(side.daemon.Get("/readyz").status, 200);
  const auto [first, second] = std::pair(platform.On("/seed")[0], platform.On("/seed")[1]);
  EXPECT_EQ(first.headers.at("idempotency-key"), second.headers.at("idempotency-key"));
  EXPECT_EQ(first.body, second.body);
  side.daemon.Stop();
  EXPECT_EQ(side.daemon.exit_code(), 0);
  silent = false;
}

TEST(Neighbours, ACareerIsShownUnderTheIdThatTheSeedServiceGave) {
  common::testing::NatsServer nats;
  Platform platform({"/seed/create"});
  const Uuid theirs = Uuid::V4();
  platform.Let("/seed", [&](const auto&) {
    return common::http::JsonResponse(200, "{\"seedId\":\"" + theirs.ToString() + "\"}");
  });
  const GameSide side({"NATS_URL=" + nats.url(), "NEIGHBOURS_BASE_URL=" + platform.url()});
  Game game(side.daemon);
  game.Seed(100);
  const Stream stream = game.GoLive();
  game.End(stream);
  const Stack stack{.stream_grpc = side.daemon.grpc_address(),  // not called
                    .streaming_grpc = side.daemon.grpc_address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  const Stubs stubs(stack);
  v1::CareerStatusRequest request;
  request.set_streamer_id(stream.account.ToString());
  const auto seed = [&] {
    return ValueOf(stream.player.Call(stubs.careers, &v1::CareerService::Stub::GetCareerStatus,
                                      request))
        .seed_id();
  };
  v1::SeedCreateCommand create;
  const Uuid key = Uuid::V4();
  create.set_idempotency_key(key.ToString());
  create.set_seed_id(seed());
  EXPECT_NE(create.seed_id(), theirs.ToString());
  Append(side.daemon, common::outbox::EventOf(create, key));
  EXPECT_TRUE(Eventually([&] { return seed() == theirs.ToString(); }));
}

TEST(Neighbours, WhatWasPostedBeforeACrashComesAgainWithTheSameKey) {
  common::testing::NatsServer nats;
  Platform platform({"/seed/growth/record"});
  GameSide side({"NATS_URL=" + nats.url(), "NEIGHBOURS_BASE_URL=" + platform.url(),
                 "NEIGHBOURS_TIMEOUT_SECONDS=1"});
  std::atomic<bool> posted = false;
  std::atomic<bool> killed = false;
  platform.Let("/seed", [&](const auto&) {
    // The platform has it; the daemon never hears so.
    if (!posted.exchange(true)) {
      side.daemon.Kill();
      killed = true;
    }
    return common::http::JsonResponse(200, "{}");
  });
  const Uuid key = Uuid::V4();
  const Uuid next = Uuid::V4();
  Append(side.daemon, Growth(key));
  ASSERT_TRUE(Eventually([&] { return killed.load(); }));
  side.daemon.Start();
  Append(side.daemon, Growth(next));
  ASSERT_TRUE(
      Eventually([&] { return platform.On("/seed").size() == 3; }, std::chrono::seconds(30)));
  const auto received = platform.On("/seed");
  EXPECT_EQ(received[0].headers.at("idempotency-key"), key.ToString());
  EXPECT_EQ(received[1].headers.at("idempotency-key"), key.ToString());
  EXPECT_EQ(received[2].headers.at("idempotency-key"), next.ToString());
}

}  // namespace
}  // namespace story
