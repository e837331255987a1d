// The daemons on servers that encrypt and ask for identities, and what they say when that fails.
#include <fstream>
#include <future>

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/uuid.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/certificates.h"
#include "libs/common/testing/eventually.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {
namespace {

using common::testing::Authority;
using common::testing::Eventually;
using common::testing::KeyPair;
using common::testing::MariaDbServer;
using common::testing::NatsServer;
using common::testing::RedisServer;
using ::testing::HasSubstr;

using Settings = std::vector<std::string>;

constexpr const char* kPassword = "a-password";
constexpr const char* kHosts = "DNS:localhost,IP:127.0.0.1";

std::string Password() { return std::string("PASSWORD=") + kPassword; }

std::vector<std::string> Words(const std::string& text) { return absl::StrSplit(text, ' '); }

// The Redis user of a daemon, with the rights that docs/operations.md gives it.
std::string RedisUser(const std::string& name) {
  return " --user " + name + " on >" + kPassword + " ~" + name +
         ":* -@all +@read +@write +@scripting +@connection +time -@dangerous";
}

// Servers of which each demands an identity, all but Redis over TLS.
struct SecuredServers {
  Authority authority;
  Authority stranger;
  const KeyPair own = authority.Issue(kHosts);
  const KeyPair client = authority.Issue();
  RedisServer redis{
      Words("--user default on nopass -@all +ping" + RedisUser("stream") + RedisUser("streaming"))};
  NatsServer nats{{"--tlsverify", "--tlscert", own.certificate, "--tlskey", own.key, "--tlscacert",
                   authority.certificate(), "--user", "app", "--pass", kPassword}};
  MariaDbServer maria{{"--ssl-cert=" + own.certificate, "--ssl-key=" + own.key}};

  // A database of its own, and a user for it who must come over TLS.
  std::string CreateDatabaseFor(const std::string& user) {
    const std::string database = maria.CreateDatabase();
    maria.Run("CREATE USER '" + user + "'@'" + MariaDbServer::host() + "' IDENTIFIED BY '" +
              kPassword + "' REQUIRE SSL; GRANT ALL ON " + database + ".* TO '" + user + "'@'" +
              MariaDbServer::host() + "'");
    return database;
  }
};

std::string AdminToken() {
  const Stack stack{.auth_key = common::config::Secret(kAuthKey)};
  return MakeToken(stack, common::Uuid::V4(), {"admin"}, {});
}

// Calls through the program `call` as somebody who trusts the servers' authority.
class SecuredTest : public ::testing::Test {
 protected:
  Ended Call(const Daemon& daemon, const std::string& options, const std::string& words) {
    return RunToEnd(Program("call") + " --deadline 5 --token " + AdminToken() + " " + options +
                    " " + daemon.grpc_address() + " " + words);
  }
  std::string Trust() const { return "--tls-ca " + servers_.authority.certificate(); }
  std::string Show(const KeyPair& pair) const {
    return Trust() + " --tls-cert " + pair.certificate + " --tls-key " + pair.key;
  }

  // One call that works, and three that do not come through.
  void ExpectOnlyTheInvited(const Daemon& daemon, const std::string& words) {
    const Ended invited = Call(daemon, Show(servers_.client), words);
    EXPECT_EQ(invited.exit_code, 0) << invited.output;
    EXPECT_EQ(Call(daemon, Show(servers_.stranger.Issue()), words).exit_code, 1);
    EXPECT_EQ(Call(daemon, Trust(), words).exit_code, 1);
    EXPECT_EQ(Call(daemon, "", words).exit_code, 1);
  }

