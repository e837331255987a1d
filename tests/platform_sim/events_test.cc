// Every event of the channels against the recorded shapes, and the rules of EventSub that only they
// show.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/platform_sim/sim_test.h"

namespace platform_sim {
namespace {

using testing::SizeIs;

constexpr const char* kAllScopes =
    "user:read:chat user:bot channel:bot moderator:read:followers channel:read:subscriptions "
    "bits:read channel:read:hype_train moderation:read channel:read:vips channel:read:redemptions "
    "channel:read:polls channel:read:predictions";

class EventsTest : public PlatformSimTest {
 protected:
  void Link() {
    const auto redirect = RedirectQuery(Authorize({{"scope", kAllScopes}}));
    EXPECT_EQ(Redeem(std::string(*common::http::FindParam(redirect, "code"))).status, 200);
  }
  void SubscribeTo(const std::string& type, const std::string& version, Json condition) {
    EXPECT_EQ(Subscribe(type, version, std::move(condition), hook_.url()).status, 202) << type;
    Settle();
  }
  Json Channel() { return {{"broadcaster_user_id", user_id_}}; }
  // What arrives for one event.
  Json Happen(const Json& event) {
    const size_t before = hook_.Of("notification").size();
    const Response response = Post("/sim/channels/" + user_id_ + "/events", event);
    EXPECT_EQ(response.status, 202) << event;
    EXPECT_EQ(Body(response)["queued"], 1) << event;
    Settle();
    const auto received = hook_.Of("notification");
    return received.size() == before + 1 ? received.back().body : Json();
  }
};

TEST_F(EventsTest, HaveTheRecordedShapes) {
  Link();
  const Json second = {{"user_id", "5"},
                       {"user_login", "a"},
                       {"user_name", "A"},
                       {"type", "subscription"},
                       {"total", 1500}};
  const std::vector<std::tuple<const char*, const char*, Json>> recorded = {
      {"channel.follow", "2", {{"type", "channel.follow"}}},
      {"channel.subscribe", "1", {{"type", "channel.subscribe"}}},
      {"channel.subscription.gift", "1", {{"type", "channel.subscription.gift"}}},
      {"channel.subscription.message", "1", {{"type", "channel.subscription.message"}}},
      {"channel.cheer", "1", {{"type", "channel.cheer"}}},
      {"channel.raid", "1", {{"type", "channel.raid"}}},
      {"channel.update", "2", {{"type", "channel.update"}}},
      {"channel.hype_train.begin", "2", {{"type", "channel.hype_train.begin"}}},
      {"channel.moderator.add", "1", {{"type", "channel.moderator.add"}}},
      {"channel.vip.add", "1", {{"type", "channel.vip.add"}}},
      {"channel.chat.notification.community_sub_gift",
       "1",
       {{"type", "channel.chat.notification"}, {"notice_type", "community_sub_gift"}}},
  };
  for (const auto& [fixture, version, event] : recorded) {
    const std::string type = TextOf(event, "type");
    Json condition = Channel();
    if (type == "channel.follow") condition["moderator_user_id"] = user_id_;
    if (type == "channel.chat.notification") condition["user_id"] = user_id_;
    if (type == "channel.raid") condition = {{"to_broadcaster_user_id", user_id_}};
    SubscribeTo(type, version, std::move(condition));
    EXPECT_EQ(Shape(Happen(event)), Shape(ReadFixture(fixture))) << fixture;
  }
  EXPECT_EQ(Shape(Happen({{"type", "channel.subscribe"}, {"event", {{"is_gift", true}}}})),
            Shape(ReadFixture("channel.subscribe.gifted")));
  SubscribeTo("channel.hype_train.progress", "2", Channel());
  Json progress = Happen({{"type", "channel.hype_train.progress"}, {"event", {{"id", "train"}}}});
  EXPECT_EQ(progress["event"]["id"], "train");
  progress["event"]["top_contributions"].push_back(second);  // the record has two
  EXPECT_EQ(Shape(progress), Shape(ReadFixture("channel.hype_train.progress")));
}

TEST_F(EventsTest, EveryTypeCanBeSubscribedToAndSent) {
  Link();
  for (const char* type :
       {"channel.subscription.end", "channel.bits.use", "channel.moderator.remove",
        "channel.vip.remove", "channel.channel_points_custom_reward_redemption.add",
        "channel.poll.begin", "channel.poll.progress", "channel.poll.end",
        "channel.prediction.begin", "channel.prediction.progress", "channel.prediction.lock",
        "channel.prediction.end"}) {
    SubscribeTo(type, "1", Channel());
    EXPECT_EQ(Happen({{"type", type}})["event"]["broadcaster_user_id"], user_id_) << type;
  }
  SubscribeTo("channel.hype_train.end", "2", Channel());
  EXPECT_TRUE(Happen({{"type", "channel.hype_train.end"}})["event"].contains("ended_at"));
  EXPECT_EQ(Subscribe("channel.hype_train.begin", "1", Channel(), hook_.url()).status, 400);
  EXPECT_EQ(Post("/sim/channels/" + user_id_ + "/events", {{"type", "channel.magic"}}).status, 400);
  EXPECT_EQ(Post("/sim/channels/0/events", {{"type", "channel.cheer"}}).status, 404);
}

TEST_F(EventsTest, NobodyIsNamedInAnonymousCheersAndGifts) {
  Link();
  SubscribeTo("channel.cheer", "1", Channel());
  SubscribeTo("channel.subscription.gift", "1", Channel());
  for (const char* type : {"channel.cheer", "channel.subscription.gift"}) {
    const Json event = Happen({{"type", type}, {"anonymous", true}})["event"];
    EXPECT_EQ(event["is_anonymous"], true) << type;
    for (const char* key : {"user_id", "user_login", "user_name"}) {
      EXPECT_TRUE(event[key].is_null()) << type << " " << key;
    }
  }
}

TEST_F(EventsTest, RaidsAreHeardOfAtBothEnds) {
  Link();
  Post("/sim/users", {{"login", "tidepool_tv"}, {"id", "27620888"}});
  EXPECT_EQ(Subscribe("channel.raid", "1",
                      {{"to_broadcaster_user_id", user_id_}, {"from_broadcaster_user_id", "1"}},
                      hook_.url())
                .status,
            400);
  EXPECT_EQ(Subscribe("channel.raid", "1", Channel(), hook_.url()).status, 400);
  SubscribeTo("channel.raid", "1", {{"from_broadcaster_user_id", "27620888"}});
  const Json raid = Happen({{"type", "channel.raid"}, {"login", "tidepool_tv"}})["event"];
  EXPECT_EQ(raid["from_broadcaster_user_id"], "27620888");
  EXPECT_EQ(raid["to_broadcaster_user_id"], user_id_);
  SubscribeTo("channel.raid", "1", {{"to_broadcaster_user_id", user_id_}});
  EXPECT_EQ(Body(Post("/sim/channels/" + user_id_ + "/events",
                      {{"type", "channel.raid"}, {"login", "tidepool_tv"}}))["queued"],
            2);
}

TEST_F(EventsTest, AGiftOfFiveComesTwelveTimes) {
  Link();
  SubscribeTo("channel.subscription.gift", "1", Channel());
  SubscribeTo("channel.subscribe", "1", Channel());
  SubscribeTo("channel.chat.notification", "1", ChatCondition());
  EXPECT_EQ(Body(Post("/sim/channels/" + user_id_ + "/gifts", {{"total", 5}}))["queued"], 12);
  Settle();
  std::multiset<std::string> kinds;
  std::set<std::string> receivers;
  for (const auto& received : hook_.Of("notification")) {
    const Json& event = received.body["event"];
    kinds.insert(received.type + " " + TextOf(event, "notice_type"));
    if (received.type == "channel.subscribe") receivers.insert(TextOf(event, "user_id"));
  }
  EXPECT_EQ(kinds.count("channel.subscription.gift "), 1);
  EXPECT_EQ(kinds.count("channel.subscribe "), 5);
  EXPECT_EQ(kinds.count("channel.chat.notification community_sub_gift"), 1);
  EXPECT_EQ(kinds.count("channel.chat.notification sub_gift"), 5);
  EXPECT_THAT(receivers, SizeIs(5));
}

TEST_F(EventsTest, TheAppHearsThatAUserDisconnects) {
  Link();
  SubscribeTo("user.authorization.revoke", "1", {{"client_id", "app"}});
  EXPECT_EQ(Post("/sim/users/" + user_id_ + "/disconnect", {{"client_id", "app"}}).status, 202);
  Settle();
  const auto received = hook_.Of("notification");
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].body["event"], Json({{"client_id", "app"},
                                             {"user_id", user_id_},
                                             {"user_login", "emberforge_live"},
                                             {"user_name", "EmberForge_Live"}}));
}

