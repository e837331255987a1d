#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/status.h"
#include "libs/common/nats/consumer_loop.h"
#include "libs/common/nats/handles.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/samples.h"
#include "libs/common/testing/servers.h"
#include "libs/common/trace/trace.h"

namespace common::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Eventually;
using testing::NatsServer;
using testing::SampleOf;

constexpr auto kWait = milliseconds(200);

Options OptionsFor(const NatsServer& server) {
  Options options;
  options.url = server.url();
  options.name = "test";
  options.reconnect_wait = milliseconds(50);
  options.request_timeout = milliseconds(2000);
  return options;
}

class NatsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto connection = Connection::Connect(OptionsFor(server_));
    ASSERT_TRUE(connection.ok()) << connection.status();
    connection_ = *std::move(connection);
    jetstream_ = *JetStream::Make(*connection_);
    ASSERT_TRUE(Declare(stream_).ok());
  }

  absl::Status Declare(const StreamSpec& stream) { return jetstream_->Declare({&stream, 1}); }

  absl::StatusOr<PublishAck> Publish(const std::string& payload, const std::string& id = "") {
    return jetstream_->Publish("test.a", payload, {{"Kind", "x"}}, id);
  }

  std::unique_ptr<PullConsumer> Open(ConsumerSpec spec = {.stream = "TEST", .durable = "reader"}) {
    auto consumer = PullConsumer::Open(*jetstream_, std::move(spec));
    EXPECT_TRUE(consumer.ok()) << consumer.status();
    return *std::move(consumer);
  }

  // Everything that comes within a short wait, acknowledged.
  std::vector<std::string> Drain(PullConsumer& consumer) {
    std::vector<std::string> payloads;
    for (;;) {
      auto messages = consumer.Fetch(10, kWait);
      EXPECT_TRUE(messages.ok()) << messages.status();
      if (!messages.ok() || messages->empty()) return payloads;
      for (Message& message : *messages) {
        payloads.emplace_back(message.payload());
        EXPECT_TRUE(message.AckSync().ok());
      }
    }
  }

  void Restart() {
    server_.Kill();
    EXPECT_TRUE(Eventually([&] { return !connection_->connected(); }));
    EXPECT_TRUE(absl::IsUnavailable(Publish("into the void").status()));
    server_.Start();
    EXPECT_TRUE(Eventually([&] { return connection_->connected(); }));
  }

  NatsServer server_;
  const StreamSpec stream_{.name = "TEST", .subjects = {"test.>"}};
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<JetStream> jetstream_;
};

TEST_F(NatsTest, DeliversBytesHeadersAndOrder) {
  const std::string bytes("\0\xff\r\n", 4);
  EXPECT_EQ(Publish("one")->sequence, 1u);
  EXPECT_EQ(Publish(bytes)->sequence, 2u);
  const auto consumer = Open();
  auto messages = consumer->Fetch(10, kWait);
  ASSERT_TRUE(messages.ok());
  ASSERT_EQ(messages->size(), 2u);
  EXPECT_EQ((*messages)[0].payload(), "one");
  EXPECT_EQ((*messages)[1].payload(), bytes);
  EXPECT_EQ((*messages)[1].subject(), "test.a");
  EXPECT_EQ((*messages)[1].Header("Kind"), "x");
  EXPECT_EQ((*messages)[1].Header("kind"), std::nullopt);
  EXPECT_EQ((*messages)[1].sequence(), 2u);
  EXPECT_EQ((*messages)[1].delivered(), 1u);
}

TEST_F(NatsTest, AnIdIsStoredOnce) {
  EXPECT_FALSE(Publish("a", "id-1")->duplicate);
  EXPECT_TRUE(Publish("a", "id-1")->duplicate);
  EXPECT_FALSE(Publish("b", "id-2")->duplicate);
  EXPECT_THAT(Drain(*Open()), ::testing::ElementsAre("a", "b"));
}

TEST_F(NatsTest, NakBringsItAgainAndTermDoesNot) {
  ASSERT_TRUE(Publish("again").ok());
  const auto consumer = Open();
  auto first = consumer->Fetch(1, kWait);
  ASSERT_EQ(first->size(), 1u);
  ASSERT_TRUE(first->front().Nak(milliseconds(50)).ok());
  auto second = consumer->Fetch(1, seconds(5));
  ASSERT_EQ(second->size(), 1u);
  EXPECT_EQ(second->front().delivered(), 2u);
  EXPECT_EQ(second->front().sequence(), 1u);
  ASSERT_TRUE(second->front().Term().ok());
  EXPECT_TRUE(consumer->Fetch(1, kWait)->empty());
}