  SecuredServers servers_;
};

TEST_F(SecuredTest, BothDaemonsWorkEncryptedAndAuthenticated) {
  // What a daemon with this name must be told to be let in, and to let in others likewise.
  const auto settings_of = [this](const std::string& name) {
    return Settings{"GRPC_TLS_CERT_FILE=" + servers_.own.certificate,
                    "GRPC_TLS_KEY_FILE=" + servers_.own.key,
                    "GRPC_TLS_CLIENT_CA_FILE=" + servers_.authority.certificate(),
                    "MYSQL_ADDR=localhost:" + std::to_string(servers_.maria.port()),
                    "MYSQL_DATABASE=" + servers_.CreateDatabaseFor(name),
                    "MYSQL_USER=" + name,
                    "MYSQL_" + Password(),
                    "MYSQL_TLS_CA_FILE=" + servers_.authority.certificate(),
                    "NATS_URL=" + servers_.nats.url(),
                    "NATS_USER=app",
                    std::string("NATS_PASSWORD=") + kPassword,
                    "NATS_TLS_CA_FILE=" + servers_.authority.certificate(),
                    "NATS_TLS_HOSTNAME=localhost",
                    "NATS_TLS_CERT_FILE=" + servers_.client.certificate,
                    "NATS_TLS_KEY_FILE=" + servers_.client.key,
                    "REDIS_ADDR=" + servers_.redis.address(),
                    "REDIS_USER=" + name,
                    "REDIS_" + Password()};
  };
  const Daemon game_side("streaming", "STREAMING", settings_of("streaming"));
  ExpectOnlyTheInvited(game_side,
                       "bannou.streaming.v1.AudiencePoolService/SeedAudiencePool "
                       "'{\"game_service_id\":\"" +
                           common::Uuid::V4().ToString() + "\"}'");
  Settings settings = settings_of("stream");
  settings.push_back("HTTP_ADDR=127.0.0.1:0");
  settings.push_back("TOKEN_ENCRYPTION_KEY=" +
                     common::crypto::Base64Encode(PlatformSide::kEncryptionKey));
  const Daemon platform_side("stream", "STREAM", settings);
  ExpectOnlyTheInvited(platform_side,
                       "bannou.stream.v1.StreamAdminService/TestSentimentProcessing "
                       "'{\"sample_messages\":[\"hello\"]}'");
}

// --- What goes wrong is said. --------------------------------------------------------------------

// A streaming daemon on the shared servers where `settings` say nothing else, run to its end.
Ended RunStreaming(const Settings& settings) {
  std::string command = "env";
  for (const std::string& setting :
       {std::string("AUTH_MODE=insecure"), std::string("GRPC_ADDR=127.0.0.1:0"),
        std::string("ADMIN_ADDR=127.0.0.1:0")}) {
    command += " STREAMING_" + setting;
  }
  for (const std::string& setting : settings) command += " 'STREAMING_" + setting + "'";
  return RunToEnd(command + " timeout --kill-after=5 60 " + Program("streaming"));
}

Settings OnSharedMariaDb() {
  MariaDbServer& maria = common::testing::SharedMariaDb();
  return {"ENABLED=true", "MYSQL_ADDR=" + maria.address(),
          std::string("MYSQL_USER=") + MariaDbServer::user(),
          std::string("MYSQL_PASSWORD=") + MariaDbServer::password(),
          "MYSQL_DATABASE=" + maria.CreateDatabase()};
}

TEST(Secured, WrongSettingsAndFilesEndTheStart) {
  const Ended absent = RunStreaming({"GRPC_TLS_CERT_FILE=/absent", "NATS_USER=app"});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_THAT(absent.output, HasSubstr("STREAMING_GRPC_TLS_KEY_FILE: required"));
  EXPECT_THAT(absent.output, HasSubstr("STREAMING_GRPC_TLS_CERT_FILE: the file cannot be read"));
  EXPECT_THAT(absent.output, HasSubstr("STREAMING_NATS_PASSWORD: required"));

  Authority authority;
  const std::string other_key = authority.Issue(kHosts).key;
  const Ended mixed = RunStreaming({"GRPC_TLS_CERT_FILE=" + authority.Issue(kHosts).certificate,
                                    "GRPC_TLS_KEY_FILE=" + other_key});
  EXPECT_EQ(mixed.exit_code, 1);
  EXPECT_THAT(mixed.output, HasSubstr(other_key + ": not the certificate's key"));
}

TEST(Secured, RefusedIdentitiesEndTheStart) {
  RedisServer redis(Words("--user app on >a-password ~* +@all --user reader on >a-password"));
  Settings settings = OnSharedMariaDb();
  settings.push_back("REDIS_ADDR=" + redis.address());
  const auto start_as = [&settings](const std::string& user, const std::string& password) {
    Settings all = settings;
    all.insert(all.end(), {"REDIS_USER=" + user, "REDIS_PASSWORD=" + password});
    const Ended ended = RunStreaming(all);
    EXPECT_EQ(ended.exit_code, 1);
    return ended.output;
  };
  EXPECT_THAT(start_as("app", "another"),
              HasSubstr("redis answered WRONGPASS: wrong user or password"));
  EXPECT_THAT(start_as("reader", "a-password"),
              HasSubstr("redis answered NOPERM: the user lacks a permission"));
  settings.push_back("MYSQL_PASSWORD=another");
  EXPECT_THAT(start_as("app", "a-password"), HasSubstr("mysql error 1045: access denied"));
}

TEST(Secured, ReadinessTellsOfAPermissionThatWasTakenAway) {
  RedisServer redis(Words("--user app on >a-password ~* +@all"));
  const Daemon daemon("streaming", "STREAMING",
                      {"AUTH_MODE=insecure", "REDIS_ADDR=" + redis.address(), "REDIS_USER=app",
                       "REDIS_" + Password()});
  common::redis::Redis admin({.port = redis.port()});
  const auto ready = [&daemon] {
    const auto answer = common::http::Client().Send(
        {.method = "GET", .url = "http://" + daemon.address() + "/readyz"});
    return answer.ok() && answer->status == 200;
  };
  ASSERT_TRUE(admin.Command({"ACL", "SETUSER", "app", "-@all"}).ok());
  EXPECT_TRUE(Eventually([&] { return !ready(); }));
  ASSERT_TRUE(admin.Command({"ACL", "SETUSER", "app", "+@all"}).ok());
  EXPECT_TRUE(Eventually(ready));
  std::ifstream log(daemon.directory() / "log");
  const std::string text{std::istreambuf_iterator<char>(log), {}};
  EXPECT_THAT(text, HasSubstr("redis answered NOPERM"));
}

TEST(Secured, NatsIsShownTheTokenOrTheCredentials) {
  const NatsServer nats({"--auth", kPassword});
  const Daemon daemon("streaming", "STREAMING",
                      {"NATS_URL=" + nats.url(), std::string("NATS_TOKEN=") + kPassword});
  EXPECT_EQ(daemon.Get("/readyz").status, 200);

  Settings settings = OnSharedMariaDb();
  settings.insert(settings.end(), {"REDIS_ADDR=" + common::testing::SharedRedis().address(),
                                   "NATS_URL=" + nats.url()});
  const auto start_with = [&settings](const std::string& setting) {
    Settings all = settings;
    all.push_back(setting);
    return RunStreaming(all);
  };
  EXPECT_EQ(start_with("NATS_TOKEN=another").exit_code, 1);
  const common::testing::TempDir folder;
  const std::string file = folder.path() / "app.creds";
  std::ofstream(file) << "no credentials";
  const Ended ended = start_with("NATS_CREDENTIALS_FILE=" + file);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.output, HasSubstr("nats"));
}

TEST(Secured, NatsThatRefusesForGoodEndsTheProcess) {
  const common::testing::TempDir folder;
  const std::string file = folder.path() / "nats.conf";
  std::ofstream(file) << "authorization {user: app, password: a-password}";
  NatsServer nats({"-c", file});
  Settings settings = OnSharedMariaDb();
  const int admin_port = common::testing::FreePort();
  settings.insert(settings.end(), {"REDIS_ADDR=" + common::testing::SharedRedis().address(),
                                   "NATS_URL=" + nats.url(), "NATS_USER=app", "NATS_" + Password(),
                                   "ADMIN_ADDR=" + Local(admin_port)});
  auto daemon = std::async(std::launch::async, [&] { return RunStreaming(settings); });
  ASSERT_TRUE(Eventually(
      [&] {
        const auto answer = common::http::Client().Send(
            {.method = "GET", .url = "http://" + Local(admin_port) + "/readyz"});
        return answer.ok() && answer->status == 200;
      },
      std::chrono::seconds(30)));
  nats.Stop();
  std::ofstream(file) << "authorization {user: app, password: another}";
  nats.Start();
  const Ended ended = daemon.get();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.output, HasSubstr("nats refuses"));
}

}  // namespace
}  // namespace story
