// The daemons and platform_sim as processes of a test, beside the servers of libs/common/testing.
#pragma once
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "libs/common/crypto/encoding.h"
#include "libs/common/http/client.h"
#include "libs/common/mysql/connection.h"
#include "libs/common/testing/servers.h"
#include "tests/story/token.h"

namespace story {

// A program of this build.
inline std::string Program(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}
inline std::string Local(int port) { return "127.0.0.1:" + std::to_string(port); }

class PlatformSim final : public common::testing::Server {
 public:
  PlatformSim() { Start(); }

 private:
  std::vector<std::string> Command() const override {
    return {Program("platform_sim"), "--port", std::to_string(port()), "--allow-loopback-http"};
  }
  std::string_view Question() const override { return "GET /sim/stats HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "200 OK"; }
};

// Starts `command`, a line for the shell, and waits for its end: exit code and all that it printed.
struct Ended {
  int exit_code = 0;
  std::string output;
};
inline Ended RunToEnd(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  Ended ended;
  std::array<char, 4096> buffer;
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.output.append(buffer.data(), size);
  }
  ended.exit_code = WEXITSTATUS(pclose(pipe));
  return ended;
}

// A connection to one of the shared MariaDB's databases.
inline std::unique_ptr<common::mysql::Connection> OpenDatabase(const std::string& database) {
  common::mysql::Options options;
  options.port = common::testing::SharedMariaDb().port();
  options.user = common::testing::SharedMariaDb().user();
  options.password = common::config::Secret(common::testing::SharedMariaDb().password());
  options.database = database;
  auto connection = common::mysql::Connection::Open(options);
  if (!connection.ok()) throw std::runtime_error("no connection to the database " + database);
  return *std::move(connection);
}

// What a daemon stands on.
struct Servers {
  common::testing::NatsServer& nats;
  common::testing::RedisServer& redis;
  common::testing::MariaDbServer& mariadb;

  // Those of all tests that do not stop them.
  static Servers Shared() {
    return {common::testing::SharedNats(), common::testing::SharedRedis(),
            common::testing::SharedMariaDb()};
  }
};

// When a daemon counts as started: when its admin port answers, or when it says that it is ready.
enum class Until { kLive, kReady };

// A daemon with a database of its own. Its port() is the admin port.
class Daemon final : public common::testing::Server {
 public:
  // `name` is the program, `prefix` that of its settings, `settings` are NAME=value without prefix
  // and come on top of those that connect it.
  Daemon(std::string name, std::string prefix, const std::vector<std::string>& settings,
         const Servers& servers = Servers::Shared(), Until until = Until::kReady)
      : name_(std::move(name)),
        prefix_(std::move(prefix)),
        until_(until),
        database_(servers.mariadb.CreateDatabase()) {
    using Maria = common::testing::MariaDbServer;
    settings_ = {std::string("AUTH_HS256_KEY=") + kAuthKey, "NATS_URL=" + servers.nats.url(),
                 "REDIS_ADDR=" + servers.redis.address(), "MYSQL_ADDR=" + servers.mariadb.address(),
                 std::string("MYSQL_USER=") + Maria::user(),
                 std::string("MYSQL_PASSWORD=") + Maria::password(), "MYSQL_DATABASE=" + database_,
                 "GRPC_ADDR=" + Local(grpc_port_),
                 // Tests ask more often than anybody should.
                 "RATE_LIMIT_PER_SECOND=100000", "RATE_LIMIT_BURST=100000", "ENABLED=true"};
    settings_.insert(settings_.end(), settings.begin(), settings.end());
    Start();
  }

  std::string grpc_address() const { return Local(grpc_port_); }
  const std::string& database() const { return database_; }

