#include "services/streaming/audience/raid.h"

#include <gtest/gtest.h>

#include "services/streaming/audience/passage.h"

namespace streaming::audience {
namespace {

const pool::Pool& ThePool() {
  static const pool::Pool pool(
      {.seed = 5, .size = 64000, .collective_share = 0.2, .collective_size = 10});
  return pool;
}

std::vector<Party> Everybody() {
  std::vector<Party> parties;
  for (uint32_t run = 0; run < ThePool().runs(); ++run) parties.push_back({run, kWholeRun, {}});
  return parties;
}

uint32_t Going(float interest_here, uint8_t attraction_there, uint64_t key) {
  Audience audience;
  audience.interest.fill(interest_here);
  SessionView to;
  to.attraction.fill(attraction_there);
  uint32_t members = 0;
  for (const Leave& leave : Raiders(ThePool(), audience, Everybody(), to, key)) {
    members += CountOf(leave.members);
  }
  return members;
}

TEST(RaidTest, HalfGoWhereTheOtherStreamIsAsGood) {
  EXPECT_NEAR(Going(0.6f, 153, 1), 32000, 600);
  EXPECT_GT(Going(0.4f, 153, 1), 40000u);
  EXPECT_LT(Going(0.8f, 153, 1), 20000u);
  EXPECT_NE(Going(0.6f, 153, 1), Going(0.6f, 153, 2));
  EXPECT_EQ(Going(0.6f, 153, 1), Going(0.6f, 153, 1));
  EXPECT_DOUBLE_EQ(RaidChance(0.5f, 0.5f), 0.5);
}

TEST(RaidTest, InAnotherShardOthersOfTheirKindCome) {
  const pool::Pool pool({.seed = 5, .size = 6400, .shards = 4});
  pool::PerArchetype<uint32_t> kinds = {};
  kinds.fill(3);
  const auto there = KindsThere(pool, 2, kinds);
  uint32_t all = 0;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    if (pool.HeadsOf(2, static_cast<uint8_t>(a)) == 0) {
      EXPECT_EQ(there[a], 0u);
    } else {
      EXPECT_GE(there[a], 3u);
    }
    all += there[a];
  }
  EXPECT_EQ(all, 3 * pool::kArchetypes);
}

TEST(PassageTest, AsManyAsHaveRoom) {
  const auto parties = Everybody();
  std::vector<Mover> movers;
  uint32_t wish = 0;
  for (uint32_t position = 0; position < parties.size(); position += 2) {
    movers.push_back({.leave = {position, 0xff00ff}, .destination = position % 3});
    wish += 16 * ThePool().WeightOfRun(parties[position].run);
  }
  const Passage all = PassageOf(ThePool(), parties, movers, {1u << 30, 1u << 30, 1u << 30});
  EXPECT_EQ(all.heads, wish);
  EXPECT_EQ(all.movers.size(), movers.size());
  EXPECT_EQ(all.destinations.size(), 3u);

  const std::vector<uint32_t> room = {0, 100, 7};
  const Passage some = PassageOf(ThePool(), parties, movers, room);
  uint32_t heads = 0;
  for (const auto& to : some.destinations) {
    EXPECT_LE(to.heads, room[to.number]);
    EXPECT_GT(to.heads, 0u);
    heads += to.heads;
  }
  EXPECT_EQ(some.heads, heads);
  EXPECT_EQ(heads, 107u);
  std::vector<uint32_t> counted(some.destinations.size());
  for (const Mover& mover : some.movers) {
    EXPECT_EQ(mover.leave.members & ~RunMask{0xff00ff}, 0u);
    counted[mover.destination] +=
        CountOf(mover.leave.members) * ThePool().WeightOfRun(parties[mover.leave.position].run);
  }
  for (size_t i = 0; i < counted.size(); ++i) EXPECT_EQ(counted[i], some.destinations[i].heads);
}

TEST(PassageTest, NamesNoMoreDestinationsThanACallTakes) {
  const auto parties = Everybody();
  std::vector<Mover> movers;
  for (uint32_t position = 0; position < 300; ++position) {
    movers.push_back({.leave = {position, 1}, .destination = position});
  }
  const Passage passage = PassageOf(ThePool(), parties, movers, std::vector<uint32_t>(300, 1000));
  EXPECT_EQ(passage.destinations.size(), kDestinationsMax);
  EXPECT_EQ(passage.movers.size(), kDestinationsMax);
}

}  // namespace
}  // namespace streaming::audience
