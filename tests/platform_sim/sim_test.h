// What the tests of the simulator share: a client of both platforms, and a webhook of Twitch's.
#pragma once
#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "libs/common/http/client.h"
#include "libs/common/http/server.h"
#include "libs/common/testing/eventually.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"

namespace platform_sim {

using common::http::FormEncode;
using common::http::Headers;
using common::http::Params;
using common::http::Request;
using common::http::Response;
using common::testing::Eventually;

inline constexpr const char* kRedirect = "http://localhost:1/stream/oauth/callback/twitch";
inline constexpr const char* kWebhookSecret = "s3cre77890ab";
inline constexpr const char* kScopes =
    "user:read:chat user:bot channel:bot moderator:read:followers";

inline std::string ReadText(const std::string& name) {
  std::ifstream file("tests/platform_sim/fixtures/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline Json ReadFixture(const std::string& name) { return Json::parse(ReadText(name + ".json")); }

// A value with every scalar replaced by its kind: equal shapes have the same keys in the same
// order.
inline Json Shape(const Json& value) {
  if (value.is_object()) {
    Json out = Json::object();
    for (const auto& [key, member] : value.items()) out[key] = Shape(member);
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& element : value) out.push_back(Shape(element));
    return out;
  }
  return value.is_number() ? "number" : value.type_name();
}

// Twitch's rule, written again from its text: HMAC-SHA256(secret, id + timestamp + body).
inline std::string Sign(const std::string& secret, const std::string& signed_text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), mac, &size);
  std::string out = "sha256=";
  for (unsigned i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", mac[i]);
    out += digits;
  }
  return out;
}

// A client's webhook: checks and keeps what it gets, and answers challenges unless told not to.
class Webhook {
 public:
  struct Received {
    std::string id, kind, type, retry, timestamp;
    bool signature_ok = false;
    Json body;
  };

  Webhook() {
    auto server = common::http::Server::Start(
        {}, {{.method = "POST",
              .pattern = "/hook",
              .handler = [this](const Request& request) { return Take(request); },
              .max_body_bytes = 64 * 1024,
              .run_inline = true}});
    server_ = *std::move(server);
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook";
  }

  void Challenge(bool answer) { answers_challenges_ = answer; }
  void FailNext(int count) { failures_ = count; }

  std::vector<Received> Of(std::string_view kind) const {
    const std::lock_guard lock(mutex_);
    std::vector<Received> out;
    for (const Received& received : received_) {
      if (received.kind == kind) out.push_back(received);
    }
    return out;
  }

 private:
  Response Take(const Request& request) {
    const auto header = [&](std::string_view name) {
      return std::string(request.Header("Twitch-Eventsub-" + std::string(name)).value_or(""));
    };
    const std::string body(request.body);
    Received received{.id = header("Message-Id"),
                      .kind = header("Message-Type"),
                      .type = header("Subscription-Type"),
                      .retry = header("Message-Retry"),
                      .timestamp = header("Message-Timestamp"),
                      .body = Json::parse(body)};
    received.signature_ok = header("Message-Signature") ==
                            Sign(kWebhookSecret, received.id + received.timestamp + body);
    const std::lock_guard lock(mutex_);
    received_.push_back(received);
    if (received.body.contains("challenge")) {
      return common::http::TextResponse(
          200, answers_challenges_ ? received.body["challenge"].get<std::string>() : "nonsense");
    }
    if (failures_ > 0) {
      --failures_;
      return common::http::ErrorResponse(500);
    }
    return {.status = 204};
  }

  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::atomic<bool> answers_challenges_{true};
  std::atomic<int> failures_{0};
  std::unique_ptr<common::http::Server> server_;
};

class PlatformSimTest : public testing::Test {
 protected:
  PlatformSimTest() {
    auto sim = PlatformSim::Start({.allow_loopback_http = true,
                                   .settings = {.subscription_page_size = 2},
                                   .delivery = {.first_retry_delay = std::chrono::milliseconds(1)},
                                   .clock = [this] { return common::Now() + ahead_.load(); }});
    sim_ = *std::move(sim);
    EXPECT_EQ(Post("/sim/apps", {{"client_id", "app"},
                                 {"client_secret", "app-secret"},
                                 {"redirects", Json::array({kRedirect})}})
                  .status,
              201);
    user_id_ = TextOf(Body(Post("/sim/users", {{"login", "emberforge_live"},
                                               {"display_name", "EmberForge_Live"}})),
                      "id");
  }

