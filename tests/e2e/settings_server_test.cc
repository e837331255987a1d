// What the settings of every daemon do (libs/common/runtime/settings.h): each test sets another
// value than the default and sees the effect from outside.
#include <atomic>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/token_signer.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/game.h"
#include "tests/e2e/settings.h"
#include "tests/e2e/webhooks.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::SharedMariaDb;
using common::testing::SharedRedis;

// What a caller with this token is told of a session that there is not. NOT_FOUND: he was let in.
absl::Status AskForASession(const std::string& grpc_address, const std::string& token) {
  v1::StreamSessionStatusRequest request;
  request.set_session_id(Uuid::V4().ToString());
  const Stubs stubs({.stream_grpc = grpc_address, .streaming_grpc = grpc_address});
  return Caller(token)
      .Call(stubs.sessions, &v1::StreamSessionService::Stub::GetStreamSessionStatus, request)
      .status();
}

// --- Who is let in, and how many at a time. ------------------------------------------------------
class EdgeSettings : public SettingsTest<EdgeSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"AUTH_HS256_KEY", std::string(32, 'k')},
            {"AUTH_ISSUER", "another-issuer"},
            {"AUTH_AUDIENCE", "another-audience"},
            {"AUTH_CLOCK_SKEW_SECONDS", "300"},
            {"THREADS", "1"},
            {"QUEUE_MAX", "1"},
            {"REFLECTION", "false"}};
  }

 protected:
  // What a caller is told whose token is signed with `key` and names these two.
  static absl::Status Ask(const std::string& key, const std::string& issuer,
                          const std::string& audience) {
    return AskForASession(
        side().daemon.grpc_address(),
        MakeToken({.auth_key = common::config::Secret(key), .issuer = issuer, .audience = audience},
                  Uuid::V4(), {"admin"}, {}));
  }
  static absl::Status AskAsWished() {
    return Ask(Text("AUTH_HS256_KEY"), Text("AUTH_ISSUER"), Text("AUTH_AUDIENCE"));
  }
};

TEST_F(EdgeSettings, TokensAreSignedWithTheKey) {
  EXPECT_TRUE(absl::IsNotFound(AskAsWished())) << "AUTH_HS256_KEY";
  EXPECT_TRUE(absl::IsUnauthenticated(Ask(kAuthKey, Text("AUTH_ISSUER"), Text("AUTH_AUDIENCE"))));
}

TEST_F(EdgeSettings, TokensNameTheIssuer) {
  EXPECT_TRUE(absl::IsNotFound(AskAsWished()));
  EXPECT_TRUE(absl::IsUnauthenticated(Ask(Text("AUTH_HS256_KEY"), "bannou", Text("AUTH_AUDIENCE"))))
      << "AUTH_ISSUER";
}

TEST_F(EdgeSettings, TokensNameTheAudience) {
  EXPECT_TRUE(absl::IsNotFound(AskAsWished()));
  EXPECT_TRUE(
      absl::IsUnauthenticated(Ask(Text("AUTH_HS256_KEY"), Text("AUTH_ISSUER"), "bannou-streaming")))
      << "AUTH_AUDIENCE";
}

TEST_F(EdgeSettings, TokensOutliveTheirEnd) {
  const int64_t late = Number("AUTH_CLOCK_SKEW_SECONDS") - 60;
  const std::string token =
      common::testing::TokenSigner::Shared(Text("AUTH_HS256_KEY"))
          .Token({{"iss", Text("AUTH_ISSUER")},
                  {"aud", Text("AUTH_AUDIENCE")},
                  {"roles", {"admin"}},
                  {"exp", common::ToMicros(common::Now()) / 1'000'000 - late}});
  EXPECT_TRUE(absl::IsNotFound(AskForASession(side().daemon.grpc_address(), token)));
}

// One call runs, one waits, and a third is refused as often as it is tried.
TEST_F(EdgeSettings, OneThreadAndOnePlaceToWait) {
  ASSERT_EQ(Text("THREADS"), "1");
  ASSERT_EQ(Text("QUEUE_MAX"), "1");
  constexpr int kMany = 100;  // more than while the three come
  std::atomic<int> refusals = 0;
  std::vector<std::jthread> callers;
  const Silence silence(SharedMariaDb());
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      while (refusals < kMany && absl::IsResourceExhausted(AskAsWished())) ++refusals;
    });
  }
  EXPECT_TRUE(Eventually([&] { return refusals >= kMany; }));
}

TEST_F(EdgeSettings, NothingIsDescribed) {
  ASSERT_EQ(Text("REFLECTION"), "false");
  EXPECT_EQ(RunToEnd(Program("call") + " " + side().daemon.grpc_address() + " list").exit_code, 1);
}

