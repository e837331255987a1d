// Whatever happens to a link, no token, code, state, secret or name of it turns up where it does
// not belong: in a log, a metric, an event, an error, Redis or a column of the database.
#include <gtest/gtest.h>

#include "tests/e2e/channel.h"
#include "tests/e2e/sinks.h"
#include "tests/e2e/stored_tokens.h"
#include "tests/story/wire.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;

class LinkCanary : public testing::Test {
 protected:
  Answer Ask(const google::protobuf::Message& request) {
    Answer answer = wire_.Call(request, "Bearer " + Sign(Claims(account_, {"user"})));
    errors_ += answer.status.error_message() + answer.status.error_details() + "\n";
    return answer;
  }
  common::http::Response Get(const std::string& url) {
    auto response = *common::http::Client().Send({.url = url});
    errors_ += response.body + "\n";
    return response;
  }
  void Mark(const std::string& what, const std::string& mark) {
    ASSERT_GE(mark.size(), 8u) << what << ": too short to be told from chance";
    marks_.emplace_back(what, mark);
  }
  // A link request that was agreed to.
  v1::PlatformCallbackRequest Agree() {
    v1::LinkPlatformRequest request;
    request.set_account_id(account_.ToString());
    request.set_platform(v1::STREAM_PLATFORM_TWITCH);
    const auto begun = Ask(request).As<v1::LinkPlatformResponse>();
    const std::string location = side_.Approve(begun.authorization_url(), login_);
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1)).value();
    v1::PlatformCallbackRequest callback;
    callback.set_link_request_id(begun.link_request_id());
    callback.set_authorization_code(std::string(*common::http::FindParam(query, "code")));
    callback.set_state(std::string(*common::http::FindParam(query, "state")));
    Mark("code", callback.authorization_code());
    Mark("state", callback.state());
    return callback;
  }
  void Fault(const std::string& route, json fault) {
    fault["route"] = route;
    ASSERT_LT(side_.Sim("/sim/faults", fault).status, 300);
  }
  void MarkTokens(const std::string& link_id) {
    const auto tokens = ReadStoredTokens(side_.daemon.database(), link_id);
    Mark("access token", tokens.access);
    Mark("refresh token", tokens.refresh);
  }
  void ExpectNothingAnywhere() {
    const std::pair<const char*, std::string> sinks[] = {
        {"log", side_.daemon.Log()},
        {"metrics", side_.daemon.Get("/metrics").body},
        {"MySQL", DumpDatabase(side_.daemon.database())},
        {"Redis", DumpRedis()},
        {"NATS", tap_.All()},
        {"errors", errors_},
    };
    for (const auto& [sink, text] : sinks) {
      EXPECT_GT(text.size(), 100u) << "nothing was written to " << sink;
      for (const auto& [what, mark] : marks_) {
        EXPECT_FALSE(Contains(text, FormsOf(mark))) << "the " << what << " is in " << sink;
      }
    }
  }

  const NatsTap tap_;
  const PlatformSide side_{
      {"TOKEN_REFRESH_INTERVAL_SECONDS=1", "SESSION_POLL_INTERVAL_SECONDS=1", "LOG_LEVEL=debug"}};
  const Wire wire_{side_.daemon.grpc_address(), side_.daemon.grpc_address()};
  const Uuid account_ = Uuid::V4();
  const std::string login_ = "canary_login_" + account_.ToString().substr(0, 8);
  std::string errors_;
  std::vector<std::pair<std::string, std::string>> marks_;
};

TEST_F(LinkCanary, SingsNowhere) {
  Mark("login", login_);
  Mark("display name", "Canary Display Name");
  Mark("client secret", PlatformSide::kClientSecret);
  Mark("webhook secret", PlatformSide::kWebhookSecret);
  Mark("encryption key", PlatformSide::kEncryptionKey);
  const auto user = json::parse(
      side_.Sim("/sim/users", {{"login", login_}, {"display_name", "Canary Display Name"}}).body);
  const std::string user_id = user["id"];
  Mark("user id", user_id);

  // What is wrong, by RPC and by browser.
  auto wrong = Agree();
  wrong.set_state("canary-wrong-state");
  Mark("wrong state", wrong.state());
  EXPECT_EQ(Ask(wrong).reason(), "OAUTH_STATE_MISMATCH");
  wrong = Agree();
  wrong.set_authorization_code("canary-wrong-code");
  Mark("wrong code", wrong.authorization_code());
  EXPECT_EQ(Ask(wrong).reason(), "AUTHORIZATION_CODE_INVALID");
  const std::string redirect = side_.callback_url() + "?state=";
  EXPECT_EQ(Get(redirect + "canary-wrong-state&code=canary-wrong-code").status, 400);
  EXPECT_EQ(Get(redirect + "canary-wrong-state&error=canary-wrong-code").status, 400);
  EXPECT_EQ(Get(redirect + Agree().state() + "&code=canary-wrong-code").status, 400);
  // What the platform does wrong: the code is spent, the answer is no answer.
  const auto unlucky = Agree();
  Fault("/oauth2/token", {{"status", 500}, {"count", 1}});
  EXPECT_EQ(Ask(unlucky).reason(), "PLATFORM_UNAVAILABLE");

  const auto linked = Ask(Agree()).As<v1::PlatformLinkDetail>();
  MarkTokens(linked.link_id());
  ASSERT_TRUE(Eventually([&] { return side_.HearsOf(linked.link_id()); }));
  ASSERT_EQ(side_.Sim("/sim/channels/" + user_id + "/live", {{"title", "t"}}).status, 202);

  // A token that cannot be renewed for a while, and then is.
  Fault("/oauth2/token", {{"status", 503}, {"count", 2}});
  ASSERT_LT(side_.Sim("/sim/users/" + user_id + "/expire", {{"client_id", PlatformSide::kClientId}})
                .status,
            300);
  ASSERT_TRUE(OpenDatabase(side_.daemon.database())
                  ->Run("UPDATE link SET token_expires_at = NOW(6) - INTERVAL 1 SECOND")
                  .ok());
  ASSERT_TRUE(Eventually([&] {
    return side_.daemon.Metric(
               "stream_token_refreshes_total{outcome=\"refreshed\",platform=\"twitch\"}") == 1;
  }));
  MarkTokens(linked.link_id());

  // A custom platform, refused and accepted.
  v1::LinkPlatformRequest custom;
  custom.set_account_id(account_.ToString());
  custom.set_platform(v1::STREAM_PLATFORM_CUSTOM);
  custom.set_custom_rtmp_endpoint("http://live.example.com/app/canary-stream-key");
  Mark("stream key", "canary-stream-key");
  EXPECT_EQ(Ask(custom).reason(), "RTMP_ENDPOINT_INVALID");
  custom.set_custom_rtmp_endpoint("rtmp://live.example.com/app/canary-stream-key");
  const auto custom_link = Ask(custom).As<v1::LinkPlatformResponse>();
  Mark("custom webhook secret", custom_link.webhook_secret());

  ExpectNothingAnywhere();  // while the link lives

  // A farewell that is not heard at first.
  Fault("/oauth2/revoke", {{"status", 500}, {"count", 1}});
  v1::UnlinkPlatformRequest unlink;
  unlink.set_account_id(account_.ToString());
  unlink.set_link_id(linked.link_id());
  EXPECT_EQ(Ask(unlink).reason(), "");
  ASSERT_TRUE(Eventually(
      [&] { return side_.daemon.Metric("stream_farewells_total{outcome=\"done\"}") == 1; }));
  ExpectNothingAnywhere();
}

}  // namespace
}  // namespace story
