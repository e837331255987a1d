// The sentiment buffer on a real Redis: what survives a crash between any two of its steps.
#include <gtest/gtest.h>

#include "embedded/stream/functions.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/servers.h"
#include "services/stream/pulses/buffer_store.h"

namespace stream::pulses {
namespace {

using common::Uuid;
using std::chrono::seconds;

common::redis::Options RedisOptions() {
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  return options;
}

Entry Number(uint64_t contributor) {
  return {{sentiment::Category::kExcited, 0.5f}, std::nullopt, contributor, common::Now()};
}

std::vector<uint64_t> Contributors(const std::vector<Entry>& entries) {
  std::vector<uint64_t> out;
  for (const Entry& entry : entries) out.push_back(entry.contributor);
  return out;
}

using Appended = BufferStore::Appended;

class BufferStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(functions_.Load().ok());
    ASSERT_TRUE(buffer_.Open(session_).ok());
  }
  void Append(std::vector<uint64_t> contributors) {
    std::vector<Entry> entries;
    for (const uint64_t contributor : contributors) entries.push_back(Number(contributor));
    EXPECT_EQ(*buffer_.Append(session_, {.entries = std::move(entries)}), Appended::kDone);
  }
  static Appending One(uint64_t contributor) { return {.entries = {Number(contributor)}}; }
  size_t Waiting() { return (*buffer_.Claim(session_, true))->entries.size(); }

  const Uuid session_ = Uuid::V4();
  common::redis::Redis redis_{RedisOptions()};
  common::redis::Functions functions_{redis_, std::string(functions::Files().front().content)};
  BufferStore buffer_{redis_, functions_, seconds(60)};
  // Another instance, or the same one after a restart.
  BufferStore other_{redis_, functions_, seconds(60)};
};

TEST_F(BufferStoreTest, WhatIsHeldStaysInFrontOfWhatCame) {
  Append({1, 2, 3});
  const auto claimed = *buffer_.Claim(session_, false);
  EXPECT_EQ(Contributors(claimed->entries), (std::vector<uint64_t>{1, 2, 3}));
  Append({4});
  ASSERT_TRUE(buffer_
                  .Settle(session_, {.taken = claimed->records,
                                     .hold = {Number(2), Number(3)},
                                     .interval = seconds(3600),
                                     .pulse_id = {},
                                     .payload = {}})
                  .ok());
  EXPECT_FALSE(*buffer_.Claim(session_, false));  // not due
  EXPECT_EQ(Contributors((*buffer_.Claim(session_, true))->entries),
            (std::vector<uint64_t>{2, 3, 4}));
}

TEST_F(BufferStoreTest, APulseComesBackUnderItsIdUntilItIsConfirmed) {
  Append({1, 2, 3});
  ASSERT_TRUE(*buffer_.Claim(session_, false));
  EXPECT_FALSE(*other_.Claim(session_, true));  // one flush at a time
  const Uuid pulse = Uuid::V4();
  ASSERT_TRUE(buffer_
                  .Settle(session_, {.taken = 3,
                                     .hold = {},
                                     .interval = seconds(3600),
                                     .pulse_id = pulse,
                                     .payload = "the pulse"})
                  .ok());
  const auto again = *buffer_.Claim(session_, false);
  ASSERT_TRUE(again && again->pending);
  EXPECT_EQ(again->pending->pulse_id, pulse);
  EXPECT_EQ(again->pending->payload, "the pulse");
  EXPECT_FALSE(*buffer_.Latest(session_));
  const auto life = redis_.Command({"PTTL", "stream:{" + session_.ToString() + "}:pending"});
  EXPECT_GT(life->integer(),
            std::chrono::milliseconds(seconds(60)).count());  // than its sentiments

  EXPECT_TRUE(*buffer_.Confirm(session_, pulse, true));
  EXPECT_FALSE(*buffer_.Confirm(session_, pulse, true));
  EXPECT_EQ(*buffer_.Latest(session_), "the pulse");
  EXPECT_TRUE((*other_.Claim(session_, true))->entries.empty());
}

TEST_F(BufferStoreTest, AFlushThatLostItsClaimChangesNothing) {
  Append({1, 2, 3});
  ASSERT_TRUE(*buffer_.Claim(session_, false));
  EXPECT_TRUE(absl::IsAborted(other_.Settle(
      session_,
      {.taken = 3, .hold = {}, .interval = seconds(1), .pulse_id = Uuid::V4(), .payload = "x"})));
  EXPECT_EQ((*buffer_.Claim(session_, true))->records, 3);
}

TEST_F(BufferStoreTest, ASealedOrAbsentSessionTakesNothing) {
  Append({1});
  EXPECT_TRUE(*buffer_.Seal(session_));
  EXPECT_EQ(*buffer_.Append(session_, One(2)), Appended::kSealed);
  EXPECT_EQ((*buffer_.Claim(session_, true))->records, 1);
  ASSERT_TRUE(buffer_.Delete(session_).ok());
  EXPECT_EQ(*buffer_.Append(session_, One(3)), Appended::kSealed);
  EXPECT_EQ((*buffer_.Claim(session_, true))->records, 0);

  const Uuid absent = Uuid::V4();
  EXPECT_EQ(*buffer_.Append(absent, One(3)), Appended::kAbsent);
  EXPECT_FALSE(*buffer_.Seal(absent));
  EXPECT_FALSE(*buffer_.Claim(absent, true));
}

