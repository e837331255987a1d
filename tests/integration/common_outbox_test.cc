#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embedded/common/outbox/schema.h"
#include "libs/common/base/status.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/outbox/outbox.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/samples.h"
#include "libs/common/testing/servers.h"

namespace common::outbox {
namespace {

using std::chrono::milliseconds;
using testing::Eventually;
using testing::SampleOf;

mysql::Options OptionsFor(testing::MariaDbServer& server) {
  mysql::Options options;
  options.port = server.port();
  options.user = server.user();
  options.password = config::Secret(server.password());
  options.database = server.CreateDatabase();
  return options;
}

RelayOptions Quick() {
  return {.batch = 10,
          .poll_interval = milliseconds(20),
          .backoff_min = milliseconds(10),
          .backoff_max = milliseconds(50)};
}

// One NATS for each test, since some stop it; MariaDB is shared unless a test brings its own.
class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Use(testing::SharedMariaDb());
    nats::Options options;
    options.url = server_.url();
    options.reconnect_wait = milliseconds(20);
    options.request_timeout = milliseconds(500);
    connection_ = *nats::Connection::Connect(options);
    jetstream_ = *nats::JetStream::Make(*connection_);
    const nats::StreamSpec stream{.name = "NEWS", .subjects = {"news.>"}};
    ASSERT_TRUE(jetstream_->Declare({&stream, 1}).ok());
  }

  void Use(testing::MariaDbServer& database) {
    pool_ = std::make_unique<mysql::Pool>(OptionsFor(database));
    ASSERT_TRUE(pool_->Execute(schema::Files()[0].content).ok());
  }

  absl::Status Add(const std::string& payload, const absl::Status& outcome = absl::OkStatus()) {
    const Event event{.event_id = Uuid::V4(),
                      .subject = "news.a",
                      .message_type = "test.v1.News",
                      .traceparent = "",
                      .payload = payload};
    return mysql::RunTransaction(*pool_, [&](mysql::Transaction& transaction) -> absl::Status {
      RETURN_IF_ERROR(Append(transaction, event));
      return outcome;
    });
  }

  // Appends the numbers [from, to).
  void AddNumbers(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(Add(std::to_string(i)).ok());
  }

  int64_t Waiting() {
    const auto rows = pool_->Query("SELECT COUNT(*) FROM outbox");
    return rows.ok() ? rows->at(0).Get<int64_t>(0) : -1;
  }

  // Every message of the stream, in its order.
  std::vector<nats::Message> Published() {
    consumer_ = *nats::PullConsumer::Open(*jetstream_, {.stream = "NEWS", .durable = "reader"});
    std::vector<nats::Message> all;
    for (;;) {
      auto some = consumer_->Fetch(100, milliseconds(200));
      if (!some.ok() || some->empty()) return all;
      for (nats::Message& message : *some) all.push_back(std::move(message));
    }
  }

  // That the stream holds 0, 1, … count - 1, each once and in order.
  void ExpectNumbers(int count) {
    std::vector<std::string> expected;
    for (int i = 0; i < count; ++i) expected.push_back(std::to_string(i));
    std::vector<std::string> payloads;
    for (const nats::Message& message : Published()) payloads.emplace_back(message.payload());
    EXPECT_EQ(payloads, expected);
  }

  double Sample(const std::string& series) { return SampleOf(metrics_.Text(), series); }

  testing::NatsServer server_;
  metrics::Registry metrics_;
  std::unique_ptr<mysql::Pool> pool_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::JetStream> jetstream_;
  std::unique_ptr<nats::PullConsumer> consumer_;
};

TEST_F(OutboxTest, WhatIsCommittedIsPublishedWithItsHeadersAndDeleted) {
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  const Event event{.event_id = Uuid::V4(),
                    .subject = "news.b",
                    .message_type = "test.v1.News",
                    .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    .payload = std::string("\0\xff", 2)};
  ASSERT_TRUE(mysql::RunTransaction(*pool_, [&](mysql::Transaction& transaction) {
                return Append(transaction, event);
              }).ok());
  EXPECT_EQ(Add("rolled back", absl::AbortedError("no")), absl::AbortedError("no"));
  ASSERT_TRUE(Add("next").ok());
  EXPECT_TRUE(Eventually([&] { return Waiting() == 0; }));
  const std::vector<nats::Message> messages = Published();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].subject(), event.subject);
  EXPECT_EQ(messages[0].payload(), event.payload);
  EXPECT_EQ(messages[0].Header("Nats-Msg-Id"), event.event_id.ToString());
  EXPECT_EQ(messages[0].Header("Content-Type"), "application/protobuf");
  EXPECT_EQ(messages[0].Header("Bannou-Message-Type"), event.message_type);
  EXPECT_EQ(messages[0].Header("traceparent"), event.traceparent);
  EXPECT_EQ(messages[1].payload(), "next");
  EXPECT_EQ(messages[1].Header("traceparent"), std::nullopt);
}

