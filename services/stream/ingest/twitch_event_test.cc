#include "services/stream/ingest/twitch_event.h"

#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

using common::Time;

// What Twitch sends, in its own shapes. Tests run in the repository's root.
std::string Fixture(const std::string& name) {
  std::ifstream file("tests/platform_sim/fixtures/" + name + ".json");
  EXPECT_TRUE(file) << name;
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

bool Is(const std::optional<privacy::PlatformUserId>& id, std::string_view expected) {
  return id && id->Use([&](std::string_view bytes) { return bytes == expected; });
}
std::string TextOf(const TwitchEvent& event) {
  return event.text.Use([](std::string_view text) { return std::string(text); });
}

TEST(DecodeTwitchEvent, ReadsChat) {
  const std::string body = Fixture("channel.chat.message");
  UnescapeBuffer buffer;
  const auto event = DecodeTwitchEvent(TwitchEventType::kChatMessage, body, buffer);
  ASSERT_TRUE(event);
  EXPECT_TRUE(Is(event->broadcaster, "141981764"));
  EXPECT_TRUE(Is(event->chatter, "902416337"));
  EXPECT_EQ(event->message_id, "ff53a46f-5ead-403a-84c4-b877678537a3");
  EXPECT_EQ(TextOf(*event), "that last jump was insane LUL");
  EXPECT_TRUE(event->roles.subscriber);
  EXPECT_FALSE(event->roles.moderator);
  EXPECT_FALSE(event->from_other_channel);
}

TEST(DecodeTwitchEvent, ReadsTextInPlaceUnlessItHasEscapes) {
  const std::string body = Fixture("channel.chat.message");
  UnescapeBuffer buffer;
  const auto event = DecodeTwitchEvent(TwitchEventType::kChatMessage, body, buffer);
  event->text.Use([&](std::string_view text) {
    EXPECT_GE(text.data(), body.data());
    EXPECT_LE(text.data() + text.size(), body.data() + body.size());
  });
  const std::string escaped = Fixture("channel.chat.message.cheer");
  EXPECT_EQ(TextOf(*DecodeTwitchEvent(TwitchEventType::kChatMessage, escaped, buffer)),
            "Cheer100 <b>\"quoted\"</b> & more");
}

TEST(DecodeTwitchEvent, ReadsLifecycle) {
  UnescapeBuffer buffer;
  const std::string online = Fixture("stream.online");
  const auto event = DecodeTwitchEvent(TwitchEventType::kStreamOnline, online, buffer);
  ASSERT_TRUE(event);
  EXPECT_TRUE(Is(event->broadcaster, "141981764"));
  EXPECT_EQ(event->stream_id, "318701440321");
  EXPECT_EQ(event->started_at, common::ParseTime("2026-11-23T01:42:51Z"));
  const std::string offline = Fixture("stream.offline");
  EXPECT_TRUE(DecodeTwitchEvent(TwitchEventType::kStreamOffline, offline, buffer));
}

TEST(DecodeTwitchEvent, SkipsNullsAndWhatItDoesNotKnow) {
  UnescapeBuffer buffer;
  const std::string body = R"({"new":[1,-2.5e3,{"a":[]}],"event":{
    "broadcaster_user_id":"1","chatter_user_id":"2","message_id":"m","future":{"x":null},
    "source_broadcaster_user_id":"9","badges":[{"set_id":"vip","id":1},{"set_id":"new"}],
    "message":{"fragments":null,"text":"\u0048i \ud83d\ude02 \ud800!"}},"more":true})";
  const auto event = DecodeTwitchEvent(TwitchEventType::kChatMessage, body, buffer);
  ASSERT_TRUE(event);
  EXPECT_EQ(TextOf(*event), "Hi \xF0\x9F\x98\x82 \xEF\xBF\xBD!");
  EXPECT_TRUE(event->roles.vip);
  EXPECT_TRUE(event->from_other_channel);
}

TEST(DecodeTwitchEvent, RefusesWhatIsIncomplete) {
  UnescapeBuffer buffer;
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
    EXPECT_FALSE(DecodeTwitchEvent(TwitchEventType::kChatMessage, body, buffer)) << body;
  }
}

TEST(DecodeTwitchEvent, SurvivesCutsAndNoise) {
  const std::string good = Fixture("channel.chat.message.cheer");
  UnescapeBuffer buffer;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeTwitchEvent(TwitchEventType::kChatMessage,
                                   std::string_view(good).substr(0, size), buffer));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string noisy = good;
    for (int change = 0; change < 3; ++change) {
      noisy[random() % noisy.size()] = static_cast<char>(random());
    }
    DecodeTwitchEvent(TwitchEventType::kChatMessage, noisy, buffer);
  }
  EXPECT_FALSE(DecodeTwitchEvent(TwitchEventType::kChatMessage, std::string(100'000, '['), buffer));
}

TEST(DecodeTwitchChallenge, GivesItBack) {
  UnescapeBuffer buffer;
  const std::string body = Fixture("webhook_callback_verification");
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
  EXPECT_TRUE(FreshTime("2026-11-23T02:09:59.999999999Z", now));
  EXPECT_FALSE(FreshTime("2026-11-23T01:49:59.9Z", now));
  EXPECT_FALSE(FreshTime("2026-11-23T02:10:01Z", now));
  EXPECT_FALSE(FreshTime("yesterday", now));
}

TEST(TwitchEventTypeOf, CountsTheRestAsUnknown) {
  EXPECT_EQ(TwitchEventTypeOf("stream.online"), TwitchEventType::kStreamOnline);
  EXPECT_EQ(TwitchEventTypeOf("channel.follow"), TwitchEventType::kUnknown);
  EXPECT_EQ(TwitchEventTypeOf(""), TwitchEventType::kUnknown);
}

}  // namespace
}  // namespace stream::ingest
