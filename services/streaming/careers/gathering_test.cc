#include "services/streaming/careers/gathering.h"

#include <gtest/gtest.h>

namespace streaming::careers {
namespace {

using pool::Interest;

TEST(GatheringTest, CountsHeadsAndRegulars) {
  GatheringCount count;
  count.Add(1, kRegularLoyalty, {Interest::kCombat});
  count.Add(20, 0.9, {Interest::kCombat});
  count.Add(5, 0.39, {Interest::kCombat});
  EXPECT_EQ(count.Result().heads, 26u);
  EXPECT_EQ(count.Result().regulars, 21u);
}

TEST(GatheringTest, EvennessGoesFromOneTasteToAll) {
  EXPECT_EQ(GatheringCount().Result(), Gathering{});
  GatheringCount count;
  double before = -1;
  for (size_t i = 0; i < pool::kInterests; ++i) {
    count.Add(3, 0, {static_cast<Interest>(i)});
    EXPECT_GT(count.Result().evenness, before);
    before = count.Result().evenness;
    if (i == 0) {
      EXPECT_EQ(before, 0);
    }
  }
  EXPECT_NEAR(before, 1, 1e-12);
  count.Add(1000, 0, {Interest::kPvp});
  EXPECT_LT(count.Result().evenness, 0.2);
}

TEST(GatheringTest, EvennessLooksAtSharesNotAtSize) {
  GatheringCount few, many;
  for (const auto& [heads, interest] :
       {std::pair(1u, Interest::kCombat), std::pair(3u, Interest::kSocial)}) {
    few.Add(heads, 0, {interest});
    many.Add(heads * 1000, 0, {interest});
  }
  EXPECT_NEAR(few.Result().evenness, many.Result().evenness, 1e-12);
}

}  // namespace
}  // namespace streaming::careers