TEST_F(NatsTest, WhatIsNotAcknowledgedComesAgainUpToTheBound) {
  ASSERT_TRUE(Publish("x").ok());
  const auto consumer = Open(
      {.stream = "TEST", .durable = "reader", .ack_wait = milliseconds(100), .max_deliver = 2});
  EXPECT_EQ(consumer->Fetch(1, seconds(5))->size(), 1u);
  EXPECT_EQ(consumer->Fetch(1, seconds(5))->size(), 1u);
  EXPECT_TRUE(consumer->Fetch(1, milliseconds(500))->empty());
}

TEST_F(NatsTest, OpeningAgainUpdatesTheConsumerAndKeepsItsPlace) {
  ASSERT_TRUE(Publish("x").ok());
  EXPECT_THAT(Drain(*Open()), ::testing::ElementsAre("x"));
  ASSERT_TRUE(Publish("y").ok());
  const auto consumer =
      Open({.stream = "TEST", .durable = "reader", .ack_wait = milliseconds(100)});
  EXPECT_EQ(consumer->Fetch(1, seconds(5))->size(), 1u);
  EXPECT_EQ(consumer->Fetch(1, seconds(5))->size(), 1u);  // after the new, shorter wait
}

TEST_F(NatsTest, InstancesThatShareADurableShareTheMessages) {
  const auto left = Open();
  const auto right = Open();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Publish(std::to_string(i)).ok());
  auto a = left->Fetch(2, kWait);
  auto b = right->Fetch(2, kWait);
  EXPECT_EQ(a->size() + b->size(), 4u);
  for (auto* half : {&a, &b}) {
    for (Message& message : **half) ASSERT_TRUE(message.AckSync().ok());
  }
  EXPECT_TRUE(Drain(*left).empty());
}

TEST_F(NatsTest, ADurableGoesOnAfterTheServersCrash) {
  const auto consumer = Open();
  ASSERT_TRUE(Publish("before").ok());
  EXPECT_THAT(Drain(*consumer), ::testing::ElementsAre("before"));
  ASSERT_TRUE(Publish("unread").ok());
  Restart();
  EXPECT_TRUE(Eventually([&] { return Publish("after").ok(); }));
  EXPECT_THAT(Drain(*consumer), ::testing::ElementsAre("unread", "after"));
  EXPECT_EQ(connection_->stats().reconnects, 1u);
}

TEST_F(NatsTest, AConsumerOfAMemoryStreamIsDeclaredAnewAfterARestart) {
  const StreamSpec memory{
      .name = "MEMORY", .subjects = {"memory.>"}, .storage = StreamSpec::Storage::kMemory};
  ASSERT_TRUE(Declare(memory).ok());
  const auto consumer = Open({.stream = "MEMORY", .durable = "reader"});
  Restart();
  ASSERT_TRUE(Eventually([&] { return Declare(memory).ok(); }));
  ASSERT_TRUE(jetstream_->Publish("memory.a", "new", {}, "").ok());
  EXPECT_TRUE(Eventually([&] {
    const auto messages = consumer->Fetch(1, milliseconds(50));
    return messages.ok() && messages->size() == 1 && messages->front().payload() == "new";
  }));
}

TEST_F(NatsTest, FetchReturnsUnavailableAndDoesNotSpinWhileTheServerIsAway) {
  const auto consumer = Open();
  server_.Stop();
  ASSERT_TRUE(Eventually([&] { return !connection_->connected(); }));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(consumer->Fetch(1, milliseconds(20)).status()));
  }
  EXPECT_TRUE(absl::IsUnavailable(consumer->ReadLag().status()));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(60));
}

TEST_F(NatsTest, DeclareCreatesKeepsAndUpdates) {
  EXPECT_TRUE(Declare(stream_).ok());
  StreamSpec changed = stream_;
  changed.subjects = {"test.>", "more.>"};
  changed.max_age = seconds(60);
  changed.duplicate_window = seconds(30);
  EXPECT_TRUE(Declare(changed).ok());
  EXPECT_TRUE(jetstream_->Publish("more.a", "x", {}, "").ok());
  changed.storage = StreamSpec::Storage::kMemory;
  EXPECT_FALSE(Declare(changed).ok());
  EXPECT_FALSE(Declare({.name = "OTHER", .subjects = {"test.b"}}).ok());
}