TEST_F(EventsTest, SubscriptionsAreRevokedWithAnyStatus) {
  for (const char* status :
       {"user_removed", "authorization_revoked", "notification_failures_exceeded",
        "version_removed", "moderator_removed", "chat_user_banned", "new_to_you"}) {
    SubscribeTo("stream.online", "1", Channel());
    EXPECT_EQ(
        Body(Post("/sim/revocations", {{"status", status}, {"type", "stream.offline"}}))["queued"],
        0);
    const Json wanted = {{"status", status}, {"type", "stream.online"}, {"user_id", user_id_}};
    EXPECT_EQ(Body(Post("/sim/revocations", wanted))["queued"], 1);
    Settle();
    const auto revoked = hook_.Of("revocation").back();
    EXPECT_EQ(revoked.body["subscription"]["status"], status);
    EXPECT_TRUE(revoked.signature_ok);
  }
  EXPECT_EQ(Post("/sim/revocations", Json::object()).status, 400);
}

TEST_F(EventsTest, SubscriptionsAreLimitedByCostAndNumber) {
  Post("/sim/settings", {{"max_total_cost", 1}});
  EXPECT_EQ(SubscribeOnline().status, 202);
  const Response over = Subscribe("stream.offline", "1", Channel(), hook_.url());
  const Json recorded = ReadFixture("helix.eventsub")["create_rate_limited"];
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(Body(over), recorded["body"]);
  for (const auto& [name, value] : recorded["headers"].items()) {
    EXPECT_TRUE(common::http::FindHeader(over.headers, name)) << name;
  }
  Link();  // what a user has authorised costs nothing
  EXPECT_EQ(Subscribe("stream.offline", "1", Channel(), hook_.url()).status, 202);
  EXPECT_EQ(Subscribe("stream.offline", "1", Channel(), hook_.url() + "?2").status, 202);
  EXPECT_EQ(Subscribe("stream.offline", "1", Channel(), hook_.url() + "?3").status, 202);
  EXPECT_EQ(Subscribe("stream.offline", "1", Channel(), hook_.url() + "?4").status, 429);
}

