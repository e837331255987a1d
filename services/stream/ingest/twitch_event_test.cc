#include "services/stream/ingest/twitch_event.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/fixtures/eventsub.h"

namespace stream::ingest {
namespace {

using common::Time;

using fixtures::EventSub;

bool Is(const std::optional<privacy::PlatformUserId>& id, std::string_view expected) {
  return id && id->Use([&](std::string_view bytes) { return bytes == expected; });
}
std::string TextOf(const TwitchEvent& event) {
  return event.text.Use([](std::string_view text) {
    UnescapeBuffer buffer;
    return std::string(buffer.Unescape(text).value_or("broken"));
  });
}

std::optional<TwitchEvent> DecodeOne(TwitchEventType type, std::string_view body) {
  auto events = DecodeTwitchEvents(type, body);
  if (!events) return std::nullopt;
  EXPECT_EQ(events->size(), 1u);
  return std::move(events->front());
}

TEST(DecodeTwitchEvents, ReadsChat) {
  const std::string body = EventSub("channel.chat.message");
  const auto event = DecodeOne(TwitchEventType::kChatMessage, body);
  ASSERT_TRUE(event);
  EXPECT_TRUE(Is(event->broadcaster, "141981764"));
  EXPECT_TRUE(Is(event->user, "902416337"));
  EXPECT_EQ(event->message_id, "ff53a46f-5ead-403a-84c4-b877678537a3");
  EXPECT_EQ(TextOf(*event), "that last jump was insane LUL");
  EXPECT_EQ(event->roles.subscriber, true);
  EXPECT_EQ(event->roles.moderator, false);
  EXPECT_FALSE(event->from_other_channel);
}

TEST(DecodeTwitchEvents, ReadsTextInPlace) {
  for (const char* name : {"channel.chat.message", "channel.chat.message.cheer"}) {
    const std::string body = EventSub(name);
    const auto event = DecodeOne(TwitchEventType::kChatMessage, body);
    event->text.Use([&](std::string_view text) {
      EXPECT_GE(text.data(), body.data());
      EXPECT_LE(text.data() + text.size(), body.data() + body.size());
    });
  }
}

TEST(DecodeTwitchEvents, ReadsLifecycle) {
  const std::string online = EventSub("stream.online");
  const auto event = DecodeOne(TwitchEventType::kStreamOnline, online);
  ASSERT_TRUE(event);
  EXPECT_TRUE(Is(event->broadcaster, "141981764"));
  EXPECT_EQ(event->id, "318701440321");
  EXPECT_EQ(event->started_at, common::ParseTime("2026-11-23T01:42:51Z"));
  EXPECT_TRUE(DecodeOne(TwitchEventType::kStreamOffline, EventSub("stream.offline")));
}

TEST(DecodeTwitchEvents, ReadsABatch) {
  const std::string body = EventSub("channel.follow.batched");
  const auto events = DecodeTwitchEvents(TwitchEventType::kFollow, body);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2u);
  EXPECT_TRUE(Is((*events)[0].user, "902416337"));
  EXPECT_TRUE(Is((*events)[1].user, "555111222"));
  EXPECT_EQ((*events)[1].delivery_id, "b2");
  std::string many = R"({"events":[)";
  for (int i = 0; i < 2000; ++i) {
    many += R"({"id":"i","data":{"broadcaster_user_id":"1","user_id":"2"}},)";
  }
  many.back() = ']';
  EXPECT_EQ(DecodeTwitchEvents(TwitchEventType::kFollow, many + "}")->size(), 2000u);
  EXPECT_FALSE(DecodeTwitchEvents(TwitchEventType::kFollow, R"({"events":[]})"));
  EXPECT_FALSE(DecodeTwitchEvents(TwitchEventType::kFollow, R"({"events":[{"id":"b1"}]})"));
}

TEST(DecodeTwitchEvents, SkipsNullsAndWhatItDoesNotKnow) {
  const std::string body = R"({"new":[1,-2.5e3,{"a":[]}],"event":{
    "broadcaster_user_id":"1","chatter_user_id":"2","message_id":"m","future":{"x":null},
    "source_broadcaster_user_id":"9","badges":[{"set_id":"vip","id":1},{"set_id":"new"}],
    "message":{"fragments":null,"text":"\u0048i \ud83d\ude02 \ud800!"}},"more":true})";
  const auto event = DecodeOne(TwitchEventType::kChatMessage, body);
  ASSERT_TRUE(event);
  EXPECT_EQ(TextOf(*event), "Hi \xF0\x9F\x98\x82 \xEF\xBF\xBD!");
  EXPECT_EQ(event->roles.vip, true);
  EXPECT_TRUE(event->from_other_channel);
}