TEST_F(BufferStoreTest, AnEndedSessionLeavesItsSealForAWhile) {
  Append({1});
  ASSERT_TRUE(buffer_.Delete(session_).ok());
  const std::string prefix = "stream:{" + session_.ToString() + "}:";
  const auto keys = redis_.Command({"KEYS", prefix + "*"});
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ((*keys)[0].text(), prefix + "live");
  const int64_t life = redis_.Command({"PTTL", prefix + "live"})->integer();
  EXPECT_GT(life, 0);
  EXPECT_LE(life, std::chrono::milliseconds(kSealLife).count());
}

TEST_F(BufferStoreTest, IsBoundedAndMortal) {
  for (uint64_t batch = 0; batch < 6; ++batch) Append(std::vector<uint64_t>(1000, batch));
  const auto claimed = *buffer_.Claim(session_, true);
  EXPECT_EQ(claimed->records, kMaxBuffered);
  EXPECT_EQ(claimed->entries.front().contributor, 1u);
  EXPECT_EQ(claimed->gave_way, 1000);
  ASSERT_TRUE(
      buffer_
          .Settle(session_,
                  {.taken = 1, .hold = {}, .interval = seconds(1), .pulse_id = {}, .payload = {}})
          .ok());
  EXPECT_EQ((*buffer_.Claim(session_, true))->gave_way, 0);  // told once
  for (const char* kind : {"live", "entries"}) {
    const std::string key = "stream:{" + session_.ToString() + "}:" + kind;
    EXPECT_GT(redis_.Command({"PTTL", key})->integer(), 0) << key;
  }
}

TEST_F(BufferStoreTest, WhatComesBesideAFlushIsNotTakenForWhatWasRead) {
  Append(std::vector<uint64_t>(kMaxBuffered, 1));
  const auto claimed = *buffer_.Claim(session_, true);
  ASSERT_EQ(claimed->records, kMaxBuffered);
  Append(std::vector<uint64_t>(7, 2));  // seven of those that were read give way
  ASSERT_TRUE(buffer_
                  .Settle(session_, {.taken = claimed->records,
                                     .hold = {},
                                     .interval = seconds(1),
                                     .pulse_id = {},
                                     .payload = {}})
                  .ok());
  const auto next = *buffer_.Claim(session_, true);
  EXPECT_EQ(Contributors(next->entries), std::vector<uint64_t>(7, 2));
  EXPECT_EQ(next->gave_way, 0);
}

TEST_F(BufferStoreTest, WhatIsMarkedHappensOnce) {
  const auto append = [&](BufferStore& store, std::vector<std::string> marks) {
    Appending one = One(0);
    one.as_owner = false;
    one.marks = std::move(marks);
    return *store.Append(session_, one);
  };
  EXPECT_EQ(append(buffer_, {"message", "event"}), Appended::kDone);
  EXPECT_EQ(append(other_, {"message", "event"}), Appended::kDuplicate);
  EXPECT_EQ(append(other_, {"another message", "event"}), Appended::kDuplicate);
  EXPECT_EQ(append(other_, {"message", "another event"}), Appended::kDuplicate);
  EXPECT_TRUE(*other_.Knows(session_, {"new", "event"}));
  EXPECT_FALSE(*other_.Knows(session_, {"another message", "another event"}));
  // A refusal leaves no mark behind.
  EXPECT_EQ(append(other_, {"another message", "another event"}), Appended::kDone);
  EXPECT_EQ(Waiting(), 2u);
  const auto life = redis_.Command(
      {"PTTL", "stream:{" + session_.ToString() + "}:seen:" + common::crypto::HexEncode("event")});
  EXPECT_GT(life->integer(), std::chrono::milliseconds(std::chrono::minutes(14)).count());
  // Another session may see the same.
  const Uuid elsewhere = Uuid::V4();
  ASSERT_TRUE(buffer_.Open(elsewhere).ok());
  EXPECT_EQ(*buffer_.Append(elsewhere, {.entries = {}, .marks = {"message"}}), Appended::kDone);
}

TEST_F(BufferStoreTest, OneInstanceOwnsASession) {
  Appending first = One(1);
  first.tracked = 7;
  EXPECT_EQ(*buffer_.Append(session_, first), Appended::kDone);
  EXPECT_EQ(*other_.Append(session_, One(2)), Appended::kForeign);
  EXPECT_FALSE(*other_.TakeOver(session_));
  EXPECT_TRUE(*buffer_.TakeOver(session_));
  EXPECT_EQ(*other_.TrackedCount(session_), 7);
  // Nobody's entries are welcome from anybody.
  EXPECT_EQ(*other_.Append(session_, {.entries = {Number(0)}, .as_owner = false}), Appended::kDone);
  EXPECT_EQ(Waiting(), 2u);
  // The owner fell silent.
  const std::string live = "stream:{" + session_.ToString() + "}:live";
  ASSERT_TRUE(redis_.Command({"HSET", live, "owner_until", "1"}).ok());
  EXPECT_TRUE(*other_.TakeOver(session_));
  EXPECT_EQ(*buffer_.Append(session_, One(3)), Appended::kForeign);
  EXPECT_FALSE(*buffer_.TakeOver(Uuid::V4()));
}

}  // namespace
}  // namespace stream::pulses