// An older version that comes back among newer ones, or after an operator.
TEST_F(NatsTest, DeclareNarrowsNothing) {
  StreamSpec newer{.name = "VERSIONS",
                   .subjects = {"old.>", "new.>"},
                   .discard = StreamSpec::Discard::kNew,
                   .max_age = seconds(0),
                   .duplicate_window = seconds(60),
                   .max_messages = 10,
                   .max_bytes = -1,
                   .max_message_bytes = 100};
  ASSERT_TRUE(Declare(newer).ok());
  StreamSpec older = newer;
  older.subjects = {"old.>", "new.a", "other.>"};
  older.max_age = seconds(60);
  older.duplicate_window = seconds(30);
  older.max_messages = 1;
  older.max_bytes = 1000;
  older.max_message_bytes = 200;
  ASSERT_TRUE(Declare(older).ok());
  for (const char* subject : {"old.a", "new.a", "other.a"}) {
    EXPECT_TRUE(jetstream_->Publish(subject, std::string(150, 'x'), {}, "").ok()) << subject;
  }
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  ASSERT_EQ(js_GetStreamInfo(&raw, jetstream_->handle(), "VERSIONS", nullptr, &code), NATS_OK);
  const StreamInfoHandle info(raw);
  EXPECT_EQ(info->Config->SubjectsLen, 3) << "new.a is one of new.>";
  EXPECT_EQ(info->Config->MaxAge, 0);
  EXPECT_EQ(info->Config->MaxMsgs, 10);
  EXPECT_EQ(info->Config->MaxBytes, -1);
  EXPECT_EQ(info->Config->MaxMsgSize, 200);
  EXPECT_EQ(info->Config->Duplicates, ToNanos(seconds(60)));
}

TEST_F(NatsTest, DeclareKeepsTheWiderOfTwoSubjects) {
  ASSERT_TRUE(Declare({.name = "WIDE", .subjects = {"one.*", "two.>"}}).ok());
  ASSERT_TRUE(Declare({.name = "WIDE", .subjects = {"one.>", "two.*"}}).ok());
  for (const char* subject : {"one.a", "one.a.b", "two.a", "two.a.b"}) {
    EXPECT_TRUE(jetstream_->Publish(subject, "x", {}, "").ok()) << subject;
  }
}

TEST_F(NatsTest, DeclareTakesTheAgeOfWhatIsInMemoryAsItIs) {
  const StreamSpec promised{.name = "BRIEF",
                            .subjects = {"brief.>"},
                            .storage = StreamSpec::Storage::kMemory,
                            .max_age = seconds(60),
                            .duplicate_window = seconds(30)};
  StreamSpec longer = promised;
  longer.max_age = seconds(3600);
  ASSERT_TRUE(Declare(longer).ok());
  ASSERT_TRUE(Declare(promised).ok());
  jsErrCode code{};
  jsStreamInfo* raw = nullptr;
  ASSERT_EQ(js_GetStreamInfo(&raw, jetstream_->handle(), "BRIEF", nullptr, &code), NATS_OK);
  const StreamInfoHandle info(raw);
  EXPECT_EQ(info->Config->MaxAge, ToNanos(seconds(60)));
}

// Of two versions, whose bounds of a consumer differ: the last one to declare it has its way, and
// both go on.
TEST_F(NatsTest, TwoVersionsShareAConsumer) {
  const auto older = Open({.stream = "TEST", .durable = "shared", .max_ack_pending = 10});
  const auto newer = Open({.stream = "TEST", .durable = "shared", .max_ack_pending = 20});
  const auto again = Open({.stream = "TEST", .durable = "shared", .max_ack_pending = 10});
  for (PullConsumer* consumer : {older.get(), newer.get(), again.get()}) {
    ASSERT_TRUE(Publish("x").ok());
    EXPECT_THAT(Drain(*consumer), ::testing::ElementsAre("x"));
  }
}

