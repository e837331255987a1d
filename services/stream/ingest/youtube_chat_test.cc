#include "services/stream/ingest/youtube_chat.h"

#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

using privacy::PlatformUserId;
using sentiment::Category;
using std::chrono::milliseconds;

// What YouTube sends, in its own shape. Tests run in the repository's root.
std::string Fixture() {
  std::ifstream file("tests/platform_sim/fixtures/youtube.liveChatMessages.list.json");
  EXPECT_TRUE(file);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::optional<ChatPage> Read(std::string_view body) {
  UnescapeBuffer buffer;
  return ReadChatPage(body, buffer);
}

// A page with one item, whose members are `item`.
std::string PageWith(const std::string& item, const std::string& more = "") {
  return R"({"nextPageToken":"t","items":[{"id":"i",)" + item + "}]" + more + "}";
}
ChatItem ItemOf(const std::string& item) {
  const std::string body = PageWith(item);
  const auto page = Read(body);
  EXPECT_TRUE(page && page->items.size() == 1) << item;
  if (!page || page->items.empty()) return {};
  ChatItem out = page->items[0];
  EXPECT_EQ(out.id, "i");
  out.id = {};  // it points into the body
  return out;
}
std::string Snippet(const std::string& type, const std::string& details = "") {
  return R"("snippet":{"type":")" + type + '"' + (details.empty() ? "" : "," + details) + '}';
}
float StrengthOf(const std::string& item) { return ItemOf(item).event->felt->intensity; }

TEST(YouTubeChat, EveryItemOfAPageHasItsMeaning) {
  const std::string body = Fixture();
  const auto page = Read(body);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next_page_token, "GPHhv9WjnZEDIPro1dejnZED");
  EXPECT_EQ(page->polling_interval, milliseconds(5210));
  EXPECT_FALSE(page->has_ended);
  std::map<ChatItemKind, int> kinds;
  for (const ChatItem& item : page->items) {
    ++kinds[item.kind];
    EXPECT_TRUE(item.id.starts_with("LCC.EhwKGkNPRmlYdGVzdE1zZ00"));
    EXPECT_EQ(item.event.has_value(), item.kind != ChatItemKind::kIgnored);
  }
  using Kind = ChatItemKind;
  const std::map<Kind, int> expected = {
      {Kind::kText, 2},
      {Kind::kSuperChat, 2},
      {Kind::kSuperSticker, 1},
      {Kind::kNewMember, 1},
      {Kind::kMilestone, 1},
      {Kind::kMembershipGift, 1},
      {Kind::kMembershipReceived, 1},
      {Kind::kGift, 1},
      {Kind::kPoll, 1},
      // The broadcaster's line and mode, a ban, a deletion, a tombstone.
      {Kind::kIgnored, 5}};
  EXPECT_EQ(kinds, expected);

  const CrowdEvent& line = *page->items[0].event;
  EXPECT_TRUE(line.author == PlatformUserId::From("UCv1ViewerAAAAAAAAAAAA01"));
  EXPECT_EQ(line.act, Act::kChat);
  EXPECT_EQ(line.roles.subscriber, false);
  EXPECT_EQ(line.felt->category, Category::kExcited);
  const CrowdEvent& moderator = *page->items[2].event;
  EXPECT_EQ(moderator.roles.subscriber, true);
  EXPECT_EQ(moderator.roles.moderator, true);
  const CrowdEvent& received = *page->items[9].event;
  EXPECT_EQ(received.roles.subscriber, true);
  EXPECT_EQ(received.act, Act::kNone);
  EXPECT_FALSE(received.felt);
  EXPECT_FALSE(page->items[10].event->author) << "a poll is everybody's";
  EXPECT_EQ(page->items[14].combo, 3);
}

TEST(YouTubeChat, MembersComeInAnyOrder) {
  const ChatItem item = ItemOf(
      R"("authorDetails":{"isChatSponsor":true,"channelId":"UCa"},"snippet":{"textMessageDetails":)"
      R"({"messageText":"so good \u2764"},"type":"textMessageEvent"})");
  EXPECT_EQ(item.kind, ChatItemKind::kText);
  EXPECT_TRUE(item.event->author == PlatformUserId::From("UCa"));
  EXPECT_EQ(item.event->roles.subscriber, true);
  EXPECT_EQ(item.event->roles.moderator, std::nullopt);
}

