#include "services/streaming/simulation/world.h"

#include <gtest/gtest.h>

#include "services/streaming/simulation/run.h"

namespace streaming::simulation {
namespace {

constexpr uint32_t kMembers = 6400;

WorldSettings Settings() {
  WorldSettings settings{.pool = {.seed = 5, .size = kMembers}};
  settings.round.seed = 5;
  return settings;
}

Schedule Script() {
  return MakeSchedule({.streamers = 40, .heads = kMembers, .hours = 30, .seed = 5});
}

TEST(WorldTest, BitsAreMembersInEveryRoundAndNobodyIsLost) {
  const Schedule schedule = Script();
  World world(Settings(), schedule);
  Record record;
  uint32_t most = 0;
  for (int round = 0; round < 30 * 60; ++round) {
    world.PlayRound(&record);
    ASSERT_TRUE(world.IsSound()) << round;
    most = std::max(most, world.heads());
  }
  EXPECT_GT(most, 100u);
  EXPECT_LT(most, kMembers);
  EXPECT_GT(record.streams.size(), 20u);
  EXPECT_GT(record.raids.size(), 1u);
  // Everybody goes home in the end.
  while (world.live() > 0) world.PlayRound(nullptr);
  EXPECT_EQ(world.heads(), 0u);
  EXPECT_TRUE(world.IsSound());
}

TEST(WorldTest, CapacityHoldsInEveryRound) {
  const Schedule schedule = Script();
  WorldSettings settings = Settings();
  settings.round.capacity_heads = 20;
  settings.pool.collective_share = 0.3;
  settings.pool.collective_size = 7;
  World world(settings, schedule);
  Record record;
  for (int round = 0; round < 12 * 60; ++round) {
    world.PlayRound(&record);
    ASSERT_TRUE(world.IsSound()) << round;  // looks at the capacity, too
  }
  uint32_t peak = 0;
  for (const StreamRecord& stream : record.streams) peak = std::max(peak, stream.peak_heads);
  EXPECT_EQ(peak, 20u);
}

TEST(RunTest, EqualSeedsGiveEqualStates) {
  const WorldSettings settings{.pool = {.size = kMembers}};
  const auto hash = [&](uint64_t seed) {
    const Outcome outcome =
        simulation::Run(settings, {.streams = 40, .hours = 3, .warm_up_hours = 3, .seed = seed});
    EXPECT_TRUE(outcome.sound);
    EXPECT_EQ(outcome.rounds, 360u);
    EXPECT_EQ(outcome.record.heads.size(), 180u);
    return outcome.hash;
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(RunTest, WhatIsWrittenDownChangesNothing) {
  const WorldSettings settings{.pool = {.size = kMembers}};
  const auto hash = [&](double hours, double warm_up_hours) {
    return simulation::Run(settings,
                           {.streams = 40, .hours = hours, .warm_up_hours = warm_up_hours})
        .hash;
  };
  EXPECT_EQ(hash(4, 0), hash(1, 3));
}

}  // namespace
}  // namespace streaming::simulation