TEST_F(EventsTest, StreamsArePagedAndChange) {
  for (const char* login : {"second", "third"}) {
    const std::string id = TextOf(Body(Post("/sim/users", {{"login", login}})), "id");
    EXPECT_EQ(Post("/sim/channels/" + id + "/live", Json::object()).status, 202);
  }
  EXPECT_EQ(Post("/sim/channels/" + user_id_ + "/live", Json::object()).status, 202);
  EXPECT_EQ(Post("/sim/channels/" + user_id_ + "/viewers", {{"viewer_count", 77}}).status, 200);
  Post("/sim/channels/" + user_id_ + "/events",
       {{"type", "channel.update"}, {"event", {{"title", "Renamed"}}}});
  const Headers headers = As(AppToken());
  const Json mine = Body(Send("GET", "/helix/streams?user_login=emberforge_live", headers))["data"];
  EXPECT_EQ(mine[0]["viewer_count"], 77);
  EXPECT_EQ(mine[0]["title"], "Renamed");
  const Json page = Body(Send("GET", "/helix/streams?first=2", headers));
  ASSERT_THAT(page["data"], SizeIs(2));
  const Json rest = Body(
      Send("GET", "/helix/streams?first=2&after=" + TextOf(page["pagination"], "cursor"), headers));
  EXPECT_THAT(rest["data"], SizeIs(1));
  EXPECT_EQ(rest["pagination"], Json::object());
}

TEST_F(EventsTest, ARevokedTokenTakesItsRefreshTokenAlong) {
  const Json issued = Body(Redeem(NewCode()));
  EXPECT_EQ(
      PostForm("/oauth2/revoke", {{"client_id", "app"}, {"token", TextOf(issued, "access_token")}})
          .status,
      200);
  EXPECT_EQ(Refresh(TextOf(issued, "refresh_token")).status, 400);
}

}  // namespace
}  // namespace platform_sim
