#include "services/streaming/careers/career.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace streaming::careers {
namespace {

using pool::Interest;

Growth Of(uint64_t thousandths) { return {thousandths, 0, 0, 0}; }

TEST(CareerTest, ThePhasesOfTheDesign) {
  EXPECT_EQ(PhaseOf(Of(0)), Phase::kUnknown);
  EXPECT_EQ(PhaseOf(Of(4999)), Phase::kUnknown);
  EXPECT_EQ(PhaseOf(Of(5000)), Phase::kRising);
  EXPECT_EQ(PhaseOf(Of(25000)), Phase::kPopular);
  EXPECT_EQ(PhaseOf({25000, 25000, 25000, 25000}), Phase::kCelebrity);
  EXPECT_EQ(PhaseOf(Of(499999)), Phase::kCelebrity);
  EXPECT_EQ(PhaseOf(Of(500000)), Phase::kLegend);
  EXPECT_EQ(PhaseOf(Of(~0ull >> 1)), Phase::kLegend);
}

TEST(CareerTest, CapabilitiesAddUp) {
  EXPECT_TRUE(CapabilitiesOf(Phase::kUnknown).empty());
  EXPECT_EQ(CapabilitiesOf(Phase::kRising).size(), 2u);
  EXPECT_EQ(CapabilitiesOf(Phase::kPopular).size(), 5u);
  EXPECT_EQ(CapabilitiesOf(Phase::kCelebrity).size(), 8u);
  EXPECT_EQ(CapabilitiesOf(Phase::kLegend).size(), 11u);
  EXPECT_TRUE(Has(Phase::kRising, kCustomStreamTitle));
  EXPECT_FALSE(Has(Phase::kUnknown, kCustomStreamTitle));
  EXPECT_TRUE(Has(Phase::kLegend, kCustomStreamTitle));
  EXPECT_TRUE(Has(Phase::kCelebrity, kCrossStreamRaids));
  EXPECT_FALSE(Has(Phase::kPopular, kCrossStreamRaids));
  EXPECT_TRUE(Has(Phase::kLegend, kLegendaryHypeTrains));
  EXPECT_FALSE(Has(Phase::kCelebrity, kLegendaryHypeTrains));
}

TEST(CareerTest, TheGrowthTableOfTheDesign) {
  const Stats after = Advance({}, {.new_followers = 3,
                                   .peak_audience = 120,
                                   .mean_engagement = 0.61,
                                   .tags = {Interest::kCombat, Interest::kPvp},
                                   .hype_peaks = {2, 3, 6},
                                   .world_firsts = 1});
  EXPECT_EQ(after.growth, (Growth{3 * 100 + 3 * 500, 200 + 300 + 4 * 300, 2 * 50, 2000}));
  // What has counted does not count again.
  const Stats again = Advance(after, {.peak_audience = 100,
                                      .mean_engagement = 0.6,
                                      .tags = {Interest::kCombat, Interest::kSocial}});
  EXPECT_EQ(again.growth[0], after.growth[0]);
  EXPECT_EQ(again.growth[1], after.growth[1]);
  EXPECT_EQ(again.growth[2], after.growth[2] + 50);
  EXPECT_EQ(again.sessions, 2u);
}

TEST(CareerTest, ProgressAndReputationRiseFromZeroTowardOne) {
  EXPECT_EQ(ProgressOf(0), 0);
  EXPECT_NEAR(ProgressOf(25000), 1 - std::exp(-1), 1e-12);
  double before = -1;
  for (uint64_t growth = 0; growth < 500000; growth += 5000) {
    EXPECT_GT(ProgressOf(growth), before);
    EXPECT_LT(ProgressOf(growth), 1);
    before = ProgressOf(growth);
  }
  EXPECT_EQ(ReputationOf({}), 0);
  EXPECT_LT(ReputationOf(Of(1000)), ReputationOf(Of(2000)));
}

TEST(CareerTest, PeakTiers) {
  EXPECT_EQ(PeakTierOf(0), 0);
  EXPECT_EQ(PeakTierOf(9), 0);
  EXPECT_EQ(PeakTierOf(10), 1);
  EXPECT_EQ(PeakTierOf(4999), 5);
  EXPECT_EQ(PeakTierOf(5000), 6);
}

TEST(CareerTest, FollowersNeverFallBelowNobody) {
  EXPECT_EQ(Advance({.followers = 2}, {.new_followers = 1, .lost_followers = 9}).followers, 0u);
}

TEST(CareerTest, MilestonesLieWhereTheDesignSays) {
  const Stats nothing;
  Stats everything{.followers = 10000,
                   .live_seconds = 3600 * 1000,
                   .hype_trains = 100,
                   .world_firsts = 25,
                   .growth = Of(500000)};
  const auto crossed = Crossed(nothing, everything);
  EXPECT_EQ(crossed.size(), 4 + 4 + 3 + 3 + 4u);
  EXPECT_EQ(crossed.front(), (Milestone{MilestoneType::kFollowerCount, 10}));
  EXPECT_EQ(crossed.back(), (Milestone{MilestoneType::kPhaseAdvance, 4}));
  EXPECT_TRUE(Crossed(everything, everything).empty());
  EXPECT_TRUE(Crossed(nothing, {.live_seconds = 3599}).empty());
}

SessionResult AnySession(std::mt19937& random) {
  const auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
  return {.new_followers = below(40),
          .lost_followers = below(5),
          .live_seconds = below(20000),
          .peak_audience = below(6000),
          .mean_engagement = below(100) / 100.0,
          .tags = pool::InterestMask::FromBits(static_cast<uint16_t>(below(1024))),
          .hype_peaks = std::vector<uint8_t>(below(3), static_cast<uint8_t>(below(6) + 1)),
          .world_firsts = below(2)};
}

// What counts once (tags, tiers) and what is summed up come to the same in any order.
TEST(CareerTest, GrowthDoesNotDependOnTheOrderOfSessions) {
  std::mt19937 random(11);
  for (int career = 0; career < 50; ++career) {
    std::vector<SessionResult> sessions(20);
    for (SessionResult& session : sessions) session = AnySession(random);
    const auto play = [&] {
      Stats stats;
      for (const SessionResult& session : sessions) stats = Advance(stats, session);
      return stats;
    };
    const Stats first = play();
    std::shuffle(sessions.begin(), sessions.end(), random);
    const Stats second = play();
    EXPECT_EQ(first.growth, second.growth);
    EXPECT_EQ(first.live_seconds, second.live_seconds);
    EXPECT_EQ(first.hype_trains, second.hype_trains);
    EXPECT_EQ(first.acclaimed_sessions, second.acclaimed_sessions);
  }
}

TEST(CareerTest, GrowthNeverFallsWhateverFollowersDo) {
  const Stats stats = Advance({}, {.new_followers = 50});
  const Stats after = Advance(stats, {.lost_followers = 50});
  EXPECT_EQ(after.followers, 0u);
  EXPECT_EQ(after.growth, stats.growth);
}

TEST(CareerTest, AcclaimNeedsEngagementAndAnAudience) {
  const SessionResult acclaimed{.peak_audience = kAcclaimedHeads, .mean_engagement = 0.61};
  EXPECT_EQ(Advance({}, acclaimed).acclaimed_sessions, 1u);
  SessionResult small = acclaimed, dull = acclaimed;
  small.peak_audience = kAcclaimedHeads - 1;
  dull.mean_engagement = 0.6;
  EXPECT_EQ(Advance({}, small).acclaimed_sessions, 0u);
  EXPECT_EQ(Advance({}, dull).acclaimed_sessions, 0u);
}

// Over a whole career of any course each milestone of the counts that only rise comes once.
TEST(CareerTest, EachMilestoneComesOnce) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Stats stats;
    std::map<std::pair<MilestoneType, uint32_t>, int> seen;
    for (int session = 0; session < 400; ++session) {
      const Stats next = Advance(stats, AnySession(random));
      for (const Milestone& milestone : Crossed(stats, next)) {
        ++seen[{milestone.type, milestone.value}];
      }
      EXPECT_GE(TotalOf(next.growth), TotalOf(stats.growth));
      stats = next;
    }
    for (const auto& [milestone, count] : seen) {
      EXPECT_TRUE(count == 1 || milestone.first == MilestoneType::kFollowerCount);
    }
    EXPECT_EQ(seen.count({MilestoneType::kPhaseAdvance, 4}), 1u);
  }
}

}  // namespace
}  // namespace streaming::careers
