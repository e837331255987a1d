#include "libs/common/base/recently_used.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace common {
namespace {

TEST(RecentlyUsedTest, TheLeastRecentlyUsedGivesWay) {
  RecentlyUsed<int, std::string> kept(3);
  for (int i = 0; i < 3; ++i) kept.Put(i, std::to_string(i));
  EXPECT_EQ(kept.Find(0), "0");
  kept.Put(3, "3");
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept.Find(1), std::nullopt);
  EXPECT_EQ(kept.Find(0), "0");
  EXPECT_EQ(kept.Find(2), "2");
  EXPECT_EQ(kept.Find(3), "3");
}

TEST(RecentlyUsedTest, ANewValueTakesThePlaceOfItsOwn) {
  RecentlyUsed<int, std::string> kept(2);
  kept.Put(1, "one");
  kept.Put(2, "two");
  kept.Put(1, "another");
  EXPECT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept.Find(1), "another");
  EXPECT_EQ(kept.Find(2), "two");
}

TEST(RecentlyUsedTest, WhatIsTakenIsGone) {
  RecentlyUsed<int, std::unique_ptr<int>> kept(2);
  kept.Put(1, std::make_unique<int>(7));
  const auto taken = kept.Take(1);
  ASSERT_TRUE(taken);
  EXPECT_EQ(**taken, 7);
  EXPECT_FALSE(kept.Take(1));
  EXPECT_EQ(kept.size(), 0u);
  kept.Erase(1);
}

}  // namespace
}  // namespace common
