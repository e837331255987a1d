// Webhooks and OAuth through the gateway: each link's at one instance, another takes over, and
// nothing of what they hold is written down.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/both_daemons.h"
#include "tests/e2e/gateway_stack.h"
#include "tests/e2e/marks.h"
#include "tests/e2e/webhooks.h"
#include "tests/story/client.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::testing::Eventually;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kUnsigned = "stream_webhooks_total{outcome=\"unsigned\",platform=\"twitch\"}";

class GatewayWebhooks : public testing::Test {
 protected:
  // How many webhooks that nobody signed came to an instance.
  static double CountAt(const GatewayStack::Instance& instance) {
    return instance.daemon->Metric(kUnsigned);
  }
  // Sends one and says which instance got it; -1: none answered.
  int SendTo(const std::string& path) {
    std::vector<double> before;
    for (const auto& instance : stack_->streams()) before.push_back(CountAt(instance));
    const auto answer = browser_.Send({.method = "POST",
                                       .url = stack_->gateway().url() + path,
                                       .headers = {{"Content-Type", "application/json"}},
                                       .body = "{}"});
    if (!answer.ok() || answer->status != 403) return -1;
    size_t i = 0;
    for (const auto& instance : stack_->streams()) {
      if (CountAt(instance) > before[i]) return static_cast<int>(i);
      ++i;
    }
    return -1;
  }

  static void SetUpTestSuite() { stack_ = std::make_unique<GatewayStack>(); }
  static void TearDownTestSuite() { stack_ = nullptr; }

  static inline std::unique_ptr<GatewayStack> stack_;
  common::http::Client browser_{{.ca_file = stack_->gateway().ca_file()}};
};

TEST_F(GatewayWebhooks, OnePathGoesToOneInstanceWhileItIsThere) {
  std::map<std::string, int> owners;
  for (int i = 0; i < 24; ++i) {
    const std::string path = "/stream/webhook/twitch/" + common::Uuid::V4().ToString();
    owners[path] = SendTo(path);
  }
  std::set<int> used;
  for (const auto& [path, owner] : owners) {
    used.insert(owner);
    EXPECT_EQ(SendTo(path), owner);
    EXPECT_EQ(SendTo(path + "?a=b"), owner) << "the query is no part of the path";
  }
  EXPECT_EQ(used, (std::set<int>{0, 1})) << "both have work, and every message is answered";

  // Killed, and nobody took it out of the list.
  stack_->streams().front().daemon->Kill();
  for (const auto& [path, owner] : owners) EXPECT_EQ(SendTo(path), 1) << path;
  // Back again, its links come back to it.
  stack_->streams().front().daemon->Start();
  for (const auto& [path, owner] : owners) EXPECT_EQ(SendTo(path), owner) << path;
}

TEST_F(GatewayWebhooks, AChannelIsLinkedAndGoesLive) {
  const common::Uuid account = common::Uuid::V4();
  const std::string token = "Bearer " + Sign(Claims(account, {"user"}, {}));
  const SecureWire wire(stack_->gateway().Channel(true));
  const std::string user =
      json::parse(stack_->Sim("/sim/users", {{"login", "somebody"}}).body)["id"];
  v1::LinkPlatformRequest link;
  link.set_account_id(account.ToString());
  link.set_platform(v1::STREAM_PLATFORM_TWITCH);
  const auto begun = wire.Call(link, token).As<v1::LinkPlatformResponse>();

  const auto redirect = browser_.Send({.url = begun.authorization_url() + "&login=somebody"});
  const std::string back(
      common::http::FindHeader(redirect->headers, "location").value_or(std::string_view()));
  EXPECT_THAT(back, HasSubstr(stack_->gateway().url() + "/stream/oauth/callback/twitch?"));
  EXPECT_EQ(browser_.Send({.url = back})->status, 200);

  v1::ListPlatformsRequest list;
  list.set_account_id(account.ToString());
  const auto links = wire.Call(list, token).As<v1::ListPlatformsResponse>();
  ASSERT_EQ(links.platforms_size(), 1);
  const std::string link_id = links.platforms(0).link_id();
  // Twitch met the challenges at the gateway, over TLS.
  ASSERT_TRUE(Eventually([&] {
    int enabled = 0;
    const json listed = stack_->AskSim("/sim/eventsub");
    for (const auto& subscription : listed["subscriptions"]) {
      const std::string type = subscription["type"];
      enabled += subscription["status"] == "enabled" && type.starts_with("stream.o");
    }
    return enabled == 2;
  }));
  v1::ListPlatformSessionsRequest sessions;
  sessions.set_account_id(account.ToString());
  const auto live = [&] {
    return wire.Call(sessions, token).As<v1::ListPlatformSessionsResponse>().sessions_size();
  };
  stack_->Sim("/sim/channels/" + user + "/live", json::object());
  EXPECT_TRUE(Eventually([&] { return live() == 1; }));
  stack_->Sim("/sim/channels/" + user + "/offline", json::object());
  EXPECT_TRUE(Eventually([&] { return live() == 0; }));
}

