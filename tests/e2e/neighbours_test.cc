// Commands to other services: the stream that they leave by.
#include <bannou/streaming/v1/commands.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/outbox/outbox.h"
#include "libs/common/testing/eventually.h"
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

}  // namespace
}  // namespace story
