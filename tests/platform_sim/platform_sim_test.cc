// The simulator against the platform's recorded shapes and rules, over its real HTTP: Twitch.
#include <chrono>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "tests/platform_sim/crowd.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/sim_test.h"

namespace platform_sim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST_F(PlatformSimTest, LinksThroughTheCodeFlow) {
  const Params answer = RedirectQuery(Authorize({}));
  EXPECT_EQ(common::http::FindParam(answer, "state"), "st&te");
  EXPECT_EQ(common::http::FindParam(answer, "scope"), kScopes);
  const Response issued = Redeem(std::string(*common::http::FindParam(answer, "code")));
  const Json oauth = ReadFixture("oauth.twitch");
  ASSERT_EQ(issued.status, 200);
  Json body = Body(issued);
  EXPECT_EQ(body["scope"],
            Json::array({"user:read:chat", "user:bot", "channel:bot", "moderator:read:followers"}));
  body["scope"].erase(2);
  body["scope"].erase(2);
  EXPECT_EQ(Shape(body), Shape(oauth["token_ok"]["body"]));

  const std::string token = TextOf(body, "access_token");
  Json valid = Body(Send("GET", "/oauth2/validate", {{"Authorization", "OAuth " + token}}));
  EXPECT_EQ(valid["user_id"], user_id_);
  valid["scopes"].erase(2);
  valid["scopes"].erase(2);
  EXPECT_EQ(Shape(valid), Shape(oauth["validate_ok"]["body"]));
  const Json users = Body(Send("GET", "/helix/users", As(token)));
  EXPECT_EQ(users["data"][0]["login"], "emberforge_live");

  const Params revocation = {{"client_id", "app"}, {"token", token}};
  EXPECT_EQ(PostForm("/oauth2/revoke", revocation).status, 200);
  const Response again = PostForm("/oauth2/revoke", revocation);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(Body(again), oauth["revoke_bad_token"]["body"]);
  const Response gone = Send("GET", "/oauth2/validate", {{"Authorization", "OAuth " + token}});
  EXPECT_EQ(gone.status, 401);
  EXPECT_EQ(Body(gone), oauth["validate_bad"]["body"]);
}

TEST_F(PlatformSimTest, RefusesWrongRedirectsCodesAndSecrets) {
  EXPECT_EQ(Authorize({{"redirect_uri", "http://localhost:1/elsewhere"}}).status, 400);
  EXPECT_EQ(Authorize({{"client_id", "stranger"}}).status, 400);
  EXPECT_EQ(Authorize({{"login", "nobody"}}).status, 400);
  EXPECT_EQ(common::http::FindParam(RedirectQuery(Authorize({{"deny", "1"}})), "error"),
            "access_denied");

  const std::string code = NewCode();
  EXPECT_EQ(Redeem(code, {{"client_secret", "wrong"}}).status, 403);
  EXPECT_EQ(Redeem(code).status, 200);
  EXPECT_EQ(Redeem(code).status, 400);
  EXPECT_EQ(Redeem("invented").status, 400);
  EXPECT_EQ(Redeem(NewCode(), {{"redirect_uri", "http://localhost:1/elsewhere"}}).status, 400);
  EXPECT_EQ(Redeem(NewCode(), {{"grant_type", "magic"}}).status, 400);
}

TEST_F(PlatformSimTest, ASpentRefreshTokenEndsTheGrantAndItsSubscriptions) {
  const std::string first = TextOf(Body(Redeem(NewCode())), "refresh_token");
  SubscribeAndVerify("channel.chat.message", ChatCondition());
  const Json renewed = Body(Refresh(first));
  const std::string second = TextOf(renewed, "refresh_token");
  EXPECT_NE(first, second);
  const Json oauth = ReadFixture("oauth.twitch");
  EXPECT_EQ(Body(Refresh(first)), oauth["refresh_invalid"]["body"]);
  EXPECT_EQ(Refresh(second).status, 400);
  EXPECT_EQ(Send("GET", "/helix/users", As(TextOf(renewed, "access_token"))).status, 401);
  Settle();
  const auto revoked = hook_.Of("revocation");
  ASSERT_THAT(revoked, SizeIs(1));
  EXPECT_EQ(revoked[0].body["subscription"]["status"], "authorization_revoked");
  EXPECT_EQ(List()["data"][0]["status"], "authorization_revoked");
}

