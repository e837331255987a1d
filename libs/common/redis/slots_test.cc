#include "libs/common/redis/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

namespace common::redis {
namespace {

using config::Address;
using ::testing::ElementsAre;

const Address kAsked{"10.0.0.9", 7000};

// An answer as it comes over the wire.
Reply Read(const std::string& bytes) {
  redisReader* reader = redisReaderCreate();
  redisReaderFeed(reader, bytes.data(), bytes.size());
  void* reply = nullptr;
  EXPECT_EQ(redisReaderGetReply(reader, &reply), REDIS_OK);
  redisReaderFree(reader);
  return Reply(static_cast<redisReply*>(reply));
}

TEST(Slots, TheChecksumIsThatOfTheSpecification) {
  EXPECT_EQ(Crc16("123456789"), 0x31C3);
  EXPECT_EQ(Crc16(""), 0);
  EXPECT_EQ(Crc16(std::string_view("\0\xff", 2)), 0x1EF0);
}

// The examples of the specification, and slots as redis-server 7's CLUSTER KEYSLOT gives them.
TEST(Slots, TheHashTagDecides) {
  EXPECT_EQ(HashTagOf("{user1000}.following"), "user1000");
  EXPECT_EQ(SlotOf("{user1000}.following"), SlotOf("{user1000}.followers"));
  EXPECT_EQ(HashTagOf("foo{}{bar}"), "foo{}{bar}");
  EXPECT_EQ(HashTagOf("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(HashTagOf("foo{bar}{zap}"), "bar");
  EXPECT_EQ(HashTagOf("foo{bar"), "foo{bar");
  EXPECT_EQ(HashTagOf("foo}{bar"), "foo}{bar");
  EXPECT_EQ(HashTagOf(""), "");
  EXPECT_EQ(SlotOf(""), 0);
  EXPECT_EQ(SlotOf("foo"), 12182);
  EXPECT_EQ(SlotOf("bar"), 5061);
  EXPECT_EQ(SlotOf("hello"), 866);
  EXPECT_EQ(SlotOf("somekey"), 11058);
  EXPECT_EQ(SlotOf("{user1000}.following"), 3443);
}

absl::StatusOr<std::optional<uint16_t>> SlotOfWords(std::vector<std::string_view> words) {
  return SlotOfCommand(words);
}

TEST(Slots, OfACommandIsThatOfItsKeys) {
  EXPECT_EQ(*SlotOfWords({"GET", "foo"}), 12182);
  EXPECT_EQ(*SlotOfWords({"SET", "foo", "bar"}), 12182);
  EXPECT_EQ(*SlotOfWords({"FCALL", "name", "2", "{foo}1", "{foo}2", "argument"}), 12182);
  EXPECT_EQ(*SlotOfWords({"BITOP", "OR", "{foo}1", "{foo}2"}), 12182);
  EXPECT_EQ(*SlotOfWords({"EXISTS", "{foo}1", "{foo}2", "foo"}), 12182);
}

TEST(Slots, ACommandMayHaveNoKey) {
  EXPECT_EQ(*SlotOfWords({"PING"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({"ECHO", "foo"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({"FCALL", "name", "0", "foo"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({"FCALL", "name"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({"FCALL", "name", "many", "foo"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({"GET"}), std::nullopt);
  EXPECT_EQ(*SlotOfWords({}), std::nullopt);
}

TEST(Slots, WhatNoSingleNodeCanAnswerIsABug) {
  for (const auto& words :
       std::vector<std::vector<std::string_view>>{{"MGET", "foo", "bar"},
                                                  {"DEL", "foo", "bar"},
                                                  {"BITOP", "OR", "foo", "bar"},
                                                  {"FCALL", "name", "2", "foo", "bar"},
                                                  {"KEYS", "*"},
                                                  {"MULTI"}}) {
    EXPECT_EQ(SlotOfWords(words).status().code(), absl::StatusCode::kInternal) << words[0];
  }
}

TEST(Slots, ARedirectNamesSlotAndNode) {
  const auto moved = ParseRedirect("MOVED 3999 127.0.0.1:6381", kAsked);
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->node, (Address{"127.0.0.1", 6381}));
  const auto ask = ParseRedirect("ASK 16383 ::1:6381", kAsked);
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->ask);
  EXPECT_EQ(ask->node, (Address{"::1", 6381}));
  EXPECT_EQ(ParseRedirect("MOVED 1 :6381", kAsked)->node, (Address{kAsked.host, 6381}));
}

TEST(Slots, WhatIsNoRedirectIsLeftAlone) {
  for (const char* text :
       {"", "MOVED", "MOVED ", "MOVED 1", "MOVED 1 host", "MOVED 16384 h:1", "MOVED -1 h:1",
        "MOVED x h:1", "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 h:", "MOVED 1 ?:1", "MOVED h:1",
        "TRYAGAIN Multiple keys", "ASKING 1 h:1", "ERR MOVED 1 h:1"}) {
    EXPECT_FALSE(ParseRedirect(text, kAsked)) << text;
  }
}

TEST(SlotMap, KnowsTheMasterOfEachSlot) {
  const Reply reply = Read(
      "*2\r\n"
      "*4\r\n:0\r\n:5460\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n*2\r\n$1\r\nb\r\n:2\r\n"
      "*3\r\n:5462\r\n:16383\r\n*4\r\n$-1\r\n:3\r\n$2\r\nid\r\n*0\r\n");
  const auto map = SlotMap::Parse(reply, kAsked);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(*map->MasterOf(0), (Address{"a", 1}));
  EXPECT_EQ(*map->MasterOf(5460), (Address{"a", 1}));
  EXPECT_EQ(map->MasterOf(5461), nullptr) << "nobody has it";
  EXPECT_EQ(*map->MasterOf(16383), (Address{kAsked.host, 3})) << "a node that keeps its host back";
  EXPECT_THAT(map->masters(), ElementsAre(Address{"a", 1}, Address{kAsked.host, 3}));
  EXPECT_THAT(map->replicas(), ElementsAre(Address{"b", 2}));
}

TEST(SlotMap, ASlotMayMoveAlone) {
  SlotMap map;
  EXPECT_EQ(map.MasterOf(7), nullptr);
  map.Assign(7, {"a", 1});
  map.Assign(8, {"a", 1});
  map.Assign(8, {"b", 1});
  EXPECT_EQ(*map.MasterOf(7), (Address{"a", 1}));
  EXPECT_EQ(*map.MasterOf(8), (Address{"b", 1}));
  EXPECT_EQ(map.masters().size(), 2u);
}

TEST(SlotMap, RefusesWhatIsNoMap) {
  for (const char* bytes : {"+OK\r\n", "$-1\r\n", "*1\r\n*0\r\n", "*1\r\n:1\r\n",
                            "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
                            "*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
                            "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
                            "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n"}) {
    EXPECT_FALSE(SlotMap::Parse(Read(bytes), kAsked).ok()) << bytes;
  }
  EXPECT_TRUE(SlotMap::Parse(Read("*0\r\n"), kAsked).ok()) << "a cluster without slots";
}

}  // namespace
}  // namespace common::redis
