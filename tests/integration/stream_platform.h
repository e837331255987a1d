// The stores and platform clients of a stream daemon, without the daemon, against a platform_sim:
// what the tests of its workers build upon. Each test is an application of its own at the platform,
// with a database of its own.
#pragma once
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "embedded/stream/migrations.h"
#include "libs/common/executor/executor.h"
#include "libs/common/http/server.h"
#include "libs/common/http/url.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/stream/linking/expected_store.h"
#include "services/stream/linking/farewell_store.h"
#include "services/stream/linking/subscription_store.h"
#include "services/stream/linking/token_refresh_worker.h"
#include "services/stream/sessions/schedule_store.h"
#include "services/stream/sessions/session_store.h"
#include "tests/story/processes.h"

namespace stream {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::testing::Eventually;
using linking::Link;
using nlohmann::json;
using platforms::Platform;

inline common::mysql::Options NewStreamDatabase() {
  auto& server = common::testing::SharedMariaDb();
  common::mysql::Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = Secret(server.password());
  options.database = server.CreateDatabase();
  return options;
}

inline common::crypto::KeyRing KeyRingOf(char key) {
  return *common::crypto::KeyRing::Create(Secret(std::string(32, key)), {});
}

class AgainstPlatform : public testing::Test {
 protected:
  static constexpr const char* kWebhookSecret = "a-webhook-secret";

  static void SetUpTestSuite() { sim_ = new story::PlatformSim; }
  static void TearDownTestSuite() { delete std::exchange(sim_, nullptr); }

  AgainstPlatform() {
    EXPECT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    Sim("/sim/apps", {{"client_id", client_id_},
                      {"client_secret", "client-secret"},
                      {"redirects", {redirect_uri_}}});
  }
  // Faults and settings are the simulator's; whoever changed them must not spoil the next test.
  ~AgainstPlatform() override {
    for (const auto& [method, route] : faulty_) {
      Sim("/sim/faults", {{"method", method}, {"route", route}, {"count", 0}});
    }
    if (!settings_before_.is_null()) Sim("/sim/settings", settings_before_);
  }

  // --- The platform. ---------------------------------------------------------------------------
  static std::string SimUrl() { return "http://" + sim_->address(); }
  static json Sim(const std::string& path, const json& body) {
    const auto answer =
        common::http::Client().Send({.method = "POST",
                                     .url = SimUrl() + path,
                                     .headers = {{"Content-Type", "application/json"}},
                                     .body = body.dump()});
    EXPECT_TRUE(answer.ok() && answer->status < 300)
        << path << " " << (answer.ok() ? answer->status : 0);
    return json::parse(answer->body, nullptr, false);
  }
  static json Ask(const std::string& path) {
    return json::parse(common::http::Client().Send({.url = SimUrl() + path})->body);
  }
  // So many requests of that kind since the simulator began: "GET /helix/streams".
  static int Requests(const std::string& kind) { return Ask("/sim/requests").value(kind, 0); }
  void Fault(const std::string& route, json fault) {
    fault["route"] = route;
    faulty_.emplace(fault.value("method", ""), route);
    Sim("/sim/faults", fault);
  }
  void NoFault(const std::string& route, const std::string& method = "") {
    Fault(route, {{"method", method}, {"count", 0}});
  }
  void Change(const json& settings) {
    if (settings_before_.is_null()) settings_before_ = Ask("/sim/settings");
    Sim("/sim/settings", settings);
  }
  // A new person at Twitch; the id.
  std::string NewUser(const std::string& login) {
    return Sim("/sim/users", {{"login", login}})["id"];
  }
  std::string NewUser() { return NewUser(NewLogin()); }
  static std::string NewLogin() { return "user_" + Uuid::V4().ToString().substr(0, 8); }

