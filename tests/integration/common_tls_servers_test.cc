// How the clients of MariaDB, NATS and Redis prove themselves, and that they refuse to be deceived.
#include <array>
#include <fstream>
#include <thread>

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/mysql/connection.h"
#include "libs/common/nats/connection.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/certificates.h"
#include "libs/common/testing/servers.h"

namespace common {
namespace {

using config::Secret;
using testing::Authority;
using ::testing::HasSubstr;
using testing::KeyPair;
using ::testing::Not;
using testing::TempDir;

// Greets one client as a server without TLS would, hears what it says first, and hangs up.
class Eavesdropper {
 public:
  explicit Eavesdropper(std::string greeting) : greeting_(std::move(greeting)) {
    socklen_t size = sizeof(address_);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(socket_, reinterpret_cast<const sockaddr*>(&address_), size);
    listen(socket_, 1);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address_), &size);
    thread_ = std::thread([this] { Listen(); });
  }
  ~Eavesdropper() {
    if (thread_.joinable()) Heard();
    close(socket_);
  }

  int port() const { return ntohs(address_.sin_port); }
  // What the client said, "" when it hung up itself.
  const std::string& Heard() {
    thread_.join();
    return heard_;
  }

 private:
  void Listen() {
    const int client = accept(socket_, nullptr, nullptr);
    send(client, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
    std::array<char, 512> buffer;
    // Nobody waits for more: this version of nats.c would spin.
    const ssize_t size = recv(client, buffer.data(), buffer.size(), 0);
    heard_.assign(buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
    close(client);
  }

  const std::string greeting_;
  sockaddr_in address_{};
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string heard_;
  std::thread thread_;
};

// The first bytes that a server sends by itself.
std::string GreetingOf(const testing::Server& server) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(server.port()));
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::array<char, 512> buffer;
  ssize_t size = -1;
  if (connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    size = recv(client, buffer.data(), buffer.size(), 0);
  }
  close(client);
  return {buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
}

// --- MariaDB -------------------------------------------------------------------------------------

using testing::MariaDbServer;

absl::StatusOr<std::unique_ptr<mysql::Connection>> OpenMysql(const std::string& host, int port,
                                                             const std::string& authority) {
  mysql::Options options;
  options.host = host;
  options.port = port;
  options.user = MariaDbServer::user();
  options.password = Secret(MariaDbServer::password());
  options.database = "mysql";
  options.tls_ca = authority;
  options.read_timeout = std::chrono::seconds(2);
  return mysql::Connection::Open(options);
}

TEST(TlsMysqlTest, TheConnectionIsEncryptedAndTheServerVerified) {
  Authority authority, stranger;
  const KeyPair own = authority.Issue("DNS:localhost");
  const MariaDbServer server({"--ssl-cert=" + own.certificate, "--ssl-key=" + own.key});
  const auto good = OpenMysql("localhost", server.port(), authority.certificate());
  ASSERT_TRUE(good.ok()) << good.status();
  const auto cipher = (*good)->Query("SHOW STATUS LIKE 'Ssl_cipher'");
  EXPECT_NE(cipher->front().Get<std::string>(1), "");

  const auto wrong_authority = OpenMysql("localhost", server.port(), stranger.certificate());
  EXPECT_EQ(mysql::ErrorNumber(wrong_authority.status()), 2026) << wrong_authority.status();
  const auto wrong_host = OpenMysql(server.host(), server.port(), authority.certificate());
  EXPECT_EQ(mysql::ErrorNumber(wrong_host.status()), 2026) << wrong_host.status();
  const auto no_authority = OpenMysql("localhost", server.port(), "/absent");
  EXPECT_FALSE(no_authority.ok());
}

TEST(TlsMysqlTest, AServerWithoutTlsHearsNothing) {
  const Authority authority;
  const MariaDbServer& server = testing::SharedMariaDb();
  ASSERT_TRUE(OpenMysql(server.host(), server.port(), "").ok());
  const auto refused = OpenMysql(server.host(), server.port(), authority.certificate());
  EXPECT_EQ(mysql::ErrorNumber(refused.status()), 2026) << refused.status();

  Eavesdropper eavesdropper(GreetingOf(server));
  EXPECT_FALSE(OpenMysql(server.host(), eavesdropper.port(), authority.certificate()).ok());
  EXPECT_EQ(eavesdropper.Heard(), "");
  // Without the authority there is something to hear.
  Eavesdropper plain(GreetingOf(server));
  EXPECT_FALSE(OpenMysql(server.host(), plain.port(), "").ok());
  EXPECT_THAT(plain.Heard(), HasSubstr(MariaDbServer::user()));
}

// --- NATS ----------------------------------------------------------------------------------------

using testing::NatsServer;

constexpr const char* kUser = "app";
constexpr const char* kPassword = "app-password";

nats::Options NatsOptions(int port) {
  nats::Options options;
  options.url = "nats://127.0.0.1:" + std::to_string(port);
  options.user = kUser;
  options.password = Secret(kPassword);
  return options;
}

nats::Options Encrypted(nats::Options options, const Authority& authority) {
  options.tls_ca = authority.certificate();
  options.tls_hostname = "localhost";
  return options;
}

absl::Status Connect(const nats::Options& options) {
  return nats::Connection::Connect(options).status();
}

TEST(TlsNatsTest, UserAndPasswordOrTokenAreDemanded) {
  const NatsServer server({"--user", kUser, "--pass", kPassword});
  nats::Options options = NatsOptions(server.port());
  EXPECT_TRUE(Connect(options).ok());
  options.password = Secret("another");
  EXPECT_THAT(std::string(ToStd(Connect(options).message())), HasSubstr("Authentication"));
  options.user = "";
  EXPECT_THAT(std::string(ToStd(Connect(options).message())), HasSubstr("Authentication"));

  const NatsServer with_token({"--auth", kPassword});
  options.url = with_token.url();
  EXPECT_FALSE(Connect(options).ok());
  options.token = Secret(kPassword);
  EXPECT_TRUE(Connect(options).ok());
}

TEST(TlsNatsTest, TheConnectionIsEncryptedAndTheServerVerified) {
  Authority authority, stranger;
  const KeyPair own = authority.Issue("DNS:localhost");
  const NatsServer server({"--tls", "--tlscert", own.certificate, "--tlskey", own.key, "--user",
                           kUser, "--pass", kPassword});
  const nats::Options options = Encrypted(NatsOptions(server.port()), authority);
  EXPECT_TRUE(Connect(options).ok()) << Connect(options);
  EXPECT_FALSE(Connect(NatsOptions(server.port())).ok());
  EXPECT_THAT(std::string(ToStd(Connect(Encrypted(options, stranger)).message())),
              HasSubstr("SSL"));
  nats::Options elsewhere = options;
  elsewhere.tls_hostname = "elsewhere";
  EXPECT_THAT(std::string(ToStd(Connect(elsewhere).message())), HasSubstr("SSL"));
  nats::Options impostor = options;
  impostor.password = Secret("another");
  EXPECT_THAT(std::string(ToStd(Connect(impostor).message())), HasSubstr("Authentication"));
}

TEST(TlsNatsTest, TheClientShowsItsCertificate) {
  Authority authority, stranger;
  const KeyPair own = authority.Issue("DNS:localhost");
  const NatsServer server({"--tlsverify", "--tlscert", own.certificate, "--tlskey", own.key,
                           "--tlscacert", authority.certificate()});
  nats::Options options = Encrypted(NatsOptions(server.port()), authority);
  EXPECT_FALSE(Connect(options).ok());
  const auto show = [&options](const KeyPair& pair) {
    options.tls_certificate = pair.certificate;
    options.tls_key = pair.key;
    return Connect(options);
  };
  EXPECT_TRUE(show(authority.Issue()).ok());
  EXPECT_FALSE(show(stranger.Issue()).ok());
  const KeyPair mixed{.certificate = authority.Issue().certificate, .key = own.key};
  EXPECT_TRUE(absl::IsInvalidArgument(show(mixed)));
}

TEST(TlsNatsTest, AServerWithoutTlsHearsNothing) {
  const Authority authority;
  const NatsServer server;
  const nats::Options plain = NatsOptions(server.port());
  EXPECT_TRUE(Connect(plain).ok());
  EXPECT_THAT(std::string(ToStd(Connect(Encrypted(plain, authority)).message())),
              HasSubstr("Secure Connection not available"));
  Eavesdropper eavesdropper(GreetingOf(server));
  EXPECT_FALSE(Connect(Encrypted(NatsOptions(eavesdropper.port()), authority)).ok());
  EXPECT_EQ(eavesdropper.Heard(), "");
}

// The seed of a new user key, as a .creds file holds it.
std::string UserSeed() {
  std::string bytes = {'\x95', '\0'};  // seed, of a user
  bytes += crypto::RandomBytes(32);
  uint16_t sum = 0;  // CRC-16/XMODEM
  for (const char byte : bytes) {
    sum ^= static_cast<uint16_t>(static_cast<uint8_t>(byte) << 8);
    for (int bit = 0; bit < 8; ++bit) sum = (sum << 1) ^ ((sum & 0x8000) != 0 ? 0x1021 : 0);
  }
  bytes += {static_cast<char>(sum & 0xff), static_cast<char>(sum >> 8)};
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (const char byte : bytes) {
    pending = pending << 8 | static_cast<uint8_t>(byte);
    for (bits += 8; bits >= 5; bits -= 5) {
      text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[pending >> (bits - 5) & 31];
    }
  }
  if (bits > 0) text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[pending << (5 - bits) & 31];
  return text;
}

TEST(TlsNatsTest, TheCredentialsFileIsShown) {
  const TempDir folder;
  const std::string path = folder.path() / "app.creds";
  std::ofstream(path) << "-----BEGIN NATS USER JWT-----\nthe-token\n------END NATS USER JWT------\n"
                      << "-----BEGIN USER NKEY SEED-----\n"
                      << UserSeed() << "\n------END USER NKEY SEED------\n";
  Eavesdropper server(
      "INFO {\"server_id\":\"x\",\"version\":\"2.9.0\",\"headers\":true,\"auth_required\":true,"
      "\"nonce\":\"abc\",\"max_payload\":1048576}\r\n");
  nats::Options options;
  options.url = "nats://127.0.0.1:" + std::to_string(server.port());
  options.credentials_file = path;
  EXPECT_FALSE(Connect(options).ok());
  EXPECT_THAT(server.Heard(), HasSubstr("\"jwt\":\"the-token\""));
}

// --- Redis ---------------------------------------------------------------------------------------

std::vector<std::string> Words(const char* text) { return absl::StrSplit(text, ' '); }

redis::Options RedisOptions(const testing::RedisServer& server, const std::string& user,
                            const std::string& password) {
  redis::Options options;
  options.port = server.port();
  options.user = user;
  options.password = Secret(password);
  return options;
}

TEST(AclRedisTest, WrongIdentityAndMissingPermissionAreToldApart) {
  const testing::RedisServer server(
      Words("--user default on nopass -@all +ping --user app on >app-password ~* +@all "
            "--user reader on >reader-password ~* +@read +ping"));
  const auto ask = [&](const std::string& user, const std::string& password) {
    redis::Redis redis(RedisOptions(server, user, password));
    redis::Functions functions(redis,
                               "#!lua name=acl_v1\n"
                               "redis.register_function('acl', function() end)");
    return redis::ErrorCode(functions.Load()).value_or("");
  };
  EXPECT_EQ(ask("app", "app-password"), "");
  EXPECT_EQ(ask("app", "reader-password"), "WRONGPASS");
  EXPECT_EQ(ask("nobody", "app-password"), "WRONGPASS");
  EXPECT_EQ(ask("reader", "reader-password"), "NOPERM");
  EXPECT_EQ(ask("", ""), "NOPERM");
}

TEST(AclRedisTest, WhatIsGrantedAgainWorksAgain) {
  const testing::RedisServer server(Words("--user app on >app-password ~* +@all"));
  redis::Redis redis(RedisOptions(server, "app", "app-password"));
  redis::Redis admin(RedisOptions(server, "", ""));
  EXPECT_TRUE(redis.Command({"PING"}).ok());
  ASSERT_TRUE(admin.Command({"ACL", "SETUSER", "app", "-ping"}).ok());
  EXPECT_EQ(redis::ErrorCode(redis.Command({"PING"}).status()), "NOPERM");
  ASSERT_TRUE(admin.Command({"ACL", "SETUSER", "app", "+ping"}).ok());
  EXPECT_TRUE(redis.Command({"PING"}).ok());
}

}  // namespace
}  // namespace common
