// The users of deploy/nats: each can do what it needs, and a front end nothing but hear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nats/nats.h>

#include "libs/common/nats/connection.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/gateway.h"
#include "tests/story/processes.h"
#include "tests/story/story.h"

namespace story {
namespace {

using common::testing::Eventually;
using ::testing::HasSubstr;
using ::testing::Not;

std::string PasswordOf(const std::string& user) { return "the-password-of-" + user; }

// A server with that configuration, which takes passwords from its environment.
class ConfiguredNats final : public common::testing::Server {
 public:
  ConfiguredNats() { Start(); }
  std::string url() const { return "nats://" + address(); }

 private:
  std::vector<std::string> Command() const override {
    return {"env",
            "NATS_STREAM_PASSWORD=" + PasswordOf("stream"),
            "NATS_STREAMING_PASSWORD=" + PasswordOf("streaming"),
            "NATS_FRONT_END_PASSWORD=" + PasswordOf("front_end"),
            "NATS_PLATFORM_PASSWORD=" + PasswordOf("platform"),
            "nats-server",
            "-c",
            "deploy/nats/nats.conf",
            "-sd",
            directory().string(),
            "-a",
            host(),
            "-p",
            std::to_string(port())};
  }
  std::string_view Question() const override { return ""; }
  std::string_view Answer() const override { return "INFO "; }
};

class NatsUsers : public testing::Test {
 protected:
  // What a daemon, or anybody, is told to come as one of the users.
  std::vector<std::string> As(const std::string& user) const {
    return {"NATS_URL=" + nats_.url(), "NATS_USER=" + user, "NATS_PASSWORD=" + PasswordOf(user)};
  }
  absl::StatusOr<std::unique_ptr<common::nats::Connection>> Connect(
      const std::string& user, const std::string& password) const {
    return common::nats::Connection::Connect({.url = nats_.url(),
                                              .name = "test",
                                              .user = user,
                                              .password = common::config::Secret(password)});
  }
  std::string ServerLog() const { return ReadAll(nats_.directory() / "log"); }
  bool WasRefused(const std::string& what, const std::string& user, const std::string& subject) {
    return Eventually([&] {
      return ServerLog().find(what + " Violation - User \"" + user + "\", Subject \"" + subject +
                              "\"") != std::string::npos;
    });
  }

