#include "services/streaming/economy/tips.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace streaming::economy {
namespace {

using std::chrono::hours;

constexpr TipRates kRates = {.per_stream_hour = 10, .per_follower_hour = 0.2};

// A session of so many hours with an even crowd.
SessionAudience Session(double audience, double engagement, double live_hours) {
  return {.viewer_seconds = audience * live_hours * 3600,
          .live_seconds = live_hours * 3600,
          .mean_engagement = engagement,
          .peak_audience = static_cast<uint32_t>(audience)};
}
int64_t Tips(double audience, double engagement, double live_hours) {
  return EngagementTips(kRates, Session(audience, engagement, live_hours));
}

TEST(EngagementTips, NobodyPaysWhereNobodyWatches) {
  EXPECT_EQ(Tips(0, 1, 10), 0);
  EXPECT_EQ(Tips(100, 0, 10), 0);
  EXPECT_EQ(Tips(100, 1, 0), 0);
  EXPECT_EQ(EngagementTips({.per_stream_hour = 0}, Session(1000, 1, 3)), 0);
}

TEST(EngagementTips, AreWhatTheDocumentSays) {
  // The table in docs/economy.md.
  EXPECT_EQ(Tips(10, 0.6, 1), 22);
  EXPECT_EQ(Tips(100, 0.6, 1), 71);
  EXPECT_EQ(Tips(100, 0.6, 3), 182);
  EXPECT_EQ(Tips(1000, 0.6, 3), 578);
  EXPECT_EQ(Tips(5000, 0.6, 6), 2077);
}

TEST(EngagementTips, AnAudienceIsNeverAboveItsPeak) {
  SessionAudience paused = Session(100, 0.5, 1);
  const int64_t tips = EngagementTips(kRates, paused);
  paused.viewer_seconds *= 50;  // they watched through a long pause
  EXPECT_EQ(EngagementTips(kRates, paused), tips);
}

// Of any two sessions that differ in one thing only.
TEST(EngagementTips, MoreOfAnythingIsMoreButLessThanInProportion) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> crowd(1, 5000), share(0.01, 0.5), time(0.1, 12), by(1, 2);
  for (int i = 0; i < 10'000; ++i) {
    const double audience = std::floor(crowd(random)), engagement = share(random);
    const double live = time(random), factor = by(random);
    const int64_t tips = Tips(audience, engagement, live);
    for (const int64_t more :
         {Tips(std::floor(audience * factor), engagement, live),
          Tips(audience, engagement * factor, live), Tips(audience, engagement, live * factor)}) {
      EXPECT_GE(more, tips);
      EXPECT_LE(static_cast<double>(more), factor * static_cast<double>(tips + 1));
    }
  }
}

TEST(EngagementTips, CuttingAStreamIntoPiecesEarnsAtMostWhatRestedHoursDo) {
  EXPECT_EQ(Tips(100, 0.6, 6), 293);
  EXPECT_EQ(6 * Tips(100, 0.6, 1), 426) << "docs/economy.md says so";
  const double first_hour = 10 * std::sqrt(500 * 0.6);
  for (int pieces = 1; pieces <= 100; ++pieces) {
    const int64_t all = pieces * Tips(500, 0.6, 4.0 / pieces);
    EXPECT_LE(static_cast<double>(all), 4 * first_hour);
  }
  EXPECT_EQ(10'000 * Tips(500, 0.6, 4.0 / 10'000), 0) << "parts of a tip are dropped";
}

TEST(EngagementTips, AreBoundedWhateverComes) {
  const double huge = std::numeric_limits<double>::max();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::mt19937 random(2);
  const double values[] = {
      -huge, -1, 0, 1e-9, 0.5, 1, 3600, 1e12, huge, nan, std::numeric_limits<double>::infinity()};
  std::uniform_int_distribution<size_t> any(0, std::size(values) - 1);
  for (int i = 0; i < 10'000; ++i) {
    const int64_t tips = EngagementTips({.per_stream_hour = 10'000},
                                        {.viewer_seconds = values[any(random)],
                                         .live_seconds = values[any(random)],
                                         .mean_engagement = values[any(random)],
                                         .peak_audience = std::numeric_limits<uint32_t>::max()});
    EXPECT_GE(tips, 0);
    EXPECT_LE(tips, kTipsMax);
  }
}

TEST(FollowerTips, GrowWithTheRootOfFollowers) {
  EXPECT_EQ(FollowerTips(kRates, 0), 0);
  EXPECT_EQ(FollowerTips(kRates, 24), 0);
  EXPECT_EQ(FollowerTips(kRates, 25), 1);
  EXPECT_EQ(FollowerTips(kRates, 10'000), 20);
  EXPECT_EQ(FollowerTips({.per_follower_hour = 0}, 1'000'000), 0);
  EXPECT_EQ(FollowerTips({.per_follower_hour = 1000}, 4'000'000'000), kTipsMax);
  for (uint32_t followers = 1; followers < 100'000; ++followers) {
    EXPECT_GE(FollowerTips(kRates, followers), FollowerTips(kRates, followers - 1));
  }
}

common::Time At(int64_t hour, common::Duration past = {}) {
  return common::Time(hours(hour)) + past;
}

TEST(FollowerHours, OnlyHoursThatAreOverAreDue) {
  const HourProgress paid = {.hour = 99, .done = true};
  EXPECT_TRUE(NextHour(paid, At(100)).done);
  EXPECT_TRUE(NextHour(paid, At(101) - common::Duration(1)).done);
  const HourProgress next = NextHour(paid, At(101));
  EXPECT_EQ(next.hour, 100);
  EXPECT_FALSE(next.done);
}

TEST(FollowerHours, ABegunHourIsFinishedHoweverLate) {
  const HourProgress next = NextHour({.hour = 50, .done = false}, At(5000));
  EXPECT_EQ(next.hour, 50);
  EXPECT_FALSE(next.done);
}

TEST(FollowerHours, EveryMissedHourComesOnceAndNoneFromLongAgo) {
  for (int64_t missed = 0; missed < 60; ++missed) {
    HourProgress progress = {.hour = 99, .done = true};
    const common::Time now = At(100 + missed, std::chrono::minutes(7));
    std::vector<int64_t> paid;
    while (!(progress = NextHour(progress, now)).done) {
      ASSERT_TRUE(paid.empty() || progress.hour == paid.back() + 1);
      paid.push_back(progress.hour);
      progress.done = true;
    }
    EXPECT_EQ(static_cast<int64_t>(paid.size()), std::min(missed, kCatchUpHours));
    if (missed > 0) {
      EXPECT_EQ(paid.back(), 99 + missed);
    }
  }
}

TEST(FollowerHours, AreBehindUntilTheyAreDone) {
  EXPECT_EQ(HoursBehind({.hour = 99, .done = true}, At(100)), 0);
  EXPECT_EQ(HoursBehind({.hour = 99, .done = true}, At(101)), 1);
  EXPECT_EQ(HoursBehind({.hour = 100, .done = false}, At(101)), 1);
  EXPECT_EQ(HoursBehind({.hour = 50, .done = true}, At(100)), 49);
  EXPECT_EQ(HoursBehind({.hour = 99, .done = true}, At(10)), 0) << "the clock went back";
}

TEST(FollowerHours, AClockThatGoesBackPaysNothing) {
  EXPECT_TRUE(NextHour({.hour = 99, .done = true}, At(10)).done);
}

}  // namespace
}  // namespace streaming::economy