TEST_F(PlatformSimTest, BodiesHaveTheRecordedShapes) {
  Redeem(NewCode());
  SubscribeAndVerify("stream.online", {{"broadcaster_user_id", user_id_}});
  SubscribeAndVerify("stream.offline", {{"broadcaster_user_id", user_id_}});
  SubscribeAndVerify("channel.chat.message", ChatCondition());
  EXPECT_EQ(
      Subscribe("channel.follow", "2",
                {{"broadcaster_user_id", user_id_}, {"moderator_user_id", user_id_}}, hook_.url())
          .status,
      202);
  Settle();
  const std::string channel = "/sim/channels/" + user_id_;
  EXPECT_EQ(Post(channel + "/live", {{"viewer_count", 12}}).status, 202);
  EXPECT_EQ(Post(channel + "/live", Json::object()).status, 409);
  EXPECT_EQ(Body(Send("GET", "/helix/streams?user_id=" + user_id_,
                      As(AppToken())))["data"][0]["viewer_count"],
            12);
  Settle();
  Json line = {{"login", "night_heron_42"},
               {"badges", Json::array({"subscriber", "premium"})},
               {"lines", Json::array({"that last jump was insane LUL"})}};
  EXPECT_EQ(Post(channel + "/chat", line).status, 202);
  Settle();
  line["lines"] = Json::array({"<b>\"quoted\"</b> & more"});
  line["bits"] = 100;
  EXPECT_EQ(Post(channel + "/chat", line).status, 202);
  Settle();
  EXPECT_EQ(Post(channel + "/offline", Json::object()).status, 202);
  EXPECT_EQ(Body(Send("GET", "/helix/streams", As(AppToken())))["data"], Json::array());
  Settle();
  EXPECT_EQ(Post("/sim/users/" + user_id_ + "/disconnect", {{"client_id", "app"}}).status, 202);
  Settle();

  const auto notifications = hook_.Of("notification");
  ASSERT_THAT(notifications, SizeIs(4));
  const char* const recorded[] = {"stream.online", "channel.chat.message",
                                  "channel.chat.message.cheer", "stream.offline"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Shape(notifications[i].body), Shape(ReadFixture(recorded[i]))) << recorded[i];
  }
  const Json& message = notifications[1].body["event"]["message"];
  EXPECT_EQ(message, ReadFixture("channel.chat.message")["event"]["message"]);
  EXPECT_EQ(notifications[2].body["event"]["message"],
            ReadFixture("channel.chat.message.cheer")["event"]["message"]);
  const auto challenges = hook_.Of("webhook_callback_verification");
  ASSERT_THAT(challenges, SizeIs(4));
  EXPECT_EQ(Shape(challenges[3].body), Shape(ReadFixture("webhook_callback_verification")));
  const auto revocations = hook_.Of("revocation");
  ASSERT_THAT(revocations, SizeIs(2));  // chat and follow; online and offline need no grant
  // Several threads deliver, so either may come first.
  const bool follow_first = revocations[0].body["subscription"]["type"] == "channel.follow";
  EXPECT_EQ(Shape(revocations[follow_first ? 0 : 1].body),
            Shape(ReadFixture("revocation.authorization_revoked")));
}

TEST_F(PlatformSimTest, EveryMessageIsSignedAndFresh) {
  SubscribeAndVerify("stream.online", {{"broadcaster_user_id", user_id_}});
  Post("/sim/channels/" + user_id_ + "/live", Json::object());
  Settle();
  for (const char* kind : {"webhook_callback_verification", "notification"}) {
    const auto received = hook_.Of(kind);
    ASSERT_THAT(received, SizeIs(1)) << kind;
    EXPECT_TRUE(received[0].signature_ok) << kind;
    EXPECT_EQ(received[0].retry, "0");
    EXPECT_EQ(received[0].type, "stream.online");
    const auto sent_at = common::ParseTime(received[0].timestamp);
    ASSERT_TRUE(sent_at) << received[0].timestamp;
    EXPECT_LT(std::chrono::abs(common::Now() - *sent_at), std::chrono::minutes(1));
  }
}

