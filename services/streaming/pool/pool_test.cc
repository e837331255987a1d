#include "services/streaming/pool/pool.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "services/streaming/audience/random.h"

namespace streaming::pool {
namespace {

TEST(RandomTest, EveryWordMatters) {
  using audience::Draw;
  using audience::Random;
  const std::set<uint64_t> draws = {
      Random(1, Draw::kLeave),       Random(2, Draw::kLeave),       Random(1, Draw::kMemberId),
      Random(1, Draw::kLeave, 0),    Random(1, Draw::kLeave, 0, 0), Random(1, Draw::kLeave, 0, 1),
      Random(1, Draw::kLeave, 1, 0),
  };
  EXPECT_EQ(draws.size(), 7u);
  EXPECT_EQ(Random(1, Draw::kLeave, 5), Random(1, Draw::kLeave, 5));
}

TEST(RandomTest, UniformIsUniform) {
  std::array<int, 10> counts{};
  for (uint32_t i = 0; i < 100000; ++i) {
    const double value = audience::Uniform(audience::Random(7, audience::Draw::kLeave, i));
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    ++counts[static_cast<size_t>(value * 10)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(ArchetypeTest, AreDifferentAndWellFormed) {
  for (const uint64_t seed : {0ull, 1ull, 42ull, ~0ull}) {
    const ArchetypeTable table = BuildArchetypes(seed);
    EXPECT_EQ(table, BuildArchetypes(seed));
    std::set<uint32_t> distinct;
    for (const Archetype& archetype : table) {
      distinct.insert(archetype.personality.bits() << 16 | archetype.interests.bits());
      EXPECT_GE(archetype.interests.Count(), 1);
      EXPECT_LE(archetype.interests.Count(), kMaxInterestsPerArchetype);
      for (size_t axis = 0; axis < kAxes; ++axis) {
        const auto side = static_cast<Personality>(2 * axis);
        const auto other = static_cast<Personality>(2 * axis + 1);
        EXPECT_FALSE(archetype.personality.Has(side) && archetype.personality.Has(other));
        EXPECT_EQ(Leaning(archetype.personality, side), -Leaning(archetype.personality, other));
      }
    }
    EXPECT_EQ(distinct.size(), kArchetypes);
  }
  EXPECT_NE(BuildArchetypes(1), BuildArchetypes(2));
}

TEST(ArchetypeTest, PopularityIsSkewed) {
  std::array<int, kInterests> counts{};
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (const Archetype& archetype : BuildArchetypes(seed)) {
      for (size_t i = 0; i < kInterests; ++i) {
        counts[i] += archetype.interests.Has(static_cast<Interest>(i));
      }
    }
  }
  EXPECT_GT(counts[static_cast<size_t>(Interest::kCombat)],
            3 * counts[static_cast<size_t>(Interest::kSpeedrunning)]);
  EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 500);
}

TEST(PoolTest, ValidatesItsSpec) {
  EXPECT_TRUE(Validate({.seed = 1, .size = 1}).ok());
  EXPECT_FALSE(Validate({.seed = 1, .size = 0}).ok());
  EXPECT_FALSE(Validate({.seed = 1, .size = kMaxPoolSize + 1}).ok());
  EXPECT_FALSE(Validate({.seed = 1, .size = 1, .shards = 0}).ok());
  EXPECT_FALSE(Validate({.seed = 1, .size = 1, .collective_share = 1.1}).ok());
  EXPECT_FALSE(Validate({.seed = 1, .size = 1, .collective_size = 0}).ok());
}

TEST(PoolTest, EveryMemberBelongsToOneArchetypeAndShard) {
  for (const uint32_t shards : {1u, 3u, 8u}) {
    const Pool pool({.seed = 9, .size = 10007, .shards = shards});
    std::set<uint32_t> runs;
    uint32_t members = 0;
    uint32_t heads = 0;
    for (uint32_t shard = 0; shard < shards; ++shard) {
      members += pool.MembersOfShard(shard);
      heads += pool.HeadsOfShard(shard);
      for (size_t a = 0; a < kArchetypes; ++a) {
        for (const uint32_t run : pool.RunsOf(shard, static_cast<uint8_t>(a))) {
          EXPECT_TRUE(runs.insert(run).second);
          EXPECT_EQ(pool.ArchetypeOfRun(run), a);
          EXPECT_EQ(pool.ShardOfRun(run), shard);
        }
      }
    }
    EXPECT_EQ(members, 10007u);
    EXPECT_EQ(heads, 10007u);
    EXPECT_EQ(runs.size(), pool.runs());
  }
}

TEST(PoolTest, GrowingMovesNobody) {
  const Pool small({.seed = 5, .size = 10000});
  const Pool grown({.seed = 5, .size = 15000});
  for (uint32_t i = 0; i < 10000; ++i) EXPECT_EQ(small.ArchetypeOf(i), grown.ArchetypeOf(i));
}

TEST(PoolTest, CollectivesAreCountedInHeads) {
  const Pool pool({.seed = 5, .size = 64000, .collective_share = 0.25, .collective_size = 20});
  EXPECT_EQ(pool.MembersOfShard(0), 64000u);
  EXPECT_NEAR(pool.HeadsOfShard(0), 64000 * (0.75 + 0.25 * 20), 64000 * 0.6);
  for (uint32_t run = 0; run < pool.runs(); ++run) {
    EXPECT_TRUE(pool.WeightOfRun(run) == 1 || pool.WeightOfRun(run) == 20);
  }
}

TEST(PoolTest, EngagementIsBoundedAndCentred) {
  double sum = 0;
  for (uint32_t i = 0; i < 20000; ++i) {
    const float offset = EngagementOffset(EngagementStep(3, i));
    ASSERT_LE(std::abs(offset), kEngagementSpread + 1e-6f);
    sum += offset;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.01);
}

TEST(PoolTest, IdsLookRandomAndPseudonymsChangeWithTheSecret) {
  std::set<common::Uuid> ids;
  for (uint32_t i = 0; i < 5000; ++i) {
    ids.insert(MemberId(1, i));
    ids.insert(ViewerId(1, i));
    ids.insert(ViewerId(2, i));
  }
  EXPECT_EQ(ids.size(), 15000u);
  EXPECT_EQ(ViewerId(2, 7), ViewerId(2, 7));
  EXPECT_EQ(ViewerId(2, 7).ToString()[14], '4');
}

TEST(GrowthTest, AQuarterMoreWhenTooFewAreFree) {
  const GrowthSettings settings{.free_share = 0.1, .max_members = 20000};
  EXPECT_EQ(GrowthOf(settings, 10000, 10000, 1000), 0u);
  EXPECT_EQ(GrowthOf(settings, 10000, 10000, 999), 2560u);  // in whole runs
  EXPECT_EQ(GrowthOf(settings, 19000, 19000, 0), 1000u);
  EXPECT_EQ(GrowthOf(settings, 20000, 20000, 0), 0u);
  EXPECT_EQ(GrowthOf(settings, 30000, 30000, 0), 0u);  // seeded beyond it
  EXPECT_EQ(GrowthOf({.free_share = 0}, 10000, 10000, 0), 0u);
  EXPECT_LE(GrowthOf({.free_share = 1, .max_members = UINT32_MAX}, kMaxPoolSize - 5, 1, 0), 5u);
}

}  // namespace
}  // namespace streaming::pool
