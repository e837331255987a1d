// What the simulator does wrong on demand, and what it counts.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "tests/platform_sim/sim_test.h"

namespace platform_sim {
namespace {

using testing::SizeIs;

class FaultsTest : public PlatformSimTest {
 protected:
  void Fault(const Json& fault) { EXPECT_EQ(Post("/sim/faults", fault).status, 200) << fault; }
  void DeliveryFault(const Json& fault) {
    EXPECT_EQ(Post("/sim/deliveries", fault).status, 200) << fault;
  }
  void GoLive() { Post("/sim/channels/" + user_id_ + "/live", Json::object()); }
  void GoOffline() { Post("/sim/channels/" + user_id_ + "/offline", Json::object()); }
  // Subscribes to both and returns what arrives after one broadcast.
  std::vector<Webhook::Received> Broadcast() {
    SubscribeAndVerify("stream.online", {{"broadcaster_user_id", user_id_}});
    SubscribeAndVerify("stream.offline", {{"broadcaster_user_id", user_id_}});
    GoLive();
    Settle();
    GoOffline();
    Settle();
    return hook_.Of("notification");
  }
};

TEST_F(FaultsTest, RoutesFailAsOftenAsTold) {
  const std::string token = AppToken();
  Fault({{"route", "/helix/streams"}, {"status", 503}, {"count", 2}});
  EXPECT_EQ(Send("GET", "/helix/streams", As(token)).status, 503);
  EXPECT_EQ(Body(Send("GET", "/helix/streams", As(token)))["error"], "Service Unavailable");
  EXPECT_EQ(Send("GET", "/helix/streams", As(token)).status, 200);
  Fault({{"route", "/oauth2/token"}, {"status", 500}, {"count", 10}});
  EXPECT_EQ(Redeem(NewCode()).status, 500);
  Fault({{"route", "/oauth2/token"}, {"count", 0}});
  EXPECT_EQ(Redeem(NewCode()).status, 200);
  Fault({{"route", "/youtube/v3/videos"}, {"status", 403}, {"reason", "quotaExceeded"}});
  EXPECT_EQ(Body(Send("GET", "/youtube/v3/videos"))["error"]["errors"][0]["reason"],
            "quotaExceeded");
  Fault({{"route", "/token"}, {"status", 400}, {"reason", "invalid_grant"}});
  EXPECT_EQ(Body(PostForm("/token", {}))["error"], "invalid_grant");
  // Another method of the same pattern is not meant.
  Fault({{"route", "/helix/eventsub/subscriptions"}, {"method", "POST"}, {"status", 500}});
  EXPECT_EQ(Send("GET", "/helix/eventsub/subscriptions", As(token)).status, 200);
  EXPECT_EQ(SubscribeOnline().status, 500);
  for (const Json& bad : {Json({{"route", "/sim/stats"}, {"status", 500}}),
                          Json({{"route", "/helix/streams"}, {"status", 7}}), Json::object()}) {
    EXPECT_EQ(Post("/sim/faults", bad).status, 400) << bad;
  }
}

TEST_F(FaultsTest, RoutesHangAndTheControlApiDoesNot) {
  Fault({{"route", "/helix/streams"}, {"hang_ms", 60000}, {"count", 40}});
  const auto begin = std::chrono::steady_clock::now();
  const auto late =
      client_.Send({.url = "http://127.0.0.1:" + std::to_string(sim_->port()) + "/helix/streams",
                    .timeout = std::chrono::milliseconds(50)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.status()));
  EXPECT_EQ(Send("GET", "/sim/stats").status, 200);
  EXPECT_EQ(Send("GET", "/helix/users").status, 401);
  sim_.reset();  // waits for nobody
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(FaultsTest, RequestsAreCounted) {
  const std::string refresh = TextOf(Body(Redeem(NewCode())), "refresh_token");
  EXPECT_EQ(Requests("POST /oauth2/token"), 1);
  EXPECT_EQ(Requests("POST /oauth2/token grant_type=refresh_token"), 0);
  Refresh(refresh);
  Fault({{"route", "/oauth2/token"}, {"status", 503}});
  Refresh(refresh);
  EXPECT_EQ(Requests("POST /oauth2/token"), 3);
  EXPECT_EQ(Requests("POST /oauth2/token grant_type=refresh_token"), 2);
  EXPECT_EQ(Requests("GET /oauth2/authorize"), 1);
}

TEST_F(FaultsTest, TokensEndWhenTold) {
  EXPECT_EQ(Post("/sim/settings", {{"user_token_seconds", 300}, {"app_token_seconds", 600}}).status,
            200);
  EXPECT_EQ(Post("/sim/settings", {{"user_token_seconds", 0}}).status, 400);
  EXPECT_EQ(Post("/sim/settings", {{"colour", 1}}).status, 400);
  EXPECT_EQ(Body(Send("GET", "/sim/settings"))["user_token_seconds"], 300);
  const Json issued = Body(Redeem(NewCode()));
  EXPECT_EQ(issued["expires_in"], 300);
  const std::string app_token = AppToken();
  Advance(std::chrono::seconds(301));
  EXPECT_EQ(Send("GET", "/helix/users", As(TextOf(issued, "access_token"))).status, 401);
  EXPECT_EQ(Send("GET", "/helix/users", As(app_token)).status, 200);

  const Json renewed = Body(Refresh(TextOf(issued, "refresh_token")));
  const std::string token = TextOf(renewed, "access_token");
  EXPECT_EQ(Send("GET", "/helix/users", As(token)).status, 200);
  const std::string expire = "/sim/users/" + user_id_ + "/expire";
  EXPECT_EQ(Post(expire, {{"client_id", "another"}}).status, 200);
  EXPECT_EQ(Send("GET", "/helix/users", As(token)).status, 200);
  EXPECT_EQ(Post(expire, Json::object()).status, 200);
  EXPECT_EQ(Send("GET", "/helix/users", As(token)).status, 401);
  EXPECT_EQ(Refresh(TextOf(renewed, "refresh_token")).status, 200);
}

TEST_F(FaultsTest, AGrantEndsInSilence) {
  const std::string refresh = TextOf(Body(Redeem(NewCode())), "refresh_token");
  SubscribeAndVerify("channel.chat.message", ChatCondition());
  EXPECT_EQ(Post("/sim/users/" + user_id_ + "/disconnect", {{"client_id", "app"}, {"silent", true}})
                .status,
            202);
  Settle();
  EXPECT_THAT(hook_.Of("revocation"), SizeIs(0));
  EXPECT_EQ(Body(Refresh(refresh)), ReadFixture("oauth.twitch")["refresh_invalid"]["body"]);
  const Json all = Body(Send("GET", "/sim/eventsub"))["subscriptions"];
  EXPECT_EQ(all[0]["client_id"], "app");
  EXPECT_EQ(all[0]["status"], "authorization_revoked");
}

TEST_F(FaultsTest, MessagesComeAgain) {
  DeliveryFault({{"fault", "repeat"}});
  const auto received = Broadcast();
  ASSERT_THAT(received, SizeIs(3));
  EXPECT_EQ(received[0].id, received[1].id);
  EXPECT_EQ(received[0].timestamp, received[1].timestamp);
  EXPECT_TRUE(received[1].signature_ok);
}

TEST_F(FaultsTest, EventsComeAgainUnderNewIds) {
  DeliveryFault({{"fault", "duplicate"}, {"count", 2}});
  const auto received = Broadcast();
  ASSERT_THAT(received, SizeIs(4));
  EXPECT_NE(received[0].id, received[1].id);
  EXPECT_EQ(received[0].body, received[1].body);
}

TEST_F(FaultsTest, MessagesComeInReverseOrder) {
  DeliveryFault({{"fault", "reverse"}, {"count", 2}});
  const auto received = Broadcast();
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[0].type, "stream.offline");
  EXPECT_EQ(received[1].type, "stream.online");
  // What waits for company that never comes can be let go.
  DeliveryFault({{"fault", "reverse"}, {"count", 5}});
  GoLive();
  EXPECT_EQ(Stats()["pending"], 0);
  DeliveryFault({{"fault", "reverse"}, {"count", 0}});
  Settle();
  EXPECT_THAT(hook_.Of("notification"), SizeIs(3));
}

TEST_F(FaultsTest, TimestampsAndSignaturesAreWrong) {
  DeliveryFault({{"fault", "skew"}, {"seconds", -900}});
  DeliveryFault({{"fault", "bad_signature"}, {"count", 1}});
  const auto received = Broadcast();
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_LT(*common::ParseTime(received[0].timestamp), common::Now() - std::chrono::minutes(14));
  EXPECT_GT(*common::ParseTime(received[1].timestamp), common::Now() - std::chrono::minutes(1));
  EXPECT_FALSE(received[0].signature_ok);
  EXPECT_TRUE(received[1].signature_ok);
}

TEST_F(FaultsTest, MessagesAndChallengesGetLost) {
  DeliveryFault({{"fault", "drop"}});
  ASSERT_THAT(Broadcast(), SizeIs(1));
  DeliveryFault({{"fault", "fail_challenge"}});
  Subscribe("channel.update", "2", {{"broadcaster_user_id", user_id_}}, hook_.url());
  Settle();
  EXPECT_EQ(List("?type=channel.update")["data"][0]["status"],
            "webhook_callback_verification_failed");
  EXPECT_EQ(Post("/sim/deliveries", {{"fault", "magic"}}).status, 400);
  EXPECT_EQ(Post("/sim/deliveries", {{"fault", "drop"}, {"of", "mail"}}).status, 400);
}

}  // namespace
}  // namespace platform_sim