TEST_F(PlatformSimTest, RetriesUnderTheSameIdAndGivesUp) {
  SubscribeAndVerify("stream.online", {{"broadcaster_user_id", user_id_}});
  SubscribeAndVerify("stream.offline", {{"broadcaster_user_id", user_id_}});
  hook_.FailNext(2);
  Post("/sim/channels/" + user_id_ + "/live", Json::object());
  Settle();
  const auto received = hook_.Of("notification");
  ASSERT_THAT(received, SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(received[static_cast<size_t>(i)].id, received[0].id);
    EXPECT_EQ(received[static_cast<size_t>(i)].retry, std::to_string(i));
    EXPECT_TRUE(received[static_cast<size_t>(i)].signature_ok);
  }
  hook_.FailNext(1000);
  Post("/sim/channels/" + user_id_ + "/offline", Json::object());
  Settle();
  EXPECT_THAT(hook_.Of("notification"), SizeIs(3 + 4));
  const Json stats = Stats();
  EXPECT_EQ(stats["sent"], 2 + 3 + 4);
  EXPECT_EQ(stats["accepted"], 2 + 1);
  EXPECT_EQ(stats["rejected"], 2 + 4);
  EXPECT_EQ(stats["retried"], 2 + 3);
  EXPECT_EQ(stats["dropped"], 1);
}

TEST_F(PlatformSimTest, AFailedChallengeLeavesTheSubscriptionFailed) {
  hook_.Challenge(false);
  const Response created = SubscribeOnline();
  EXPECT_EQ(created.status, 202);
  Settle();
  EXPECT_EQ(List()["data"][0]["status"], "webhook_callback_verification_failed");
  Post("/sim/channels/" + user_id_ + "/live", Json::object());
  Settle();
  EXPECT_THAT(hook_.Of("notification"), IsEmpty());
  // A broken one is in nobody's way.
  hook_.Challenge(true);
  EXPECT_EQ(SubscribeOnline().status, 202);
  Settle();
  EXPECT_EQ(List("?status=enabled")["total"], 1);
}

TEST_F(PlatformSimTest, KeepsSubscriptionsAsThePlatformDoes) {
  const Json helix = ReadFixture("helix.eventsub");
  const Response created = SubscribeOnline();
  EXPECT_EQ(created.status, 202);
  EXPECT_EQ(Shape(Body(created)), Shape(helix["create_accepted"]["body"]));
  const Response twice = SubscribeOnline();
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(Body(twice), helix["create_conflict"]["body"]);
  const Response unauthorised =
      Subscribe("channel.chat.message", "1", ChatCondition(), hook_.url());
  EXPECT_EQ(unauthorised.status, 403);
  EXPECT_EQ(Body(unauthorised), helix["create_missing_auth"]["body"]);

  Redeem(NewCode());
  SubscribeAndVerify("stream.offline", {{"broadcaster_user_id", user_id_}});
  SubscribeAndVerify("channel.chat.message", ChatCondition());
  const Json first = List();
  EXPECT_EQ(first["total"], 3);
  EXPECT_EQ(first["total_cost"], 1);  // the first came before the user authorised the app
  ASSERT_THAT(first["data"], SizeIs(2));
  const Json rest = List("?after=" + TextOf(first["pagination"], "cursor"));
  ASSERT_THAT(rest["data"], SizeIs(1));
  EXPECT_EQ(rest["data"][0]["type"], "channel.chat.message");
  EXPECT_EQ(rest["pagination"], Json::object());
  Json page = first;
  page["data"].erase(1);
  Json recorded = helix["list"]["body"];
  recorded["data"].erase(1);
  EXPECT_EQ(Shape(page), Shape(recorded));
  EXPECT_EQ(List("?type=stream.online")["total"], 1);

  const std::string path = "/helix/eventsub/subscriptions?id=" + TextOf(first["data"][0], "id");
  EXPECT_EQ(Send("DELETE", path, As(AppToken())).status, 204);
  EXPECT_EQ(Send("DELETE", path, As(AppToken())).status, 404);
  EXPECT_EQ(List()["total"], 2);
}