  const ConfiguredNats nats_;
};

TEST_F(NatsUsers, TheDaemonsCanDoAllThatTheyDo) {
  const PlatformSide platform_side(As("stream"), Platforms::kTwitchAndYouTube);
  auto settings = As("streaming");
  for (const char* setting :
       {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "FOLLOW_CONVERSION_SESSION_COUNT=1",
        "INTEREST_THRESHOLD_FOR_FOLLOW=0.3", "HYPE_TRAIN_DURATION_SECONDS=20",
        "TIPS_PER_STREAM_HOUR=6000", "NEIGHBOURS_BASE_URL=http://127.0.0.1:9"}) {
    settings.push_back(setting);
  }
  const GameSide game_side(settings);
  const Stack stack{.stream_grpc = platform_side.daemon.grpc_address(),
                    .streaming_grpc = game_side.daemon.grpc_address(),
                    .platform_sim = platform_side.sim.address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  Story story(stack,
              {.chat_seconds = 3, .youtube = true, .between_moments = std::chrono::seconds(1)},
              [](const std::string&) {});
  const absl::Status told = Tell(story, stack);
  ASSERT_TRUE(told.ok()) << told;
  EXPECT_GT(story.outcome().truth.pulses_applied(), 0);
  EXPECT_GT(story.outcome().watched.size(), 0u);

  // Other services say who is gone, one of them in words that nobody understands.
  const auto platform = Connect("platform", PasswordOf("platform")).value();
  const std::string gone = R"({"accountId":")" + story.outcome().account_id.ToString() + "\"}";
  ASSERT_TRUE(platform->Publish("account.deleted", gone).ok());
  ASSERT_TRUE(platform->Publish("account.deleted", "gone").ok());
  ASSERT_TRUE(platform->Publish("game-session.ended", "gone").ok());
  EXPECT_TRUE(Eventually([&] {
    return platform_side.daemon.Metric("stream_accounts_erased_total") == 1 &&
           game_side.daemon.Metric("streaming_erasures_total{what=\"account\"}") == 1;
  }));
  EXPECT_TRUE(Eventually([&] {
    return platform_side.daemon.Metric(
               "nats_consumer_buried_total{consumer=\"stream_account_deleted\",stream="
               "\"INBOUND\"}") == 1 &&
           game_side.daemon.Metric(
               "nats_consumer_buried_total{consumer=\"streaming_game_sessions\",stream="
               "\"INBOUND\"}") == 1;
  }));
  EXPECT_THAT(ServerLog(), Not(HasSubstr("Violation")));
}

TEST_F(NatsUsers, AFrontEndHearsItsNewsAndNothingElse) {
  const auto daemon = Connect("streaming", PasswordOf("streaming")).value();
  const auto front_end = Connect("front_end", PasswordOf("front_end")).value();
  std::atomic<int> heard = 0;
  std::atomic<int> overheard = 0;
  ASSERT_TRUE(front_end->Subscribe("client.streaming.*", [&](auto, auto) { ++heard; }).ok());
  for (const char* subject : {"stream.>", "streaming.>", ">", "client.>", "_INBOX.>", "$JS.API.>",
                              "account.deleted", "seed.create"}) {
    front_end->Subscribe(subject, [&](auto, auto) { ++overheard; }).IgnoreError();
    EXPECT_TRUE(WasRefused("Subscription", "front_end", subject)) << subject;
  }
  const auto publish = [](common::nats::Connection& connection, const std::string& subject) {
    EXPECT_TRUE(connection.Publish(subject, "{}").ok());
  };
  publish(*daemon, "client.streaming.one");
  publish(*daemon, "streaming.audience.joined");
  EXPECT_TRUE(Eventually([&] { return heard == 1; }));

  std::atomic<int> said = 0;
  ASSERT_TRUE(daemon->Subscribe("client.streaming.*", [&](auto, auto) { ++said; }).ok());
  for (const char* subject : {"client.streaming.one", "stream.audience.pulse", "account.deleted",
                              "streaming.session.ended", "$JS.API.STREAM.DELETE.STREAMING"}) {
    publish(*front_end, subject);
    EXPECT_TRUE(WasRefused("Publish", "front_end", subject)) << subject;
  }
  publish(*daemon, "client.streaming.two");
  EXPECT_TRUE(Eventually([&] { return said == 1 && heard == 2; }));
  EXPECT_EQ(overheard, 0);
}

TEST_F(NatsUsers, NobodyComesWithoutBeingSomebody) {
  EXPECT_FALSE(Connect("", "").ok());
  EXPECT_FALSE(Connect("front_end", "another").ok());
  EXPECT_FALSE(Connect("somebody", PasswordOf("stream")).ok());
}

TEST_F(NatsUsers, ADaemonDoesNothingOfTheOthers) {
  const auto stream = Connect("stream", PasswordOf("stream")).value();
  const auto streaming = Connect("streaming", PasswordOf("streaming")).value();
  for (const char* subject : {"streaming.session.ended", "client.streaming.one", "account.deleted",
                              "$JS.API.STREAM.DELETE.PULSES", "$JS.API.STREAM.PURGE.STREAM",
                              "$JS.API.CONSUMER.MSG.NEXT.PULSES.streaming_blending"}) {
    EXPECT_TRUE(stream->Publish(subject, "").ok());
    EXPECT_TRUE(WasRefused("Publish", "stream", subject)) << subject;
  }
  for (const char* subject : {"stream.audience.pulse", "account.deleted",
                              "$JS.API.STREAM.DELETE.STREAMING", "$JS.API.STREAM.PURGE.COMMANDS"}) {
    EXPECT_TRUE(streaming->Publish(subject, "").ok());
    EXPECT_TRUE(WasRefused("Publish", "streaming", subject)) << subject;
  }
}

// With the prefix of inboxes that is theirs, other services read what is for them.
TEST_F(NatsUsers, OtherServicesReadAndDoNotWrite) {
  const GameSide game_side(As("streaming"));  // makes the streams
  natsOptions* options = nullptr;
  natsConnection* connection = nullptr;
  jsCtx* jetstream = nullptr;
  ASSERT_EQ(natsOptions_Create(&options), NATS_OK);
  ASSERT_EQ(natsOptions_SetURL(options, nats_.url().c_str()), NATS_OK);
  ASSERT_EQ(natsOptions_SetUserInfo(options, "platform", PasswordOf("platform").c_str()), NATS_OK);
  ASSERT_EQ(natsOptions_SetCustomInboxPrefix(options, "_INBOX_platform"), NATS_OK);
  ASSERT_EQ(natsConnection_Connect(&connection, options), NATS_OK);
  ASSERT_EQ(natsConnection_JetStream(&jetstream, connection, nullptr), NATS_OK);
  for (const char* stream : {"STREAM", "STREAMING", "AUDIENCE", "COMMANDS"}) {
    natsSubscription* subscription = nullptr;
    jsConsumerConfig config;
    jsConsumerConfig_Init(&config);
    config.Durable = "reader";
    config.AckPolicy = js_AckExplicit;
    EXPECT_EQ(js_AddConsumer(nullptr, jetstream, stream, &config, nullptr, nullptr), NATS_OK)
        << stream;
    jsSubOptions how;
    jsSubOptions_Init(&how);
    how.Stream = stream;
    how.Consumer = "reader";
    EXPECT_EQ(js_PullSubscribe(&subscription, jetstream, nullptr, "reader", nullptr, &how, nullptr),
              NATS_OK)
        << stream;
    natsMsgList list{};
    EXPECT_EQ(natsSubscription_Fetch(&list, subscription, 1, 100, nullptr), NATS_TIMEOUT) << stream;
    natsSubscription_Destroy(subscription);
  }
  EXPECT_THAT(ServerLog(), Not(HasSubstr("Violation")));
  for (const char* subject : {"streaming.session.ended", "client.streaming.one", "seed.create",
                              "$JS.API.STREAM.DELETE.STREAMING"}) {
    EXPECT_EQ(natsConnection_PublishString(connection, subject, ""), NATS_OK);
    EXPECT_TRUE(WasRefused("Publish", "platform", subject)) << subject;
  }
  jsCtx_Destroy(jetstream);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
}

// Nor may they take what the daemons' own consumers are to bring, or change these.
TEST_F(NatsUsers, OtherServicesTakeNothingFromTheDaemons) {
  const auto platform = Connect("platform", PasswordOf("platform")).value();
  for (const char* name :
       {"STREAM.streaming_platform_sessions", "STREAMING.streaming_client_hype",
        "STREAMING.streaming_client_milestones", "COMMANDS.streaming_neighbour_analytics",
        "COMMANDS.streaming_neighbour_collection", "COMMANDS.streaming_neighbour_contract",
        "COMMANDS.streaming_neighbour_currency", "COMMANDS.streaming_neighbour_leaderboard",
        "COMMANDS.streaming_neighbour_seed"}) {
    const std::string consumer = name;
    const std::string api = "$JS.API.CONSUMER.";
    for (const std::string& subject :
         {api + "DURABLE.CREATE." + consumer, api + "CREATE." + consumer,
          api + "CREATE." + consumer + ".subject", api + "MSG.NEXT." + consumer,
          api + "DELETE." + consumer, "$JS.ACK." + consumer + ".1.1.1.1.0"}) {
      EXPECT_TRUE(platform->Publish(subject, "").ok());
      EXPECT_TRUE(WasRefused("Publish", "platform", subject)) << subject;
    }
  }
}

}  // namespace
}  // namespace story
