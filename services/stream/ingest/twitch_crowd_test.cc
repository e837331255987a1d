#include "services/stream/ingest/twitch_crowd.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "services/stream/platforms/eventsub.h"
#include "tests/fixtures/eventsub.h"

namespace stream::ingest {
namespace {

using sentiment::Category;

using fixtures::EventSub;

// The subscription's type, as the body has it.
TwitchEventType TypeIn(const std::string& body) {
  constexpr std::string_view kKey = "\"type\":\"";
  const size_t begin = body.find(kKey) + kKey.size();
  return TwitchEventTypeOf(std::string_view(body).substr(begin, body.find('"', begin) - begin));
}

struct Meaning {
  std::optional<CrowdEvent> crowd;
  std::optional<EventIdentity> identity;
};
Meaning Of(const std::string& name) {
  static std::string body;
  body = EventSub(name);
  const TwitchEventType type = TypeIn(body);
  EXPECT_NE(type, TwitchEventType::kUnknown) << name;
  const auto events = DecodeTwitchEvents(type, body);
  EXPECT_TRUE(events) << name;
  if (!events) return {};
  UnescapeBuffer buffer;
  return {CrowdEventOf(type, events->front(), buffer), IdentityOf(type, events->front())};
}

struct Expected {
  const char* fixture;
  Act act;
  const char* author;  // "": nobody
  Category category;
  float least;  // intensity
};
TEST(CrowdEventOf, EveryActIsFelt) {
  constexpr const char* kUser = "902416337";
  const Expected all[] = {
      {"channel.follow", Act::kFollow, kUser, Category::kSupportive, 0.4f},
      {"channel.subscribe", Act::kSupport, "", Category::kSupportive, 0.6f},
      {"channel.subscription.gift", Act::kSupport, kUser, Category::kExcited, 0.8f},
      {"channel.subscription.gift.anonymous", Act::kSupport, "", Category::kExcited, 0.8f},
      {"channel.cheer", Act::kSupport, kUser, Category::kSupportive, 0.9f},
      {"channel.cheer.anonymous", Act::kSupport, "", Category::kSupportive, 0.7f},
      {"channel.bits.use.power_up", Act::kSupport, kUser, Category::kSupportive, 0.8f},
      {"channel.raid", Act::kRaid, "27620888", Category::kExcited, 0.9f},
      {"channel.hype_train.begin", Act::kNone, "", Category::kExcited, 0.7f},
      {"channel.hype_train.begin.v1", Act::kNone, "", Category::kExcited, 0.7f},
      {"channel.hype_train.progress", Act::kNone, "", Category::kExcited, 0.6f},
      {"channel.hype_train.progress.v1", Act::kNone, "", Category::kExcited, 0.7f},
      {"channel.hype_train.progress.shared", Act::kNone, "", Category::kExcited, 0.6f},
      {"channel.hype_train.end", Act::kNone, "", Category::kSupportive, 0.5f},
      {"channel.hype_train.end.v1", Act::kNone, "", Category::kSupportive, 0.5f},
      {"channel.channel_points_custom_reward_redemption.add.silent", Act::kRedeem, kUser,
       Category::kExcited, 0.4f},
      {"channel.poll.begin", Act::kNone, "", Category::kCurious, 0.5f},
      {"channel.poll.progress", Act::kNone, "", Category::kCurious, 0.3f},
      {"channel.poll.end", Act::kNone, "", Category::kCurious, 0.3f},
      {"channel.prediction.begin", Act::kNone, "", Category::kCurious, 0.5f},
      {"channel.prediction.progress", Act::kNone, "", Category::kCurious, 0.3f},
      {"channel.prediction.lock", Act::kNone, "", Category::kExcited, 0.5f},
      {"channel.prediction.end", Act::kNone, "", Category::kSurprised, 0.5f},
      {"channel.prediction.end.canceled", Act::kNone, "", Category::kCritical, 0.3f},
      {"channel.update", Act::kNone, "", Category::kCurious, 0.3f},
      {"channel.chat.notification.sub", Act::kSupport, kUser, Category::kSupportive, 0.6f},
      {"channel.chat.notification.sub_gift", Act::kSupport, kUser, Category::kSupportive, 0.6f},
      {"channel.chat.notification.community_sub_gift", Act::kSupport, kUser, Category::kExcited,
       0.8f},
      {"channel.chat.notification.gift_paid_upgrade", Act::kSupport, kUser, Category::kSupportive,
       0.6f},
      {"channel.chat.notification.prime_paid_upgrade", Act::kSupport, kUser, Category::kSupportive,
       0.6f},
      {"channel.chat.notification.raid", Act::kRaid, "27620888", Category::kExcited, 0.9f},
      {"channel.chat.notification.bits_badge_tier", Act::kSupport, kUser, Category::kSupportive,
       0.5f},
      {"channel.chat.notification.charity_donation", Act::kSupport, kUser, Category::kSupportive,
       0.7f},
      {"channel.chat.notification.modiversary", Act::kSupport, kUser, Category::kSupportive, 0.5f},
  };
  for (const auto& [fixture, act, author, category, least] : all) {
    const auto crowd = Of(fixture).crowd;
    ASSERT_TRUE(crowd && crowd->felt) << fixture;
    EXPECT_EQ(crowd->act, act) << fixture;
    EXPECT_EQ(crowd->felt->category, category) << fixture;
    EXPECT_GE(crowd->felt->intensity, least - 1e-6) << fixture;
    EXPECT_LE(crowd->felt->intensity, 1) << fixture;
    if (std::string_view(fixture) == "channel.subscribe") continue;  // by anybody
    EXPECT_EQ(crowd->author, privacy::PlatformUserId::From(author)) << fixture;
  }
}

TEST(CrowdEventOf, WordsAreFelt) {
  for (const char* name :
       {"channel.chat.message", "channel.subscription.message", "channel.chat.notification.resub",
        "channel.chat.notification.announcement", "channel.chat.notification.watch_streak",
        "channel.channel_points_custom_reward_redemption.add", "channel.chat.message.cheer"}) {
    const auto crowd = Of(name).crowd;
    ASSERT_TRUE(crowd && crowd->felt) << name;
    EXPECT_TRUE(crowd->author) << name;
    EXPECT_GT(crowd->felt->intensity, 0) << name;
  }
  EXPECT_GT(Of("channel.chat.notification.announcement").crowd->felt->intensity, 0.4);
}

TEST(CrowdEventOf, RolesAreLearnt) {
  EXPECT_EQ(Of("channel.chat.message").crowd->roles.subscriber, true);
  EXPECT_EQ(Of("channel.subscribe").crowd->roles.subscriber, true);
  EXPECT_EQ(Of("channel.raid").crowd->roles.raid_leader, true);
  const auto role_only = [](const char* name) {
    const auto crowd = Of(name).crowd;
    EXPECT_TRUE(crowd && crowd->author) << name;
    EXPECT_FALSE(crowd->felt) << name;
    EXPECT_EQ(crowd->act, Act::kNone) << name;
    return crowd->roles;
  };
  EXPECT_EQ(role_only("channel.moderator.add").moderator, true);
  EXPECT_EQ(role_only("channel.moderator.remove").moderator, false);
  EXPECT_EQ(role_only("channel.vip.add").vip, true);
  EXPECT_EQ(role_only("channel.vip.remove").vip, false);
  EXPECT_EQ(role_only("channel.subscription.end").subscriber, false);
}

TEST(CrowdEventOf, WhatAnotherTellsOrIsNotOursMeansNothing) {
  for (const char* name :
       {"channel.subscribe.gifted", "channel.bits.use.cheer", "channel.chat.message.shared",
        "channel.chat.notification.sub_gift.community", "channel.chat.notification.unraid",
        "channel.chat.notification.pay_it_forward",
        "channel.chat.notification.anonymous_community_sub_gift",
        "channel.chat.notification.shared_chat_sub", "channel.chat.notification.unknown",
        "stream.online", "stream.offline", "user.authorization.revoke"}) {
    EXPECT_FALSE(Of(name).crowd) << name;
  }
}

TEST(CrowdEventOf, TheOwnerIsNoPartOfTheCrowd) {
  std::string body = EventSub("channel.chat.message");
  const std::string user = "902416337";
  body.replace(body.find(user), user.size(), "141981764");
  UnescapeBuffer buffer;
  const auto events = DecodeTwitchEvents(TwitchEventType::kChatMessage, body);
  ASSERT_TRUE(events);
  EXPECT_FALSE(CrowdEventOf(TwitchEventType::kChatMessage, events->front(), buffer));
}

// Twitch tells of one thing under several types and ids.
TEST(IdentityOf, OneThingIsOneWhateverTellsOfIt) {
  const auto same = [](const char* one, const char* other) {
    const auto a = Of(one).identity;
    const EventIdentity first = *a;
    const std::string id(first.id);
    const auto second = *Of(other).identity;
    return first.kind == second.kind && id == second.id && first.by_user == second.by_user &&
           first.number == second.number;
  };
  EXPECT_TRUE(same("channel.subscription.gift", "channel.chat.notification.community_sub_gift"));
  EXPECT_TRUE(same("channel.subscribe", "channel.chat.notification.sub"));
  EXPECT_TRUE(same("channel.subscription.message", "channel.chat.notification.resub"));
  EXPECT_TRUE(same("channel.raid", "channel.chat.notification.raid"));
  EXPECT_FALSE(same("channel.chat.notification.sub_gift", "channel.subscription.gift"));
  EXPECT_FALSE(same("channel.hype_train.begin", "channel.hype_train.end"));
  EXPECT_FALSE(same("channel.poll.begin", "channel.poll.progress"));
  EXPECT_FALSE(same("channel.prediction.progress", "channel.prediction.lock"));
  // Cheers are alike, and each counts.
  EXPECT_FALSE(Of("channel.cheer").identity);
  EXPECT_FALSE(Of("channel.subscription.gift.anonymous").identity);
}

TEST(CrowdEventOf, EveryFixtureIsOfATypeWithARule) {
  int fixtures = 0;
  for (const char* folder : fixtures::kEventSubFolders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().stem().string();
      if (!name.starts_with("channel.") && !name.starts_with("stream.")) continue;
      Of(name);
      ++fixtures;
    }
  }
  EXPECT_GE(fixtures, 55);
}

TEST(TwitchEventTypeOf, KnowsWhatWeSubscribeTo) {
  for (const auto& type : platforms::EventTypes()) {
    EXPECT_NE(TwitchEventTypeOf(type.name), TwitchEventType::kUnknown) << type.name;
  }
}

TEST(TwitchEventTypeOf, IsDocumented) {
  std::ifstream file("docs/crowd.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const auto& type : platforms::EventTypes()) {
    EXPECT_NE(page.find("`" + std::string(type.name) + "`"), std::string::npos) << type.name;
  }
}

TEST(FeltOf, MoreIsFeltMoreUpToOne) {
  for (const auto felt : {FeltOfGifts, FeltOfRaid, FeltOfMoney, FeltOfSubscription}) {
    float before = 0;
    for (int64_t amount = 0; amount < 1'000'000'000'000; amount = amount * 3 + 1) {
      const float now = felt(amount).intensity;
      EXPECT_GE(now, before);
      before = now;
    }
    EXPECT_EQ(before, 1);
    EXPECT_EQ(felt(-1'000'000'000'000).intensity, felt(0).intensity);
  }
}

}  // namespace
}  // namespace stream::ingest
