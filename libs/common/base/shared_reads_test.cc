#include "libs/common/base/shared_reads.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace common {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);
const common::Uuid kKey = common::Uuid::FromRandomBits(1, 1);

class SharedReadsTest : public ::testing::Test {
 protected:
  // What is there is the number of the reading that brought it; -1 for UNAVAILABLE.
  int Ask(common::Time now, const common::Uuid& key = kKey) {
    const auto value = snapshots_.Get(key, now, [this]() -> absl::StatusOr<int> {
      if (down_) return absl::UnavailableError("down");
      return ++readings_;
    });
    if (value.ok()) return **value;
    EXPECT_TRUE(absl::IsUnavailable(value.status()));
    return -1;
  }

  SharedReads<int> snapshots_{2, seconds(1), seconds(3)};
  int readings_ = 0;
  bool down_ = false;
};

TEST_F(SharedReadsTest, IsReadOnceInAWhile) {
  EXPECT_EQ(Ask(kNow), 1);
  EXPECT_EQ(Ask(kNow + milliseconds(999)), 1);
  EXPECT_EQ(Ask(kNow + seconds(1)), 2);
  EXPECT_EQ(Ask(kNow - seconds(60)), 3) << "a clock that was set back does not keep it fresh";
}

TEST_F(SharedReadsTest, WhatCannotBeReadIsShownForAShortWhile) {
  down_ = true;
  EXPECT_EQ(Ask(kNow), -1);
  down_ = false;
  EXPECT_EQ(Ask(kNow), 1);
  down_ = true;
  EXPECT_EQ(Ask(kNow + milliseconds(2999)), 1);
  EXPECT_EQ(Ask(kNow + seconds(3)), -1);
  down_ = false;
  EXPECT_EQ(Ask(kNow + seconds(3)), 2);
}

TEST_F(SharedReadsTest, KeepsAFew) {
  const auto key = [](uint64_t i) { return common::Uuid::FromRandomBits(2, i); };
  EXPECT_EQ(Ask(kNow, key(1)), 1);
  EXPECT_EQ(Ask(kNow, key(2)), 2);
  EXPECT_EQ(Ask(kNow, key(3)), 3);
  EXPECT_EQ(Ask(kNow, key(2)), 2);
  EXPECT_EQ(Ask(kNow, key(1)), 4);
}

// While one reads, others get what is usable at once, and wait when nothing is.
TEST_F(SharedReadsTest, OneReadsForAll) {
  for (const common::Time before : {kNow - seconds(2), kNow - seconds(60)}) {
    const bool usable = before > kNow - seconds(3);
    SharedReads<int> snapshots(1, seconds(1), seconds(3));
    ASSERT_TRUE(snapshots.Get(kKey, before, [] { return 1; }).ok());
    std::promise<void> reading;
    std::promise<void> go_on;
    std::thread reader([&] {
      const auto value = snapshots.Get(kKey, kNow, [&]() -> absl::StatusOr<int> {
        reading.set_value();
        go_on.get_future().wait();
        return 2;
      });
      EXPECT_EQ(**value, 2);
    });
    reading.get_future().wait();
    auto other = std::async(std::launch::async, [&] {
      const auto value = snapshots.Get(kKey, kNow, []() -> absl::StatusOr<int> {
        ADD_FAILURE() << "two read at once";
        return 3;
      });
      return **value;
    });
    int seen = usable ? other.get() : 0;
    go_on.set_value();
    if (!usable) seen = other.get();
    EXPECT_EQ(seen, usable ? 1 : 2);
    reader.join();
  }
}

}  // namespace
}  // namespace common