TEST_F(NatsTest, AForeignStreamIsNotMadeOrChangedButMustTakeTheSubjects) {
  const auto needs = [](std::vector<std::string> subjects) {
    return StreamSpec{.name = "THEIRS", .subjects = std::move(subjects), .foreign = true};
  };
  const auto problem = [&](std::vector<std::string> subjects) {
    const absl::Status declared = Declare(needs(std::move(subjects)));
    EXPECT_EQ(absl::IsFailedPrecondition(declared), !declared.ok()) << declared;
    return std::string(ToStd(declared.message()));
  };
  EXPECT_EQ(problem({"a.b"}), "no stream THEIRS");
  ASSERT_TRUE(Declare({.name = "THEIRS", .subjects = {"a.b", "c.*.e", "f.>"}}).ok());
  EXPECT_EQ(problem({"a.b", "c.d.e", "f.g", "f.g.h"}), "");
  for (const char* lacking : {"a", "a.b.c", "a.c", "c.e", "c.d.e.f", "f"}) {
    EXPECT_EQ(problem({"a.b", lacking}), std::string("stream THEIRS lacks the subject ") + lacking);
  }
  ASSERT_TRUE(
      Declare({.name = "FULL", .subjects = {"full"}, .discard = StreamSpec::Discard::kNew}).ok());
  EXPECT_EQ(Declare({.name = "FULL", .subjects = {"full"}, .foreign = true}).message(),
            "stream FULL discards what is new");
  // As its owner left it.
  EXPECT_TRUE(Declare(needs({"a.b"})).ok());
  EXPECT_TRUE(jetstream_->Publish("f.g", "x", {}, "").ok());
}

TEST_F(NatsTest, AFullStreamRefusesAndLosesNothing) {
  ASSERT_TRUE(Declare({.name = "FULL",
                       .subjects = {"full.>"},
                       .discard = StreamSpec::Discard::kNew,
                       .max_messages = 2})
                  .ok());
  EXPECT_TRUE(jetstream_->Publish("full.a", "1", {}, "").ok());
  EXPECT_TRUE(jetstream_->Publish("full.a", "2", {}, "").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(jetstream_->Publish("full.a", "3", {}, "").status()));
  EXPECT_THAT(Drain(*Open({.stream = "FULL", .durable = "reader"})),
              ::testing::ElementsAre("1", "2"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      jetstream_->Publish("full.a", std::string(2 << 20, 'x'), {}, "").status()));
  EXPECT_TRUE(absl::IsUnavailable(jetstream_->Publish("nobody.listens", "", {}, "").status()));
}

TEST_F(NatsTest, ASubscriptionHearsWhatIsPublishedUntilTheConnectionEnds) {
  std::atomic<int> heard = 0;
  auto listener = *Connection::Connect(OptionsFor(server_));
  ASSERT_TRUE(listener
                  ->Subscribe("client.*",
                              [&](std::string_view subject, std::string_view payload) {
                                heard += subject == "client.7" && payload == "hello" ? 1 : 100;
                              })
                  .ok());
  ASSERT_TRUE(connection_->Publish("client.7", "hello").ok());
  EXPECT_TRUE(Eventually([&] { return heard == 1; }));
  server_.Stop();
  server_.Start();
  EXPECT_TRUE(Eventually([&] { return connection_->connected() && listener->connected(); }));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(connection_->Publish("client.7", "hello").ok());
    return heard > 1;
  }));
  listener.reset();
}

TEST_F(NatsTest, ASubscriptionContinuesThePublishersTrace) {
  std::mutex mutex;
  std::vector<std::string> traces;
  ASSERT_TRUE(connection_
                  ->Subscribe("client.*",
                              [&](std::string_view, std::string_view) {
                                const std::lock_guard lock(mutex);
                                traces.push_back(trace::Current()->ToTraceparent());
                              })
                  .ok());
  const trace::Context publisher = trace::NewRoot();
  const Headers headers = {{"traceparent", publisher.ToTraceparent()}};
  ASSERT_TRUE(connection_->Publish("client.1", "told", headers).ok());
  ASSERT_TRUE(connection_->Publish("client.1", "untold").ok());
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return traces.size() == 2;
  }));
  EXPECT_EQ(trace::Parse(traces[0])->trace_id, publisher.trace_id);
  EXPECT_NE(trace::Parse(traces[0])->span_id, publisher.span_id);
  EXPECT_NE(trace::Parse(traces[1])->trace_id, publisher.trace_id);
}