// --- The servers that it stands on. --------------------------------------------------------------
class ServerSettings : public SettingsTest<ServerSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"AUTH_MODE", "insecure"}, {"LOG_LEVEL", "debug"},
            {"REDIS_USER", "keeper"},  {"REDIS_PASSWORD", "keepers-password"},
            {"REDIS_POOL_SIZE", "2"},  {"MYSQL_POOL_SIZE", "2"}};
  }

 protected:
  static void SetUpTestSuite() {
    ValueOf(Redis().Command({"ACL", "SETUSER", Text("REDIS_USER"), "on",
                             ">" + Text("REDIS_PASSWORD"), "~*", "&*", "+@all"}));
    SettingsTest::SetUpTestSuite();
  }

  static common::redis::Redis& Redis() {
    static common::redis::Redis redis({.port = SharedRedis().port()});
    return redis;
  }
  // Connections that the daemon has.
  static int RedisConnections() {
    const auto list = ValueOf(Redis().Command({"CLIENT", "LIST"}));
    const std::string_view text = list.text();
    const std::string own = "user=" + Text("REDIS_USER");
    int count = 0;
    for (size_t at = text.find(own); at != text.npos; at = text.find(own, at + 1)) ++count;
    return count;
  }
  static int MysqlConnections() {
    const auto rows = ValueOf(OpenDatabase("information_schema")
                                  ->Query("SELECT COUNT(*) FROM processlist WHERE db = ? "
                                          "AND user = ?",
                                          side().daemon.database(), SharedMariaDb().user()));
    return rows[0].Get<int>(0);
  }
  static absl::Status Ask() { return AskForASession(side().daemon.grpc_address(), ""); }
  // More at a time than there are connections.
  static void CallAtOnce(const std::function<absl::Status()>& call) {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        for (int j = 0; j < 20; ++j) call().IgnoreError();
      });
    }
  }
};

TEST_F(ServerSettings, EverybodyIsAnAdmin) {
  ASSERT_EQ(Text("AUTH_MODE"), "insecure");
  EXPECT_TRUE(absl::IsNotFound(Ask()));
}

// The class Daemon gives it free ports.
TEST_F(ServerSettings, ItListensWhereItIsTold) {
  EXPECT_TRUE(absl::IsNotFound(Ask())) << "GRPC_ADDR";
  EXPECT_EQ(side().daemon.Get("/healthz").status, 200) << "ADMIN_ADDR";
}

TEST_F(ServerSettings, ItStandsOnTheServersThatItIsTold) {
  EXPECT_GT(MysqlConnections(), 0)
      << "MYSQL_ADDR, MYSQL_USER, MYSQL_PASSWORD or MYSQL_DATABASE is not what Daemon sets";
  EXPECT_GT(RedisConnections(), 0) << "REDIS_ADDR, REDIS_USER or REDIS_PASSWORD is not what we set";
}

// By default calls that succeed leave no line.
TEST_F(ServerSettings, TheLogTellsMore) {
  ASSERT_EQ(Text("LOG_LEVEL"), "debug");
  Game(side().daemon).Seed(1000);
  EXPECT_TRUE(
      Eventually([] { return side().daemon.Log().find("SeedAudiencePool") != std::string::npos; }));
}

TEST_F(ServerSettings, ItHoldsSoManyConnectionsToRedis) {
  Game game(side().daemon);
  game.Seed(1000);
  CallAtOnce([&] { return game.Pool().status(); });
  EXPECT_TRUE(Eventually([] { return RedisConnections() == Number("REDIS_POOL_SIZE"); }));
}

TEST_F(ServerSettings, ItHoldsSoManyConnectionsToMysql) {
  CallAtOnce(Ask);
  EXPECT_TRUE(Eventually([] { return MysqlConnections() == Number("MYSQL_POOL_SIZE"); }));
}

// --- The end. ------------------------------------------------------------------------------------
class DrainSettings : public SettingsTest<DrainSettings, PlatformSide> {
 public:
  static Values GivenValues() { return {{"DRAIN_DELAY_MS", "1500"}, {"DRAIN_GRACE_MS", "100"}}; }

 protected:
  DrainSettings() {
    side().daemon.Start();
    channel_ = std::make_unique<Channel>(side());
    channel_->Link();
  }

  std::unique_ptr<Channel> channel_;
};

TEST_F(DrainSettings, CallsAreAnsweredForAWhile) {
  const auto asked_to_end = std::chrono::steady_clock::now();
  std::jthread end([] { side().daemon.Stop(); });
  EXPECT_TRUE(Eventually([] { return side().daemon.Get("/readyz").status == 503; }));
  EXPECT_TRUE(channel_->Links().ok());
  end.join();
  EXPECT_GE(std::chrono::steady_clock::now() - asked_to_end,
            std::chrono::milliseconds(Number("DRAIN_DELAY_MS")));
}

