// An instance of an older version that starts, or comes back, among newer ones: on the schema that
// they have made, with streams that they have widened. docs/operations.md says what may run beside
// what.
#include <string>

#include <gtest/gtest.h>

#include "libs/common/nats/jetstream.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {
namespace {

class Upgrade : public testing::Test {
 protected:
  // As a program does that has one more migration. `suits`: since which version programs work on
  // the schema, by how many from the one that this build knows; absent = it says nothing.
  void MigrateOn(const std::string& suits) {
    ValueOf(database_->Execute("DELETE FROM schema_history WHERE name = 'V999__newer.sql'"));
    ValueOf(database_->Execute(
        "INSERT INTO schema_history (version, name, checksum, suits) SELECT MAX(version) + 1,"
        " 'V999__newer.sql', '', " +
        suits + " FROM schema_history"));
  }

  common::testing::NatsServer nats_;
  Daemon daemon_{"streaming",
                 "STREAMING",
                 {},
                 Servers{nats_, common::testing::SharedRedis(), common::testing::SharedMariaDb()}};
  const std::unique_ptr<common::mysql::Connection> database_ = OpenDatabase(daemon_.database());
};

TEST_F(Upgrade, AnOlderInstanceStartsOnANewerSchemaThatSuitsIt) {
  MigrateOn("MAX(version)");
  daemon_.Kill();
  daemon_.Start();  // which waits until it is ready
  EXPECT_NE(daemon_.Log().find(R"("event":"schema.newer")"), std::string::npos);
}

TEST_F(Upgrade, AnOlderInstanceDoesNotServeOnASchemaThatDoesNotSuitIt) {
  daemon_.Kill();
  daemon_.Set({"ADMIN_ADDR=" + Local(0)});
  for (const char* suits : {"MAX(version) + 1", "NULL"}) {
    MigrateOn(suits);
    const Ended ended = daemon_.RunCommand("");
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("schema is of a newer program"), std::string::npos) << ended.output;
  }
}

TEST_F(Upgrade, AnOlderInstanceLeavesWhatNewerOnesAddedToTheStreams) {
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  const common::nats::StreamSpec wider{.name = "COMMANDS",
                                       .subjects = {"seed.create", "seed.rename"},
                                       .max_age = std::chrono::hours(24 * 30),
                                       .duplicate_window = std::chrono::hours(1),
                                       .max_messages = 3'000'000};
  ASSERT_TRUE(jetstream->Declare({&wider, 1}).ok());
  daemon_.Kill();
  daemon_.Start();
  for (const char* subject : {"seed.create", "seed.rename", "currency.debit"}) {
    EXPECT_TRUE(jetstream->Publish(subject, "x", {}, "").ok()) << subject;
  }
}

}  // namespace
}  // namespace story