TEST_F(OutboxTest, WhatIsTooLargeIsRefusedBeforeItBlocksTheRest) {
  EXPECT_TRUE(absl::IsInvalidArgument(Add(std::string(kMaxPayloadBytes + 1, 'x'))));
  EXPECT_TRUE(Add(std::string(kMaxPayloadBytes, 'x')).ok());
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  EXPECT_TRUE(Eventually([&] { return Waiting() == 0; }));
  EXPECT_EQ(Published().size(), 1u);
}

TEST_F(OutboxTest, NotifyWakesARelayThatWouldSleepLong) {
  RelayOptions options = Quick();
  options.poll_interval = std::chrono::hours(1);
  Relay relay(*pool_, metrics_, options);
  relay.Start(*jetstream_);
  ASSERT_TRUE(Eventually([&] { return relay.stats().leading; }));
  ASSERT_TRUE(Add("0").ok());
  relay.Notify();
  EXPECT_TRUE(Eventually([&] { return Waiting() == 0; }));
}

TEST_F(OutboxTest, NothingIsLostDoubledOrReorderedWhenNatsDiesInTheMiddle) {
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  AddNumbers(0, 50);
  server_.Kill();
  AddNumbers(50, 100);
  ASSERT_TRUE(Eventually([&] { return relay.stats().backlog > 0; }));
  // The oldest waits ever longer, and each try counts as a failure.
  double lag = 0;
  EXPECT_TRUE(Eventually([&] { return (lag = Sample("outbox_lag_seconds")) > 0; }));
  EXPECT_TRUE(Eventually([&] { return Sample("outbox_lag_seconds") > lag; }));
  EXPECT_GT(Sample("worker_failures_total{worker=\"outbox_relay\"}"), 0);
  server_.Start();
  AddNumbers(100, 150);
  ASSERT_TRUE(Eventually([&] { return Waiting() == 0; }));
  EXPECT_TRUE(Eventually([&] { return Sample("outbox_backlog_events") == 0; }));
  EXPECT_EQ(Sample("outbox_lag_seconds"), 0);
  EXPECT_EQ(Sample("outbox_leading"), 1);
  EXPECT_EQ(Sample("outbox_published_total"), 150);
  ExpectNumbers(150);
}

TEST_F(OutboxTest, TwoRelaysPublishOnceAndTheSecondTakesOver) {
  metrics::Registry other_metrics;
  Relay first(*pool_, metrics_, Quick());
  Relay second(*pool_, other_metrics, Quick());
  first.Start(*jetstream_);
  ASSERT_TRUE(Eventually([&] { return first.stats().leading; }));
  second.Start(*jetstream_);
  AddNumbers(0, 40);
  ASSERT_TRUE(Eventually([&] { return Waiting() == 0; }));
  EXPECT_EQ(first.stats().published, 40u);
  EXPECT_EQ(second.stats().published, 0u);
  EXPECT_EQ(SampleOf(other_metrics.Text(), "outbox_leading"), 0);
  first.Stop();
  EXPECT_EQ(Sample("outbox_leading"), 0);
  AddNumbers(40, 80);
  ASSERT_TRUE(Eventually([&] { return Waiting() == 0; }));
  EXPECT_EQ(second.stats().published, 40u);
  ExpectNumbers(80);
}

// The worst moment to crash: everything is published and nothing is deleted yet.
TEST_F(OutboxTest, WhatWasPublishedBeforeACrashIsRecognised) {
  AddNumbers(0, 5);
  const auto rows = pool_->Query("SELECT event_id, payload FROM outbox ORDER BY id");
  for (const mysql::Row& row : *rows) {
    ASSERT_TRUE(
        jetstream_->Publish("news.a", row.Get<std::string>(1), {}, row.Get<Uuid>(0).ToString())
            .ok());
  }
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  ASSERT_TRUE(Eventually([&] { return Waiting() == 0; }));
  ExpectNumbers(5);
}

TEST_F(OutboxTest, ASmallerIdThatCommitsLaterIsPublishedToo) {
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  ASSERT_TRUE(mysql::RunTransaction(*pool_, [&](mysql::Transaction& slow) -> absl::Status {
                RETURN_IF_ERROR(Append(slow, {.event_id = Uuid::V4(),
                                              .subject = "news.a",
                                              .message_type = "test.v1.News",
                                              .traceparent = "",
                                              .payload = "slow"}));
                RETURN_IF_ERROR(Add("fast"));
                EXPECT_TRUE(Eventually([&] { return relay.stats().published == 1; }));
                return absl::OkStatus();
              }).ok());
  EXPECT_TRUE(Eventually([&] { return relay.stats().published == 2 && Waiting() == 0; }));
}

TEST_F(OutboxTest, TheRelayLeadsAgainAfterTheDatabaseCameBack) {
  testing::MariaDbServer database;
  Use(database);
  Relay relay(*pool_, metrics_, Quick());
  relay.Start(*jetstream_);
  AddNumbers(0, 20);
  database.Kill();
  ASSERT_TRUE(Eventually([&] { return !relay.stats().leading; }));
  database.Start();
  ASSERT_TRUE(Eventually([&] { return Waiting() >= 0; }));
  AddNumbers(20, 40);
  ASSERT_TRUE(Eventually([&] { return Waiting() == 0; }));
  ExpectNumbers(40);
}

}  // namespace
}  // namespace common::outbox
