// The crowd as a whole: what is published of live audiences holds at the settings' defaults, and a
// pool of collectives behaves like one of individuals.
#include <cmath>

#include <gtest/gtest.h>

#include "services/streaming/simulation/facts.h"
#include "services/streaming/simulation/run.h"

namespace streaming::simulation {
namespace {

constexpr double kMoodDecayRate = 0.1;  // RealDerivedViewerDecayRate

class PublishedTest : public testing::TestWithParam<uint64_t> {};

TEST_P(PublishedTest, FactsHold) {
  constexpr uint32_t kMembers = 100000;
  const Plan plan{.streams = 500, .seed = GetParam()};
  const Outcome outcome = simulation::Run({.pool = {.size = kMembers}}, plan);
  EXPECT_TRUE(outcome.sound);
  const auto facts = FactsOf(FiguresOf(outcome.record), EmotionsOf(kMoodDecayRate, plan.seed),
                             1.0 * kMembers / plan.streams);
  EXPECT_TRUE(AllHold(facts)) << FormatFacts(facts);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PublishedTest, testing::Values(42, 7));

Figures FiguresWith(const pool::PoolSpec& spec) {
  const Outcome outcome =
      simulation::Run({.pool = spec}, {.streams = 100, .warm_up_hours = 72, .seed = 4});
  EXPECT_TRUE(outcome.sound);
  return FiguresOf(outcome.record);
}

// As many heads, half of them in groups of five. What differs is chance: fewer who decide.
TEST(CollectivesTest, BehaveLikeIndividuals) {
  const Figures alone = FiguresWith({.size = 20000});
  const Figures groups =
      FiguresWith({.size = 12032, .collective_share = 1.0 / 6, .collective_size = 5});
  EXPECT_NEAR(groups.mean_heads / alone.mean_heads, 1, 0.15);
  EXPECT_NEAR(groups.dwell.mean / alone.dwell.mean, 1, 0.1);
  EXPECT_NEAR(groups.dwell.long_share, alone.dwell.long_share, 0.02);
  EXPECT_NEAR(groups.peak_mean[1] / alone.peak_mean[1], 1, 0.15);
  EXPECT_NEAR(groups.concentration.top_share, alone.concentration.top_share, 0.1);
  EXPECT_NEAR(std::log(groups.follows_overall / alone.follows_overall), 0, std::log(2));
}

}  // namespace
}  // namespace streaming::simulation