TEST_F(NatsTest, AConsumerLoopContinuesTracesAndBuriesWhatNobodyCanHandle) {
  ASSERT_TRUE(Declare({.name = "DEAD", .subjects = {"dead.>"}}).ok());
  const trace::Context publisher = trace::NewRoot();
  const Headers headers = {{"traceparent", publisher.ToTraceparent()}};
  ASSERT_TRUE(jetstream_->Publish("test.a", "good", headers, "").ok());
  ASSERT_TRUE(jetstream_->Publish("test.b", "bad", headers, "").ok());
  ASSERT_TRUE(jetstream_->Publish("test.a", "untold", {}, "").ok());
  metrics::Registry metrics;
  std::vector<std::string> payloads;
  std::vector<std::string> traces;
  std::atomic<size_t> handled = 0;
  ConsumerLoop* self = nullptr;
  ConsumerLoop loop({.stream = "TEST", .durable = "reader"}, metrics, [&](Message& message) {
    EXPECT_GT(message.stored_at(), Now() - std::chrono::minutes(10));
    payloads.emplace_back(message.payload());
    traces.push_back(trace::Current()->TraceIdHex());
    ++handled;
    return message.payload() == "bad" ? self->Bury(message) : message.Ack();
  });
  self = &loop;
  ASSERT_TRUE(loop.Start(*jetstream_).ok());
  ASSERT_TRUE(Eventually([&] { return handled == 3; }));
  loop.Stop();
  EXPECT_THAT(payloads, ::testing::ElementsAre("good", "bad", "untold"));
  EXPECT_EQ(traces[0], publisher.TraceIdHex());
  EXPECT_EQ(traces[1], publisher.TraceIdHex());
  EXPECT_NE(traces[2], publisher.TraceIdHex());
  auto dead = Open({.stream = "DEAD", .durable = "undertaker"})->Fetch(10, kWait);
  ASSERT_EQ(dead->size(), 1u);
  EXPECT_EQ(dead->front().subject(), "dead.test.b");
  EXPECT_EQ(dead->front().payload(), "bad");
  EXPECT_EQ(trace::Parse(*dead->front().Header("traceparent"))->trace_id, publisher.trace_id);
  EXPECT_EQ(
      SampleOf(metrics.Text(), "nats_consumer_buried_total{consumer=\"reader\",stream=\"TEST\"}"),
      1);
  EXPECT_TRUE(Drain(*Open()).empty());
}

TEST_F(NatsTest, AConsumerLoopTellsHowFarItIsBehind) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Publish("x").ok());
  metrics::Registry metrics;
  // It may hold two at a time and never lets go of them; they come again soon.
  ConsumerLoop loop(
      {.stream = "TEST", .durable = "reader", .ack_wait = milliseconds(300), .max_ack_pending = 2},
      metrics, [](Message&) { return absl::OkStatus(); });
  const auto sample = [&](const std::string& what) {
    return SampleOf(metrics.Text(),
                    "nats_consumer_" + what + "_messages{consumer=\"reader\",stream=\"TEST\"}");
  };
  EXPECT_EQ(sample("pending"), 0);
  ASSERT_TRUE(loop.Start(*jetstream_).ok());
  EXPECT_TRUE(Eventually([&] { return sample("pending") == 3; }));
  EXPECT_EQ(sample("unacknowledged"), 2);
  EXPECT_TRUE(Eventually([&] { return sample("redelivered") == 2; }));
  // The server goes away: the loop fails, and a scrape still answers with what was last seen.
  server_.Stop();
  EXPECT_TRUE(Eventually(
      [&] { return SampleOf(metrics.Text(), "worker_failures_total{worker=\"reader\"}") > 0; }));
  EXPECT_EQ(sample("pending"), 3);
  loop.Stop();
}

TEST_F(NatsTest, AServerThatIsAwayOrOptionsThatAreWrongAreErrors) {
  Options options = OptionsFor(server_);
  options.tls_ca = "/absent";
  EXPECT_FALSE(Connection::Connect(options).ok());
  server_.Stop();
  EXPECT_TRUE(absl::IsUnavailable(Connection::Connect(OptionsFor(server_)).status()));
}

}  // namespace
}  // namespace common::nats
