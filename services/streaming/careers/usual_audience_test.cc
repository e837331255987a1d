#include "services/streaming/careers/usual_audience.h"

#include <gtest/gtest.h>

namespace streaming::careers {
namespace {

TEST(UsualAudienceTest, BeginsWithTheFirstSessionAndFollowsTheRecentOnes) {
  EXPECT_DOUBLE_EQ(UsualAudience(0, 100, true), 100);
  EXPECT_DOUBLE_EQ(UsualAudience(100, 0, false), 70);
  double usual = 100;
  for (int session = 0; session < 20; ++session) usual = UsualAudience(usual, 500, false);
  EXPECT_NEAR(usual, 500, 1);
}

}  // namespace
}  // namespace streaming::careers
