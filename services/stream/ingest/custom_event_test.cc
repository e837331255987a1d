#include "services/stream/ingest/custom_event.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

constexpr std::string_view kViewers =
    R"({"id":"m1","type":"viewers","at":"2026-11-20T20:08:33Z","data":{"viewers":17,"x":[1]}})";

TEST(CustomEventTest, SaysWhatHappenedWhen) {
  const auto viewers = DecodeCustomEvent(kViewers);
  ASSERT_TRUE(viewers);
  EXPECT_EQ(viewers->id, "m1");
  EXPECT_EQ(viewers->type, CustomEventType::kViewers);
  EXPECT_EQ(viewers->viewers, 17);
  EXPECT_EQ(viewers->at, common::ParseTime("2026-11-20T20:08:33Z"));

  const auto type_of = [](const std::string& word) {
    return DecodeCustomEvent(R"({"id":"m","at":"2026-11-20T20:08:33.5Z","type":")" + word + "\"}")
        ->type;
  };
  EXPECT_EQ(type_of("online"), CustomEventType::kOnline);
  EXPECT_EQ(type_of("offline"), CustomEventType::kOffline);
  EXPECT_EQ(type_of("subscribe"), CustomEventType::kSubscribe);
  EXPECT_EQ(type_of("follow"), CustomEventType::kFollow);
  EXPECT_EQ(type_of("a-type-of-tomorrow"), CustomEventType::kUnknown);
}

TEST(CustomEventTest, WhatIsNoMessageIsNone) {
  for (const char* body :
       {"", "[]", R"({"id":"m","type":"online"})", R"({"id":"m","at":"2026-11-20T20:08:33Z"})",
        R"({"type":"online","at":"2026-11-20T20:08:33Z"})",
        R"({"id":7,"type":"online","at":"2026-11-20T20:08:33Z"})",
        R"({"id":"m","type":"online","at":"yesterday"})",
        R"({"id":"m","type":"viewers","at":"2026-11-20T20:08:33Z"})",
        R"({"id":"m","type":"viewers","at":"2026-11-20T20:08:33Z","data":{"viewers":"many"}})",
        R"({"id":"m","type":"online","at":"2026-11-20T20:08:33Z"}})"}) {
    EXPECT_FALSE(DecodeCustomEvent(body)) << body;
  }
  EXPECT_FALSE(DecodeCustomEvent(R"({"type":"online","at":"2026-11-20T20:08:33Z","id":")" +
                                 std::string(129, 'x') + "\"}"));
}

std::optional<CustomEvent> Decode(const std::string& type, const std::string& data) {
  static std::string body;
  body = R"({"id":"m","at":"2026-11-20T20:08:33Z","type":")" + type + R"(","data":)" + data + "}";
  return DecodeCustomEvent(body);
}

TEST(CustomEventTest, TellsOfTheCrowd) {
  UnescapeBuffer buffer;
  const auto crowd = [&](const char* type, const char* data) {
    const auto event = Decode(type, data);
    return event ? CrowdEventOf(*event, buffer) : std::nullopt;
  };
  const auto chat = crowd("chat", R"({"user":{"id":"u-1","roles":["vip","baker"]},
      "text":"this is amaz\u0069ng, love it"})");
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->author, privacy::PlatformUserId::From("u-1"));
  EXPECT_EQ(chat->act, Act::kChat);
  EXPECT_EQ(chat->roles.vip, true);
  EXPECT_EQ(chat->roles.subscriber, false);
  EXPECT_GT(chat->felt->intensity, 0.3);
  EXPECT_FALSE(crowd("chat", R"({"text":"hm"})")->author);

  EXPECT_EQ(crowd("follow", R"({"user":{"id":"u"}})")->felt->category, kFollowed.category);
  const auto raid = crowd("raid", R"({"user":{"id":"u"},"viewers":200})");
  EXPECT_EQ(raid->roles.raid_leader, true);
  EXPECT_EQ(raid->felt->intensity, FeltOfRaid(200).intensity);
  const auto months = crowd("subscribe", R"({"user":{"id":"u"},"months":24})");
  EXPECT_EQ(months->roles.subscriber, true);
  EXPECT_EQ(months->felt->intensity, FeltOfSubscription(24).intensity);
  const auto gifts = crowd("subscribe", R"({"user":null,"gifts":10})");
  EXPECT_FALSE(gifts->roles.subscriber);
  EXPECT_EQ(gifts->felt->category, sentiment::Category::kExcited);
  EXPECT_FALSE(crowd("viewers", R"({"viewers":3})"));
}

TEST(CustomEventTest, ACrowdEventHasWhatItsTypeNeeds) {
  EXPECT_FALSE(Decode("chat", R"({"user":{"id":"u"}})"));
  EXPECT_FALSE(Decode("chat", R"({"text":7})"));
  EXPECT_FALSE(Decode("raid", R"({"user":{"id":"u"}})"));
  for (const char* user : {R"("u")", R"({})", R"({"id":""})", R"({"id":7})", "[]"}) {
    EXPECT_FALSE(Decode("follow", R"({"user":)" + std::string(user) + "}")) << user;
  }
  EXPECT_FALSE(Decode("follow", R"({"user":{"id":")" + std::string(65, 'u') + "\"}}"));
}

TEST(CustomEventTest, SurvivesMutations) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string body(kViewers);
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
      body[random() % body.size()] = static_cast<char>(random());
    }
    body.resize(body.size() - random() % 8);
    const auto event = DecodeCustomEvent(body);
    EXPECT_LE(event ? event->id.size() : 0, 128u);
  }
}

}  // namespace
}  // namespace stream::ingest