  Response Send(std::string method, const std::string& path, Headers headers = {},
                std::string body = {}) {
    auto answer = client_.Send({.method = std::move(method),
                                .url = "http://127.0.0.1:" + std::to_string(sim_->port()) + path,
                                .headers = std::move(headers),
                                .body = std::move(body)});
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *std::move(answer) : Response{};
  }
  Response Post(const std::string& path, const Json& body) {
    return Send("POST", path, {{"Content-Type", "application/json"}}, body.dump());
  }
  Response PostForm(const std::string& path, const Params& form) {
    return Send("POST", path, {{"Content-Type", "application/x-www-form-urlencoded"}},
                FormEncode(form));
  }
  static Json Body(const Response& response) { return Json::parse(response.body); }

  Response Authorize(Params query) {
    const Params defaults = {{"client_id", "app"},
                             {"redirect_uri", kRedirect},
                             {"response_type", "code"},
                             {"scope", kScopes},
                             {"state", "st&te"}};
    query.insert(query.end(), defaults.begin(), defaults.end());
    return Send("GET", "/oauth2/authorize?" + FormEncode(query));
  }

  // The decoded query of a redirect.
  static Params RedirectQuery(const Response& response) {
    EXPECT_EQ(response.status, 302);
    const std::string location(
        common::http::FindHeader(response.headers, "location").value_or("?"));
    return *common::http::FormDecode(location.substr(location.find('?') + 1));
  }

  std::string NewCode() {
    return std::string(*common::http::FindParam(RedirectQuery(Authorize({})), "code"));
  }

  Response Redeem(const std::string& code, const Params& overrides = {}) {
    Params form = overrides;
    for (const auto& [name, value] : Params{{"client_id", "app"},
                                            {"client_secret", "app-secret"},
                                            {"code", code},
                                            {"grant_type", "authorization_code"},
                                            {"redirect_uri", kRedirect}}) {
      if (!common::http::FindParam(overrides, name)) form.emplace_back(name, value);
    }
    return PostForm("/oauth2/token", form);
  }

  Response Refresh(const std::string& token) {
    return PostForm("/oauth2/token", {{"client_id", "app"},
                                      {"client_secret", "app-secret"},
                                      {"grant_type", "refresh_token"},
                                      {"refresh_token", token}});
  }

  std::string AppToken() {
    return TextOf(Body(PostForm("/oauth2/token", {{"client_id", "app"},
                                                  {"client_secret", "app-secret"},
                                                  {"grant_type", "client_credentials"}})),
                  "access_token");
  }

  static Headers As(const std::string& token) {
    return {{"Authorization", "Bearer " + token}, {"Client-Id", "app"}};
  }

  Response Subscribe(const std::string& type, const std::string& version, Json condition,
                     const std::string& callback) {
    const Json body = {
        {"type", type},
        {"version", version},
        {"condition", std::move(condition)},
        {"transport", {{"method", "webhook"}, {"callback", callback}, {"secret", kWebhookSecret}}}};
    return Send("POST", "/helix/eventsub/subscriptions", As(AppToken()), body.dump());
  }

  Response SubscribeOnline() {
    return Subscribe("stream.online", "1", {{"broadcaster_user_id", user_id_}}, hook_.url());
  }

  Json ChatCondition() { return {{"broadcaster_user_id", user_id_}, {"user_id", user_id_}}; }

  // Creates it and waits until the challenge has been answered.
  void SubscribeAndVerify(const std::string& type, Json condition) {
    EXPECT_EQ(Subscribe(type, "1", std::move(condition), hook_.url()).status, 202) << type;
    Settle();
  }

  Json List(const std::string& query = "") {
    return Body(Send("GET", "/helix/eventsub/subscriptions" + query, As(AppToken())));
  }

  void Settle() {
    EXPECT_TRUE(Eventually([&] { return sim_->stats().pending == 0; }));
  }

  Json Stats() { return Body(Send("GET", "/sim/stats")); }

  // How often a route was asked, as the simulator counts.
  int64_t Requests(const std::string& route) {
    return Body(Send("GET", "/sim/requests")).value(route, int64_t{0});
  }

  // Lets time pass for tokens, leases, quotas and chats.
  void Advance(common::Duration by) { ahead_.store(ahead_.load() + by); }

  std::atomic<common::Duration> ahead_{common::Duration(0)};
  Webhook hook_;
  common::http::Client client_;
  std::unique_ptr<PlatformSim> sim_;
  std::string user_id_;
};

}  // namespace platform_sim
