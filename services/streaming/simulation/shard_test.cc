#include "services/streaming/simulation/shard.h"

#include <gtest/gtest.h>

namespace streaming::simulation {
namespace {

using audience::CountOf;
using audience::Demand;
using audience::kWholeRun;
using audience::RunMask;

constexpr RunMask At(std::initializer_list<uint32_t> places) {
  RunMask mask = 0;
  for (const uint32_t place : places) mask |= audience::BitOf(place);
  return mask;
}

// The expectations are what redis/audience.lua does: byte by byte from the start's byte on, and
// within the last byte from the start's place in it.
TEST(SomeOfTest, LooksByteByByte) {
  EXPECT_EQ(SomeOf(kWholeRun, 0, 64), kWholeRun);
  EXPECT_EQ(SomeOf(kWholeRun, 0, 100), kWholeRun);
  EXPECT_EQ(SomeOf(kWholeRun, 0, 0), 0u);
  EXPECT_EQ(SomeOf(kWholeRun, 0, 3), At({0, 1, 2}));
  EXPECT_EQ(SomeOf(kWholeRun, 10, 8), At({8, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_EQ(SomeOf(kWholeRun, 10, 2), At({10, 11}));
  EXPECT_EQ(SomeOf(kWholeRun, 10, 7), At({10, 11, 12, 13, 14, 15, 8}));
  EXPECT_EQ(SomeOf(At({3, 60}), 56, 2), At({3, 60}));
  EXPECT_EQ(SomeOf(At({3, 60}), 56, 1), At({60}));
}

TEST(ShardTest, TakesWhatIsFreeAndTheNextRunsMakeUpForTheRest) {
  Shard shard(3);
  const auto first = shard.Take({{{.run = 0, .count = 60}}}, 1000);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(CountOf(first[0].members), 60u);
  // Four are left of run 0; the others come from run 2, then there is no wish any more.
  const std::vector<Demand> demands = {{.run = 0, .count = 10}, {.run = 2}, {.run = 1}};
  const auto second = shard.Take(demands, 1000);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].members & first[0].members, 0u);
  EXPECT_EQ(CountOf(second[0].members), 4u);
  EXPECT_EQ(second[1].run, 2u);
  EXPECT_EQ(CountOf(second[1].members), 6u);
  EXPECT_EQ(shard.CountTaken(), 70u);
  shard.GiveBack(first);
  shard.GiveBack(second);
  EXPECT_EQ(shard.CountTaken(), 0u);
  EXPECT_EQ(shard.taken(), std::string(24, '\0'));
}

TEST(ShardTest, KeepsToTheRoomAndToTheMask) {
  Shard shard(1);
  EXPECT_EQ(shard.Take({{{.run = 0, .count = 9}}}, 0).size(), 0u);
  shard.Take({{{.run = 0, .count = 9}}}, 5);
  EXPECT_EQ(shard.CountTaken(), 5u);
  const auto named = shard.Take({{{.run = 0, .count = 2, .members = At({0, 63})}}}, 5);
  ASSERT_EQ(named.size(), 1u);
  EXPECT_EQ(named[0].members, At({63}));
  EXPECT_EQ(static_cast<uint8_t>(shard.taken()[0]), 0xf8);
  EXPECT_EQ(static_cast<uint8_t>(shard.taken()[7]), 0x01);
}

}  // namespace
}  // namespace streaming::simulation