TEST(DecodeTwitchEvents, RefusesWhatIsIncomplete) {
  for (const char* body : {
           "",
           "{}",
           "[]",
           "null",
           "{\"event\":null}",
           "{\"event\":{}}",
           "{\"event\":{}",
           R"({"event":{"broadcaster_user_id":"1","chatter_user_id":"2","message_id":"m"}})",
           R"({"event":{"broadcaster_user_id":"1","message_id":"m","message":{"text":"x"}}})",
           R"({"event":{"broadcaster_user_id":1,"chatter_user_id":"2","message_id":"m",
               "message":{"text":"x"}}})",
           R"({"event":{"broadcaster_user_id":"1","chatter_user_id":"2","message_id":"m",
               "message":{"text":"\q"}}})",
           R"({"event":{"broadcaster_user_id":"1","chatter_user_id":"2","message_id":"m",
               "message":{"text":"x"}}}trailing)",
       }) {
    EXPECT_FALSE(DecodeTwitchEvents(TwitchEventType::kChatMessage, body)) << body;
  }
  for (const auto& [type, name, part] :
       {std::tuple(TwitchEventType::kRaid, "channel.raid", "viewers"),
        std::tuple(TwitchEventType::kCheer, "channel.cheer", "bits"),
        std::tuple(TwitchEventType::kSubscriptionGift, "channel.subscription.gift", "total"),
        std::tuple(TwitchEventType::kFollow, "channel.follow", "user_id"),
        std::tuple(TwitchEventType::kPollEnd, "channel.poll.end", "id")}) {
    const std::string good = EventSub(name);
    EXPECT_TRUE(DecodeTwitchEvents(type, good)) << name;
    std::string bad = good;
    const size_t at = bad.find("\"" + std::string(part) + "\"", bad.find("\"event\""));
    bad[at + 1] = 'x';
    EXPECT_FALSE(DecodeTwitchEvents(type, bad)) << name;
  }
}

TEST(DecodeTwitchEvents, SurvivesCutsAndNoise) {
  std::mt19937 random(3);
  for (const char* name : {"channel.chat.message.cheer", "channel.prediction.end",
                           "channel.follow.batched", "channel.chat.notification.resub"}) {
    const std::string good = EventSub(name);
    for (size_t size = 0; size + 2 < good.size(); ++size) {
      EXPECT_FALSE(
          DecodeTwitchEvents(TwitchEventType::kUnknown, std::string_view(good).substr(0, size)));
    }
    for (int i = 0; i < 10'000; ++i) {
      std::string noisy = good;
      for (int change = 0; change < 3; ++change) {
        noisy[random() % noisy.size()] = static_cast<char>(random());
      }
      const auto type = static_cast<TwitchEventType>(
          random() % (static_cast<unsigned>(kLastTwitchEventType) + 1));
      DecodeTwitchEvents(type, noisy);
    }
  }
  EXPECT_FALSE(DecodeTwitchEvents(TwitchEventType::kChatMessage, std::string(100'000, '[')));
}

TEST(DecodeTwitchChallenge, GivesItBack) {
  UnescapeBuffer buffer;
  const std::string body = EventSub("webhook_callback_verification");
  EXPECT_EQ(DecodeTwitchChallenge(body, buffer), "pogchamp-kappa-360noscope-vohiyo");
  EXPECT_FALSE(DecodeTwitchChallenge("{\"challenge\":\"\"}", buffer));
  EXPECT_FALSE(DecodeTwitchChallenge("{\"challenge\":7}", buffer));
}

TEST(UnescapeBuffer, CutsWhatIsTooLong) {
  UnescapeBuffer buffer;
  const auto text = buffer.Unescape("\\n" + std::string(10'000, 'x'));
  ASSERT_TRUE(text);
  EXPECT_LT(text->size(), 5000u);
  EXPECT_FALSE(buffer.Unescape("\\u12"));
  EXPECT_FALSE(buffer.Unescape("abc\\"));
}

TEST(ReadTwitchHeaders, WantsEveryOneThatIsSigned) {
  const std::map<std::string, std::string, std::less<>> all = {
      {"Twitch-Eventsub-Message-Id", "m"},
      {"Twitch-Eventsub-Message-Timestamp", "t"},
      {"Twitch-Eventsub-Message-Signature", "s"},
      {"Twitch-Eventsub-Message-Type", "notification"},
      {"Twitch-Eventsub-Subscription-Type", "channel.follow"}};
  const auto read = [](const auto& headers) {
    return ReadTwitchHeaders([&](std::string_view name) -> std::optional<std::string_view> {
      const auto found = headers.find(name);
      if (found == headers.end()) return std::nullopt;
      return found->second;
    });
  };
  EXPECT_EQ(read(all)->subscription_type, "channel.follow");
  for (const auto& [name, value] : all) {
    auto some = all;
    some.erase(name);
    EXPECT_EQ(read(some).has_value(), name == "Twitch-Eventsub-Subscription-Type") << name;
    some[name] = std::string(300, 'x');
    EXPECT_EQ(read(some).has_value(), name == "Twitch-Eventsub-Subscription-Type") << name;
  }
}

TEST(FreshTime, HasTwoSides) {
  const Time now = *common::ParseTime("2026-11-23T02:00:00Z");
  EXPECT_TRUE(FreshTime("2026-11-23T01:50:00.000000001Z", now));
  EXPECT_TRUE(FreshTime("2026-11-23T02:04:59.999999999Z", now));
  EXPECT_FALSE(FreshTime("2026-11-23T01:49:59.9Z", now));
  EXPECT_FALSE(FreshTime("2026-11-23T02:05:01Z", now));
  EXPECT_FALSE(FreshTime("yesterday", now));
}

TEST(TwitchEventTypeOf, CountsTheRestAsUnknown) {
  EXPECT_EQ(TwitchEventTypeOf("stream.online"), TwitchEventType::kStreamOnline);
  EXPECT_EQ(TwitchEventTypeOf("channel.follow2"), TwitchEventType::kUnknown);
  EXPECT_EQ(TwitchEventTypeOf(""), TwitchEventType::kUnknown);
}

}  // namespace
}  // namespace stream::ingest