TEST_F(PlatformSimTest, RefusesCallersAndCallbacks) {
  EXPECT_EQ(Send("GET", "/helix/users").status, 401);
  EXPECT_EQ(Send("GET", "/helix/users", As("invented")).status, 401);
  Headers other = As(AppToken());
  other[1].second = "other";
  EXPECT_EQ(Send("GET", "/helix/users", other).status, 401);
  const std::string user_token = TextOf(Body(Redeem(NewCode())), "access_token");
  EXPECT_EQ(Send("POST", "/helix/eventsub/subscriptions", As(user_token), "{}").status, 400);
  const Json condition = {{"broadcaster_user_id", user_id_}};
  for (const char* callback : {"http://example.net/hook", "https://example.net:8443/hook", "x", "",
                               "http://127.0.0.1.example.net/", "ftp://127.0.0.1:1/"}) {
    EXPECT_EQ(Subscribe("stream.online", "1", condition, callback).status, 400) << callback;
  }
  EXPECT_EQ(Subscribe("stream.online", "2", condition, hook_.url()).status, 400);
  EXPECT_EQ(Subscribe("stream.online", "1", Json::object(), hook_.url()).status, 400);
  auto strict = *PlatformSim::Start({});
  std::swap(sim_, strict);
  Post("/sim/apps", {{"client_id", "app"}, {"client_secret", "app-secret"}});
  EXPECT_EQ(SubscribeOnline().status, 400);
}

TEST_F(PlatformSimTest, ACrowdSpeaksAsScripted) {
  Redeem(NewCode());
  SubscribeAndVerify("channel.chat.message", ChatCondition());
  const std::string path = "/sim/channels/" + user_id_ + "/crowd";
  const Json script = {{"chatters", 20},
                       {"messages_per_second", 100},
                       {"seconds", 1},
                       {"mood", "hype"},
                       {"seed", 7}};
  EXPECT_EQ(Body(Post(path, script))["queued"], 100);
  Settle();
  const auto received = hook_.Of("notification");
  ASSERT_THAT(received, SizeIs(100));
  std::multiset<std::string> heard;
  for (const auto& message : received) {
    heard.insert(message.body["event"]["message"]["text"].get<std::string>());
  }
  std::multiset<std::string> written;
  for (const CrowdLine& line : WriteCrowd({.chatters = 20,
                               .messages_per_second = 100,
                               .seconds = 1,
                               .mood = Mood::kHype,
                               .seed = 7})) {
    written.emplace(line.text);
    EXPECT_LT(line.chatter, 20);
    EXPECT_LE(line.at, std::chrono::seconds(1));
  }
  EXPECT_EQ(heard, written);
  EXPECT_EQ(Post(path, {{"mood", "euphoric"}}).status, 400);
  EXPECT_EQ(Post(path, {{"mood", "calm"}, {"messages_per_second", 1000}, {"seconds", 600}}).status,
            400);
}

TEST(Ids, TimesHaveSevenToNineDigits) {
  using Nanos = std::chrono::nanoseconds;
  const auto at = [](int64_t nanos) {
    return FormatNanos(std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(Nanos(nanos))));
  };
  EXPECT_EQ(at(123'456'789), "1970-01-01T00:00:00.123456789Z");
  EXPECT_EQ(at(123'456'700), "1970-01-01T00:00:00.1234567Z");
  EXPECT_EQ(at(0), "1970-01-01T00:00:00.0000000Z");
}

}  // namespace
}  // namespace platform_sim
