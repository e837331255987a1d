// What a crowd does is counted once: by whichever instance hears of it, however often, and through
// crashes.
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/e2e/channel.h"
#include "tests/e2e/marks.h"
#include "tests/e2e/pulse_ledger.h"
#include "tests/e2e/pulses.h"
#include "tests/e2e/webhooks.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;

// Anybody's one sentiment is enough for a pulse, and a pulse has room for all of them; a pulse an
// hour: the last flush brings everything.
const std::vector<std::string> kOnlyAtTheEnd = {
    "SENTIMENT_MIN_BATCH_SIZE=1", "SENTIMENT_MAX_BATCH_SIZE=1000", "MIN_DISTINCT_CONTRIBUTORS=1",
    "SENTIMENT_PULSE_INTERVAL_SECONDS=3600", "SENTIMENT_MAX_HOLD_SECONDS=3600"};
// The same, each second.
const std::vector<std::string> kEverythingCounts = {
    "SENTIMENT_MIN_BATCH_SIZE=1", "SENTIMENT_MAX_BATCH_SIZE=1000", "MIN_DISTINCT_CONTRIBUTORS=1",
    "SENTIMENT_MAX_HOLD_SECONDS=120"};

std::vector<std::string> With(std::vector<std::string> settings, std::vector<std::string> more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

// Somebody who was never here before cheers.
struct Cheer {
  EventSubMessage message{.subscription_type = "channel.cheer"};
  std::string body;

  Cheer(const std::string& channel, const std::string& user)
      : body(json{{"event",
                   {{"broadcaster_user_id", channel},
                    {"user_id", user},
                    {"is_anonymous", false},
                    {"bits", 100}}}}
                 .dump()) {}
};

// 0 when there was no answer.
int Post(const std::string& http_address, const EventSubMessage& message, const std::string& body,
         common::http::Client& client) {
  const auto answer = client.Send({.method = "POST",
                                   .url = "http://" + http_address + "/stream/webhook/twitch",
                                   .headers = message.Headers(body),
                                   .body = body,
                                   .timeout = std::chrono::seconds(5)});
  return answer.ok() ? answer->status : 0;
}

class TwoInstances : public testing::Test {
 protected:
  TwoInstances() {
    channel_.Link();
    session_ = channel_.GoLive();
  }
  int Tell(const PlatformSide& instance, const EventSubMessage& message, const json& event) {
    return Post(instance.http_address, message, json{{"event", event}}.dump(), client_);
  }
  json Chat(const std::string& user) const {
    return {{"broadcaster_user_id", channel_.user_id()},
            {"chatter_user_id", user},
            {"message_id", Uuid::V4().ToString()},
            {"badges", {{{"set_id", "subscriber"}, {"id", "1"}}}},
            {"message", {{"text", "love this"}}}};
  }

  const PlatformSide one_{kOnlyAtTheEnd};
  const PlatformSide other_{With(kOnlyAtTheEnd, {"MYSQL_DATABASE=" + one_.daemon.database(),
                                                 "TWITCH_ID_URL=http://" + one_.sim.address(),
                                                 "TWITCH_API_URL=http://" + one_.sim.address()})};
  Channel channel_{one_};
  std::string session_;
  common::http::Client client_;
  PulseLedger ledger_;
};

TEST_F(TwoInstances, CountWhatHappensOnce) {
  constexpr int kGifts = 12;
  int expected = 0;
  std::vector<std::thread> tellers;
  const auto tell = [&](const PlatformSide* instance, EventSubMessage message, json event) {
    tellers.emplace_back([=, this] {
      common::http::Client client;
      const json body{{"event", event}};
      EXPECT_EQ(Post(instance->http_address, message, body.dump(), client), 204);
    });
  };
  for (int i = 0; i < kGifts; ++i) {
    const std::string giver = std::to_string(7000 + i);
    const json gift{{"broadcaster_user_id", channel_.user_id()},
                    {"user_id", giver},
                    {"total", 5},
                    {"cumulative_total", 100 + i},
                    {"is_anonymous", false}};
    const json notice{{"broadcaster_user_id", channel_.user_id()},
                      {"chatter_user_id", giver},
                      {"message_id", Uuid::V4().ToString()},
                      {"notice_type", "community_sub_gift"},
                      {"community_sub_gift", {{"total", 5}, {"cumulative_total", 100 + i}}}};
    const EventSubMessage message{.subscription_type = "channel.subscription.gift"};
    for (const PlatformSide* instance : {&one_, &other_}) {
      tell(instance, message, gift);                                               // a resend
      tell(instance, {.subscription_type = "channel.subscription.gift"}, gift);    // a new id
      tell(instance, {.subscription_type = "channel.chat.notification"}, notice);  // another tells
    }
    ++expected;
  }
  for (std::thread& teller : tellers) teller.join();
  // As many messages as Twitch sends of one gift, from the platform itself.
  channel_.Gift(20);
  ++expected;
  channel_.AwaitQuiet();
  channel_.GoOffline();
  EXPECT_TRUE(Eventually([&] { return channel_.Sessions().sessions_size() == 0; }));
  EXPECT_EQ(ledger_.EntriesOf(session_), expected);
}

TEST_F(TwoInstances, AnEndEmptiesTheMapsOfBoth) {
  Marks marks;
  const std::string user = "77000000000000001";
  marks.Add("the viewer's id", user);
  ASSERT_EQ(Tell(one_, {.subscription_type = "channel.chat.message"}, Chat(user)), 204);
  const auto remembers = [](const PlatformSide& instance) {
    return instance.daemon.Metric("stream_sessions_remembered");
  };
  EXPECT_TRUE(Eventually([&] { return remembers(one_) == 1; }));
  const bool may_look = geteuid() == 0;
  if (may_look) {
    EXPECT_EQ(marks.FindIn(MemoryImage(one_.daemon.pid())).size(), 1u)
        << "looks in the wrong place";
  }
  // The other one hears that the stream is over.
  ASSERT_EQ(Tell(other_, {.subscription_type = "stream.offline"},
                 {{"broadcaster_user_id", channel_.user_id()}}),
            204);
  EXPECT_TRUE(Eventually([&] { return remembers(one_) == 0 && remembers(other_) == 0; }));
  if (!may_look) GTEST_SKIP() << "only root may look into the daemons' memory";
  for (const PlatformSide* instance : {&one_, &other_}) {
    EXPECT_TRUE(
        Eventually([&] { return marks.FindIn(MemoryImage(instance->daemon.pid())).empty(); }));
  }
}

TEST_F(TwoInstances, OnlyTheOwnerTellsPeopleApart) {
  const Events events(common::testing::SharedNats().url());
  ASSERT_EQ(Tell(one_, {.subscription_type = "channel.subscribe"},
                 {{"broadcaster_user_id", channel_.user_id()}, {"user_id", "1"}}),
            204);
  ASSERT_EQ(Tell(other_, {.subscription_type = "channel.subscribe"},
                 {{"broadcaster_user_id", channel_.user_id()}, {"user_id", "2"}}),
            204);
  EXPECT_TRUE(Eventually([&] { return other_.daemon.Metric("stream_sessions_remembered") == 0; }));
  channel_.GoOffline();
  EXPECT_TRUE(Eventually([&] { return EntriesOf(events, session_).size() == 2; }));
  int tracked = 0;
  for (const auto& entry : EntriesOf(events, session_)) tracked += entry.has_tracking_id();
  EXPECT_EQ(tracked, 1);
}

// A flush is killed after it has taken its entries out and before NATS has them.
TEST(PulseCrash, AFlushThatIsKilledInTheMiddleLosesAndDoublesNothing) {
  common::testing::NatsServer nats;
  PlatformSide side(With(kEverythingCounts, {"NATS_URL=" + nats.url()}));
  Channel channel(side);
  channel.Link();
  const std::string session = channel.GoLive();
  common::http::Client client;
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  common::redis::Redis redis(options);
  const std::string pending = "stream:{" + session + "}:pending";

  constexpr int kSent = 50;
  nats.Pause();
  for (int i = 0; i < kSent; ++i) {
    const Cheer cheer(channel.user_id(), std::to_string(1000 + i));
    ASSERT_EQ(Post(side.http_address, cheer.message, cheer.body, client), 204);
  }
  // Taken out, and on its way to a server that does not answer.
  ASSERT_TRUE(Eventually([&] { return redis.Command({"EXISTS", pending})->integer() == 1; }));
  side.daemon.Kill();
  nats.Resume();
  side.daemon.Start();
  ASSERT_TRUE(Eventually(
      [&] {
        return redis.Command({"EXISTS", pending})->integer() == 0;
      },
      std::chrono::seconds(20)));
  channel.GoOffline();
  EXPECT_TRUE(Eventually([&] { return channel.Sessions().sessions_size() == 0; },
                         std::chrono::seconds(20)));
  PulseLedger ledger(nats.url());
  EXPECT_EQ(ledger.EntriesOf(session), kSent);
}

// Killed again and again, whatever it is at; whoever gets no answer tells it again.
TEST(PulseCrash, WhatWasAcknowledgedIsPublishedOnceThroughCrashesAtAnyTime) {
  PlatformSide side(kEverythingCounts);
  Channel channel(side);
  channel.Link();
  const std::string session = channel.GoLive();
  PulseLedger ledger;
  std::atomic<bool> done = false;
  std::atomic<int> acknowledged = 0;
  std::thread teller([&] {
    common::http::Client client;
    auto next = std::chrono::steady_clock::now();
    for (int i = 0; !done; ++i) {
      // No more in all than a pulse has room for: what a new instance hears before the lease of the
      // killed one has ended counts as no head, and waits until somebody's does.
      next = std::max(next, std::chrono::steady_clock::now()) + std::chrono::milliseconds(10);
      std::ignore = Eventually([&] { return std::chrono::steady_clock::now() >= next; },
                               std::chrono::seconds(1), std::chrono::microseconds(100));
      const Cheer cheer(channel.user_id(), std::to_string(100'000 + i));
      // One that is not acknowledged may have happened all the same: it is told until it is.
      EXPECT_TRUE(Eventually(
          [&] { return Post(side.http_address, cheer.message, cheer.body, client) == 204; },
          std::chrono::seconds(30)));
      ++acknowledged;
    }
  });
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  common::redis::Redis redis(options);
  const auto owner = [&] {
    return std::string(redis.Command({"HGET", "stream:{" + session + "}:live", "owner"})->text());
  };
  std::string last_owner;
  std::mt19937 random(5);
  for (int crash = 0; crash < 8; ++crash) {
    const int until = acknowledged + 1 + static_cast<int>(random() % 60);
    EXPECT_TRUE(Eventually([&] { return acknowledged >= until; }, std::chrono::seconds(30)));
    last_owner = owner();
    side.daemon.Kill();
    side.daemon.Start();
    ledger.Read();
  }
  EXPECT_TRUE(Eventually([&] { return owner() != last_owner; }));
  done = true;
  teller.join();
  channel.GoOffline();
  EXPECT_TRUE(Eventually([&] { return channel.Sessions().sessions_size() == 0; },
                         std::chrono::seconds(20)));
  EXPECT_GT(acknowledged, 100);
  EXPECT_LT(acknowledged, 1000);
  EXPECT_EQ(ledger.EntriesOf(session), acknowledged);
}

}  // namespace
}  // namespace story
