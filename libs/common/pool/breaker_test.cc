#include "libs/common/pool/breaker.h"

#include <gtest/gtest.h>

namespace common::pool {
namespace {

using std::chrono::milliseconds;

TimePoint At(int ms) { return TimePoint{} + std::chrono::hours(1) + milliseconds(ms); }

TEST(Breaker, LetsEverybodyPassUntilTheFirstFailure) {
  Breaker breaker(milliseconds(1000));
  EXPECT_FALSE(breaker.down());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(breaker.Allow(At(0)));
}

TEST(Breaker, LetsOneCallerTryInEachPauseWhileTheServerIsDown) {
  Breaker breaker(milliseconds(1000));
  breaker.Fail(At(0));
  EXPECT_TRUE(breaker.down());
  EXPECT_FALSE(breaker.Allow(At(999)));
  EXPECT_TRUE(breaker.Allow(At(1000)));
  EXPECT_FALSE(breaker.Allow(At(1000))) << "one is trying";
  EXPECT_TRUE(breaker.Allow(At(2000))) << "it never came back";
  breaker.Fail(At(2100));
  EXPECT_FALSE(breaker.Allow(At(3099)));
  breaker.Succeed();
  EXPECT_FALSE(breaker.down());
  EXPECT_TRUE(breaker.Allow(At(2101)));
}

}  // namespace
}  // namespace common::pool
