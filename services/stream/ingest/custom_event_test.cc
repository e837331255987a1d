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
  for (const char* word : {"chat", "subscribe", "raid", "follow"}) {
    EXPECT_EQ(type_of(word), CustomEventType::kCrowd);
  }
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
