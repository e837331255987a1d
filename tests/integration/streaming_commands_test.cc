// The stream that commands to neighbours travel in.
#include <set>

#include <bannou/common/v1/options.pb.h>
#include <bannou/streaming/v1/commands.pb.h>
#include <gtest/gtest.h>

#include "libs/common/nats/contract.h"
#include "libs/common/testing/servers.h"

namespace streaming {
namespace {

using bannou::streaming::v1::SeedCreateCommand;

TEST(Commands, TheStreamTakesEachOfTheNineSubjectsAndNoOther) {
  const auto& file = *SeedCreateCommand::descriptor()->file();
  const auto streams = common::nats::StreamsOf(file);
  ASSERT_EQ(streams.size(), 1);
  common::testing::NatsServer server;
  const auto connection = common::nats::Connection::Connect({.url = server.url()});
  ASSERT_TRUE(connection.ok());
  const auto jetstream = common::nats::JetStream::Make(**connection);
  ASSERT_TRUE(jetstream.ok());
  ASSERT_TRUE((*jetstream)->Declare(streams).ok());

  std::set<std::string> subjects;
  for (int i = 0; i < file.message_type_count(); ++i) {
    const auto& info = file.message_type(i)->options().GetExtension(bannou::common::v1::event);
    EXPECT_EQ(info.jetstream(), "COMMANDS");
    subjects.insert(info.subject());
  }
  EXPECT_EQ(subjects.size(), 9);
  EXPECT_EQ(subjects, std::set(streams[0].subjects.begin(), streams[0].subjects.end()));
  uint64_t sequence = 0;
  for (const std::string& subject : subjects) {
    const auto stored = (*jetstream)->Publish(subject, "x", {}, subject);
    ASSERT_TRUE(stored.ok()) << subject;
    EXPECT_EQ(stored->sequence, ++sequence);
  }
  EXPECT_FALSE((*jetstream)->Publish("seed.deleted", "x", {}, "").ok());
}

// The relay would stand still, and with it the events of sessions.
TEST(Commands, AStreamThatNobodyReadsForgetsWhatIsOldest) {
  auto streams = common::nats::StreamsOf(*SeedCreateCommand::descriptor()->file());
  ASSERT_EQ(streams.size(), 1);
  EXPECT_GT(streams[0].max_messages, 0);
  EXPECT_GT(streams[0].max_bytes, 0);
  common::testing::NatsServer server;
  const auto connection = common::nats::Connection::Connect({.url = server.url()});
  ASSERT_TRUE(connection.ok());
  const auto jetstream = common::nats::JetStream::Make(**connection);
  ASSERT_TRUE(jetstream.ok());
  const auto publish = [&](const std::string& id) {
    return (*jetstream)->Publish("seed.create", std::string(1000, 'x'), {}, id).ok();
  };
  // The same with other bounds, one at a time.
  streams[0].max_messages = 3;
  ASSERT_TRUE((*jetstream)->Declare(streams).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(publish("by number " + std::to_string(i)));
  streams[0].max_messages = -1;
  streams[0].max_bytes = 3000;
  ASSERT_TRUE((*jetstream)->Declare(streams).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(publish("by bytes " + std::to_string(i)));
}

}  // namespace
}  // namespace streaming