// Queries, tokens, bodies: neither when all is well nor when nothing works.
TEST_F(GatewayWebhooks, NothingIsWrittenDown) {
  Marks marks;
  const auto mark = [&marks](const std::string& what) {
    const std::string text = "zqCanaryqz" + std::to_string(100'000 + marks.size());
    marks.Add(what, text);
    return text;
  };
  const SecureWire wire(stack_->gateway().Channel());
  const auto tell_everything = [&](const std::string& when) {
    const std::string url = stack_->gateway().url();
    browser_
        .Send({.url = url + "/stream/oauth/callback/twitch?code=" + mark("code " + when) +
                      "&state=" + mark("state " + when)})
        .IgnoreError();
    browser_.Send({.url = url + "/stream/" + mark("path " + when) + "%20x?y=" + mark("y " + when)})
        .IgnoreError();
    browser_
        .Send({.method = "POST",
               .url = url + "/stream/webhook/twitch/x?token=" + mark("query " + when),
               .headers = {{"Authorization", mark("header " + when)},
                           {"Referer", "https://a.example/?" + mark("referer " + when)},
                           {"X-Request-Id", mark("id " + when) + "!"}},
               .body = "{\"text\":\"" + mark("body " + when) + "\"}" + std::string(200'000, ' ')})
        .IgnoreError();
    // As chunks of one byte, which take more room than they bring.
    const std::string text = mark("chunks " + when);
    std::string chunks;
    for (const char letter : text) chunks += std::string("1\\r\\n") + letter + "\\r\\n";
    RunToEnd(
        "(printf 'POST /stream/webhook/twitch/x HTTP/1.1\\r\\nHost: a\\r\\n"
        "Transfer-Encoding: chunked\\r\\nConnection: close\\r\\n\\r\\n" +
        chunks + "0\\r\\n\\r\\n'; sleep 0.2) | openssl s_client -quiet -connect " +
        stack_->gateway().address() + " -CAfile " + stack_->gateway().ca_file());
    wire.Call("/bannou.stream.v1.PlatformService/ListPlatforms?q=" + mark("call's query " + when),
              "\n\x10" + mark("message " + when), "Bearer " + mark("token " + when));
    wire.Call("/bannou.streaming.v1.FollowService/ListFollowers", mark("message " + when),
              "Bearer " + mark("token " + when));
  };
  tell_everything("while all works");
  for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
    for (auto& instance : *instances) instance.daemon->Kill();
  }
  tell_everything("while nothing works");
  // Both logs have spoken of it.
  EXPECT_TRUE(Eventually([&] {
    return stack_->gateway().Log().find("connect() failed") != std::string::npos &&
           stack_->gateway().Log().find("\"status\":\"502\"") != std::string::npos;
  }));
  EXPECT_GT(marks.size(), 20u);
  for (const auto& [what, around] : marks.FindIn(stack_->gateway().Files())) {
    ADD_FAILURE() << "the " << what << " is written down: " << around;
  }
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           stack_->gateway().directory() / "state" / "tmp")) {
    files += entry.is_regular_file();
  }
  EXPECT_EQ(files, 0);
  for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
    for (auto& instance : *instances) instance.daemon->Start();
  }
}

}  // namespace
}  // namespace story