  // --- Linking, as a user does it. -------------------------------------------------------------
  platforms::Tokens Consent(const std::string& login, const std::string& scopes = "") {
    platforms::AuthorizationRequest request{
        .redirect_uri = redirect_uri_, .state = "state", .code_verifier = {}};
    std::string url = twitch().AuthorizationUrl(request) + "&login=" + login;
    if (!scopes.empty()) {
      const std::string all = common::http::UrlEncode(platforms::ScopesOfAllTypes());
      url.replace(url.find(all), all.size(), common::http::UrlEncode(scopes));
    }
    const auto redirect = common::http::Client().Send({.url = url});
    const std::string location(
        common::http::FindHeader(redirect->headers, "location").value_or(""));
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1)).value();
    const auto code = common::http::FindParam(query, "code").value_or("");
    auto tokens = twitch().ExchangeCode(Secret(std::string(code)), request);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    return *std::move(tokens);
  }
  struct Linked {
    Link link;
    std::string user_id;
    std::string login;
  };
  Linked LinkNew(const std::string& scopes = "") {
    Linked linked{.link = {}, .user_id = {}, .login = NewLogin()};
    linked.user_id = NewUser(linked.login);
    platforms::Tokens tokens = Consent(linked.login, scopes);
    auto identity = twitch().ReadIdentity(tokens.access);
    EXPECT_TRUE(identity.ok()) << identity.status();
    const Time now = common::Now();
    auto stored = links_.Insert({{.link_id = Uuid::V7(now),
                                  .account_id = Uuid::V4(),
                                  .platform = Platform::kTwitch,
                                  .linked_at = now},
                                 *std::move(identity),
                                 std::move(tokens)});
    EXPECT_TRUE(stored.ok()) << stored.status();
    linked.link = *stored;
    return linked;
  }
  void GoLive(const Linked& linked, int viewers = 0) {
    Sim("/sim/channels/" + linked.user_id + "/live", {{"viewer_count", viewers}});
  }
  void GoOffline(const Linked& linked) {
    Sim("/sim/channels/" + linked.user_id + "/offline", json::object());
  }

  platforms::TwitchClient& twitch() { return *platforms_.twitch(); }
  platforms::TwitchOptions TwitchOptions(const char* webhook_secret = kWebhookSecret) const {
    return {.client_id = client_id_,
            .client_secret = Secret("client-secret"),
            .webhook_secret = Secret(webhook_secret),
            .id_url = SimUrl(),
            .api_url = SimUrl()};
  }
  bool IsActive(const Uuid& link_id) { return (*links_.Find(link_id))->is_active; }
  // The value of the one row and column that the statement asks for.
  std::string Scalar(const std::string& sql) {
    const auto rows = mysql_.Query("SELECT CAST((" + sql + ") AS CHAR)");
    return rows->at(0).Get<std::optional<std::string>>(0).value_or("NULL");
  }
  void Execute(const std::string& sql) { EXPECT_TRUE(mysql_.Execute(sql).ok()) << sql; }

  static inline story::PlatformSim* sim_ = nullptr;
  const std::string client_id_ = "client-" + Uuid::V4().ToString();
  const std::string redirect_uri_ = "http://127.0.0.1:1/callback";
  std::set<std::pair<std::string, std::string>> faulty_;  // method and route
  json settings_before_;

  common::mysql::Pool mysql_{NewStreamDatabase()};
  common::mysql::Pool locks_{mysql_.options()};
  const Sealer sealer_{KeyRingOf('k')};
  const Marks marks_{Secret("identity")};
  linking::LinkStore links_{mysql_, sealer_, marks_};
  linking::TokenStore tokens_{mysql_, sealer_};
  linking::SubscriptionStore subscriptions_{mysql_, sealer_};
  linking::FarewellStore farewells_{mysql_, sealer_};
  linking::ExpectedStore expected_{mysql_, sealer_, marks_};
  sessions::ScheduleStore schedule_{mysql_};
  sessions::SessionStore sessions_{mysql_, sealer_, marks_};
  common::metrics::Registry metrics_;
  common::http::Client http_;
  const platforms::Platforms platforms_{
      std::make_unique<platforms::TwitchClient>(TwitchOptions(), http_), nullptr};
};

}  // namespace stream