// By default it would go on until the platform has been silent for too long.
TEST_F(DrainSettings, ACallInFlightIsCutOff) {
  ASSERT_EQ(Text("DRAIN_GRACE_MS"), "100");
  std::jthread end;
  absl::Status status;
  {
    const Silence silence(side().sim);
    std::jthread call([&] { status = channel_->StartSession(); });
    end = std::jthread([] { side().daemon.Stop(); });
  }
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(common::ToStd(status.message()).find("PLATFORM_UNAVAILABLE"), std::string_view::npos);
}

// --- Off. ----------------------------------------------------------------------------------------

// A server on a free port that takes nobody's call.
class Doorbell {
 public:
  Doorbell() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(socket_, 16) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port to listen on");
    }
    address_ = Local(ntohs(address.sin_port));
  }
  ~Doorbell() { close(socket_); }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  const std::string& address() const { return address_; }
  // Whether anybody has connected, even if he is gone by now.
  bool Rang() const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, 0) == 1;
  }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string address_;
};

struct Doorbells {
  Doorbell nats, redis, mysql;

  std::vector<std::string> SettingsAnd(std::vector<std::string> settings) const {
    settings.push_back("NATS_URL=nats://" + nats.address());
    settings.push_back("REDIS_ADDR=" + redis.address());
    settings.push_back("MYSQL_ADDR=" + mysql.address());
    return settings;
  }
  void ExpectSilence() const {
    EXPECT_FALSE(nats.Rang());
    EXPECT_FALSE(redis.Rang());
    EXPECT_FALSE(mysql.Rang());
  }
};

std::string Call(const Daemon& daemon, const std::string& method, const std::string& request) {
  return RunToEnd(Program("call") + " " + daemon.grpc_address() + " " + method + " '" + request +
                  "'")
      .output;
}

// A switched off daemon lives, and serves nothing.
void ExpectOff(const Daemon& daemon, const std::string& domain_method,
               const std::vector<std::string>& services) {
  EXPECT_EQ(daemon.Get("/healthz").status, 200);
  EXPECT_EQ(daemon.Get("/readyz").status, 503);
  for (const std::string& service : services) {
    EXPECT_THAT(Call(daemon, "grpc.health.v1.Health/Check", "{\"service\": \"" + service + "\"}"),
                testing::HasSubstr("NOT_SERVING"))
        << service;
  }
  const std::string answer = Call(daemon, domain_method, "{}");
  EXPECT_THAT(answer, testing::HasSubstr("FAILED_PRECONDITION"));
  EXPECT_THAT(answer, testing::HasSubstr("SERVICE_DISABLED"));
}

TEST(Off, TheGameSideTalksToNobody) {
  const Doorbells bells;
  Daemon off("streaming", "STREAMING", bells.SettingsAnd({"ENABLED=false"}), Servers::Shared(),
             Until::kLive);
  ExpectOff(off, "bannou.streaming.v1.StreamSessionService/GetStreamSessionStatus",
            {"", "bannou.streaming.v1.AudiencePoolService", "bannou.streaming.v1.AudienceService",
             "bannou.streaming.v1.CareerService", "bannou.streaming.v1.EconomyService",
             "bannou.streaming.v1.FollowService", "bannou.streaming.v1.HypeService",
             "bannou.streaming.v1.StreamSessionService"});
  off.Stop();
  bells.ExpectSilence();

  const Daemon on("streaming", "STREAMING", bells.SettingsAnd({"ENABLED=true"}), Servers::Shared(),
                  Until::kLive);
  EXPECT_TRUE(Eventually([&] { return bells.mysql.Rang(); }));
}

TEST(Off, ThePlatformSideTalksToNobody) {
  const Doorbells bells;
  const std::string http_address = Local(common::testing::FreePort());
  const std::string listens = "HTTP_ADDR=" + http_address;
  const std::string key =
      "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(PlatformSide::kEncryptionKey);
  Daemon off("stream", "STREAM", bells.SettingsAnd({"ENABLED=false", listens}), Servers::Shared(),
             Until::kLive);
  ExpectOff(off, "bannou.stream.v1.StreamAdminService/GetLatestPulse",
            {"", "bannou.stream.v1.PlatformService", "bannou.stream.v1.PlatformSessionService",
             "bannou.stream.v1.StreamAdminService", "bannou.stream.v1.WebhookService"});
  // Chat is looked at before all else, and must not be either.
  for (const char* type : {"stream.online", "channel.chat.message"}) {
    const auto webhook = common::http::Client().Send(
        {.method = "POST",
         .url = "http://" + http_address + "/stream/webhook/twitch",
         .headers = EventSubMessage{.subscription_type = type, .secret = "any"}.Headers("{}"),
         .body = "{}"});
    EXPECT_EQ(ValueOf(webhook).status, 503) << type;
  }
  off.Stop();
  bells.ExpectSilence();

  const Daemon on("stream", "STREAM", bells.SettingsAnd({"ENABLED=true", listens, key}),
                  Servers::Shared(), Until::kLive);
  EXPECT_TRUE(Eventually([&] { return bells.mysql.Rang(); }));
}

}  // namespace
}  // namespace story