  // The answer of the admin port.
  common::http::Response Get(const std::string& path) const {
    auto answer = common::http::Client().Send({.url = "http://" + address() + path});
    return answer.ok() ? *std::move(answer) : common::http::Response{.status = 0};
  }
  // The value of a sample of /metrics, written as there: name{label="value"}. 0 when it is absent.
  double Metric(const std::string& sample) const {
    const std::string text = "\n" + Get("/metrics").body;
    const size_t at = text.find("\n" + sample + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + sample.size() + 2));
  }
  // From the next start on, NAME=value on top of what there was.
  void Set(const std::vector<std::string>& settings) {
    settings_.insert(settings_.end(), settings.begin(), settings.end());
  }
  // Runs the program with the same settings for one of its commands.
  Ended RunCommand(const std::string& command) const {
    std::string line = "env";
    for (const std::string& setting : settings_) line += " '" + prefix_ + "_" + setting + "'";
    return RunToEnd(line + " " + Program(name_) + " " + command);
  }
  std::string Log() const {
    std::ifstream file(directory() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::vector<std::string> Command() const override {
    std::vector<std::string> command = {"env"};
    for (const std::string& setting : settings_) command.push_back(prefix_ + "_" + setting);
    command.push_back(prefix_ + "_ADMIN_ADDR=" + address());
    command.push_back(Program(name_));
    command.push_back("--strict");
    return command;
  }
  std::string_view Question() const override {
    return until_ == Until::kReady ? "GET /readyz HTTP/1.0\r\n\r\n"
                                   : "GET /healthz HTTP/1.0\r\n\r\n";
  }
  std::string_view Answer() const override { return "200 OK"; }

  const std::string name_;
  const std::string prefix_;
  const Until until_;
  const std::string database_;
  const int grpc_port_ = common::testing::FreePort();
  std::vector<std::string> settings_;
};

struct GameSide {
  Daemon daemon;

  explicit GameSide(const std::vector<std::string>& settings = {})
      : daemon("streaming", "STREAMING", settings) {}
};

// The platforms whose applications a stream daemon has.
enum class Platforms { kTwitch, kTwitchAndYouTube };

// A stream daemon whose platforms are a platform_sim of its own, which knows its application.
struct PlatformSide {
  static constexpr const char* kClientId = "client";
  static constexpr const char* kClientSecret = "client-secret";
  static constexpr const char* kWebhookSecret = "a-webhook-secret";
  static constexpr const char* kEncryptionKey = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

  PlatformSim sim;
  const std::string http_address = Local(common::testing::FreePort());
  Daemon daemon;

  // `settings` as in Daemon; they come on top of those given here.
  explicit PlatformSide(const std::vector<std::string>& settings = {},
                        Platforms platforms = Platforms::kTwitch)
      : daemon("stream", "STREAM", Settings(settings, platforms)) {
    const nlohmann::json app{
        {"client_id", kClientId},
        {"client_secret", kClientSecret},
        {"redirects",
         {callback_url(), "http://" + http_address + "/stream/oauth/callback/youtube"}}};
    if (Sim("/sim/apps", app).status != 201) throw std::runtime_error("platform_sim: no app");
  }

  // Makes something happen at the platform, see tests/platform_sim/README.md.
  common::http::Response Sim(const std::string& path, const nlohmann::json& body) const {
    return Send({.method = "POST",
                 .url = "http://" + sim.address() + path,
                 .headers = {{"Content-Type", "application/json"}},
                 .body = body.dump()});
  }
  // Agrees to a link at the platform as its user `login`; where the browser is sent then.
  std::string Approve(const std::string& authorization_url, const std::string& login) const {
    const auto redirect = Send({.url = authorization_url + "&login=" + login});
    return std::string(common::http::FindHeader(redirect.headers, "location").value_or(""));
  }

  // Whether what makes and ends sessions, and chat, comes in for a link.
  bool HearsOf(const std::string& link_id) const {
    int heard = 0;
    const auto answer = Send({.url = "http://" + sim.address() + "/sim/eventsub"});
    const auto listed = nlohmann::json::parse(answer.body);
    for (const auto& subscription : listed["subscriptions"]) {
      const std::string callback = subscription["transport"]["callback"];
      const std::string type = subscription["type"];
      heard +=
          subscription["status"] == "enabled" && callback.ends_with(link_id) &&
          (type == "stream.online" || type == "stream.offline" || type == "channel.chat.message");
    }
    return heard == 3;
  }

  // Whether all subscriptions of a link were made, and nothing more is on its way.
  bool IsQuiet(const std::string& link_id) const {
    const auto looked_at = OpenDatabase(daemon.database())
                               ->Query(
                                   "SELECT 1 FROM link WHERE link_id = ? AND secret_mark IS "
                                   "NOT NULL",
                                   *common::Uuid::Parse(link_id));
    const auto answer = Send({.url = "http://" + sim.address() + "/sim/stats"});
    return !looked_at->empty() && nlohmann::json::parse(answer.body)["pending"] == 0;
  }

  std::string callback_url() const {
    return "http://" + http_address + "/stream/oauth/callback/twitch";
  }

 private:
  std::vector<std::string> Settings(const std::vector<std::string>& more,
                                    Platforms platforms) const {
    std::vector<std::string> settings = {
        "HTTP_ADDR=" + http_address,
        "PUBLIC_URL=http://" + http_address,
        "TWITCH_ID_URL=http://" + sim.address(),
        "TWITCH_API_URL=http://" + sim.address(),
        std::string("TWITCH_CLIENT_ID=") + kClientId,
        std::string("TWITCH_CLIENT_SECRET=") + kClientSecret,
        std::string("TWITCH_WEBHOOK_SECRET=") + kWebhookSecret,
        "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(kEncryptionKey),
        "SENTIMENT_PULSE_INTERVAL_SECONDS=1",
        "SENTIMENT_MAX_HOLD_SECONDS=30"};
    if (platforms == Platforms::kTwitchAndYouTube) {
      for (const char* what : {"ACCOUNTS", "TOKEN", "API", "HUB"}) {
        settings.push_back(std::string("YOUTUBE_") + what + "_URL=http://" + sim.address());
      }
      settings.push_back(std::string("YOUTUBE_CLIENT_ID=") + kClientId);
      settings.push_back(std::string("YOUTUBE_CLIENT_SECRET=") + kClientSecret);
      settings.push_back(std::string("YOUTUBE_WEBHOOK_TOKEN=") + kWebhookSecret);
      settings.push_back("YOUTUBE_DAILY_QUOTA=1000000");
    }
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
  }
  static common::http::Response Send(const common::http::OutgoingRequest& request) {
    auto answer = common::http::Client().Send(request);
    if (!answer.ok()) throw std::runtime_error("platform_sim does not answer");
    return *std::move(answer);
  }
};

}  // namespace story