TEST(YouTubeChat, SupportIsStrongerTheLargerItIs) {
  const auto growing = [](const std::string& type, const std::string& details,
                          const std::string& member, int64_t from, int64_t to) {
    float before = 0;
    for (int64_t amount = from; amount <= to; ++amount) {
      const std::string text = std::to_string(amount);
      const float number =
          StrengthOf(Snippet(type, '"' + details + R"(":{")" + member + "\":" + text + '}'));
      const float in_quotes =
          StrengthOf(Snippet(type, '"' + details + R"(":{")" + member + "\":\"" + text + "\"}"));
      EXPECT_EQ(number, in_quotes);
      EXPECT_GE(number, before);
      before = number;
    }
    EXPECT_GT(before, StrengthOf(Snippet(type))) << type;
  };
  growing("superChatEvent", "superChatDetails", "tier", -1, 12);
  growing("superStickerEvent", "superStickerDetails", "tier", -1, 12);
  growing("memberMilestoneChatEvent", "memberMilestoneChatDetails", "memberMonth", 0, 60);
  growing("membershipGiftingEvent", "membershipGiftingDetails", "giftMembershipsCount", 0, 50);
  growing("giftEvent", "giftDetails", "jewelsAmount", 0, 1000);
}

TEST(YouTubeChat, NoWordIsFeltWhereNobodySaidIt) {
  for (const char* type : {"newSponsorEvent", "superChatEvent", "superStickerEvent"}) {
    EXPECT_EQ(ItemOf(Snippet(type)).event->felt->category, Category::kSupportive) << type;
  }
  EXPECT_EQ(ItemOf(Snippet("textMessageEvent")).kind, ChatItemKind::kIgnored);
  for (const char* type :
       {"", "userBannedEvent", "messageDeletedEvent", "messageRetractedEvent", "tombstone",
        "sponsorOnlyModeStartedEvent", "sponsorOnlyModeEndedEvent", "aThingOfTomorrow"}) {
    const ChatItem item = ItemOf(Snippet(type, R"("aDetails":{"messageText":"hi"})"));
    EXPECT_EQ(item.kind, ChatItemKind::kIgnored) << type;
    EXPECT_FALSE(item.event) << type;
  }
}

TEST(YouTubeChat, TheBroadcasterIsNobodysCrowd) {
  const std::string owner = R"("authorDetails":{"channelId":"UCo","isChatOwner":true},)";
  const std::string text = R"("textMessageDetails":{"messageText":"hello"})";
  EXPECT_EQ(ItemOf(owner + Snippet("textMessageEvent", text)).kind, ChatItemKind::kIgnored);
  EXPECT_EQ(ItemOf(owner + Snippet("superChatEvent")).kind, ChatItemKind::kIgnored);
  EXPECT_EQ(ItemOf(owner + Snippet("pollEvent")).kind, ChatItemKind::kPoll);
}

TEST(YouTubeChat, AChatEndsInEitherWay) {
  const auto by_item = Read(PageWith(Snippet("chatEndedEvent")));
  EXPECT_TRUE(by_item->has_ended);
  EXPECT_FALSE(by_item->offline_at);
  const auto by_time = Read(R"({"offlineAt":"2026-11-23T02:00:01Z","items":[]})");
  EXPECT_TRUE(by_time->has_ended);
  EXPECT_EQ(by_time->offline_at, common::ParseTime("2026-11-23T02:00:01Z"));
  EXPECT_TRUE(Read(R"({"offlineAt":"some day"})")->has_ended);
}

TEST(YouTubeChat, IntervalsAreSane) {
  const auto interval = [](const std::string& value) {
    return Read(PageWith(Snippet("x"), R"(,"pollingIntervalMillis":)" + value))->polling_interval;
  };
  EXPECT_EQ(interval("1500"), milliseconds(1500));
  EXPECT_EQ(interval("\"1500\""), milliseconds(1500));
  EXPECT_EQ(interval("null"), milliseconds(5000));
  EXPECT_EQ(interval("-1"), milliseconds(100));
  EXPECT_EQ(interval("9223372036854775807"), std::chrono::minutes(10));
  EXPECT_EQ(interval("92233720368547758070"), milliseconds(5000));
}

TEST(YouTubeChat, WhatIsNoPageIsNone) {
  for (const char* body : {"", "[]", "{}", "null", R"({"items":[]})", R"({"nextPageToken":7})",
                           R"({"nextPageToken":"t"} x)", R"({"nextPageToken":"t","items":[{]})"}) {
    EXPECT_FALSE(Read(body)) << body;
  }
  EXPECT_TRUE(Read(R"({"nextPageToken":"t","items":7})"));
  EXPECT_EQ(Read(R"({"nextPageToken":"a\u003d"})")->next_page_token, "a=");
  EXPECT_FALSE(Read(R"({"nextPageToken":")" + std::string(2000, 'x') + "\"}"));
  // Ids that are none.
  EXPECT_FALSE(ItemOf(R"("authorDetails":{"channelId":7},)" + Snippet("giftEvent")).event->author);
}

TEST(YouTubeChat, APageIsBounded) {
  std::string body = R"({"nextPageToken":"t","items":[)";
  for (size_t i = 0; i < ChatPage::kMaxItems + 10; ++i) body += (i == 0 ? "{}" : ",{}");
  EXPECT_EQ(Read(body + "]}")->items.size(), ChatPage::kMaxItems);
}

// Whatever is cut off or damaged is read within its bounds, and no cut page is taken for a whole
// one.
TEST(YouTubeChat, AnyBytesWillDo) {
  const std::string body = Fixture();
  for (size_t size = 0; size < body.size(); size += 7) {
    const std::string cut = body.substr(0, size);
    EXPECT_FALSE(Read(cut));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string noisy = body;
    for (int i = 0; i < 4; ++i) noisy[random() % noisy.size()] = static_cast<char>(random());
    const auto page = Read(noisy);
    EXPECT_LE(page ? page->items.size() : 0, 16u);
  }
}

}  // namespace
}  // namespace stream::ingest
