#include "services/streaming/audience/check_out.h"

#include <map>

#include <gtest/gtest.h>

namespace streaming::audience {
namespace {

TEST(PartyTest, SurvivesPacking) {
  const Party party{.run = 70000,
                    .members = BitOf(0) | BitOf(9) | BitOf(63),
                    .joining = {.round = kRoundLimit - 1,
                                .flags = kFollows,
                                .offset = -100,
                                .interest_sum = kSumModulus - 1}};
  std::string bytes;
  AppendParty(bytes, party);
  AppendParty(bytes, Party{});
  ASSERT_EQ(bytes.size(), 2 * kPartyBytes);
  // Place 0 is the top bit of the first byte, as in Redis.
  EXPECT_EQ(bytes.substr(4, 8), std::string("\x80\x40\0\0\0\0\0\x01", 8));
  const auto parties = DecodeParties(bytes);
  ASSERT_TRUE(parties.ok());
  EXPECT_EQ(*parties, (std::vector<Party>{party, {}}));
  EXPECT_FALSE(DecodeParties(bytes.substr(1)).ok());

  AppendDeparture(bytes, {.left_round = 77, .mean_interest = 0.8f});
  const auto departed = DecodeDeparted(bytes.substr(kPartyBytes));
  ASSERT_TRUE(departed.ok());
  EXPECT_EQ(departed->at(0).departure.left_round, 77u);
  EXPECT_NEAR(departed->at(0).departure.mean_interest, 0.8, 0.51 / 255);
  EXPECT_FALSE(DecodeDeparted(bytes).ok());
}

TEST(PartyTest, RecordsHaveTheDocumentedSizes) {
  std::string leave;
  AppendLeave(leave, {});
  EXPECT_EQ(leave.size(), kLeaveBytes);
  std::string demand;
  AppendDemand(demand, {});
  EXPECT_EQ(demand.size(), kDemandBytes);
  std::string joining;
  AppendJoining(joining, {});
  EXPECT_EQ(joining.size(), kJoiningBytes);
}

TEST(PartyTest, PlacesAscend) {
  std::vector<uint32_t> places;
  ForEachPlace(BitOf(63) | BitOf(0) | BitOf(31), [&](uint32_t place) { places.push_back(place); });
  EXPECT_EQ(places, (std::vector<uint32_t>{0, 31, 63}));
}

CheckOut Wish(uint32_t heads, uint32_t capacity) {
  CheckOut wish;
  wish.wanted_heads.fill(heads);
  wish.free_heads.fill(1000000);
  wish.capacity_heads = capacity;
  wish.key = 3;
  return wish;
}

uint32_t Heads(const pool::Pool& pool, const std::vector<Demand>& demands) {
  uint32_t heads = 0;
  for (const Demand& demand : demands) heads += demand.count * pool.WeightOfRun(demand.run);
  return heads;
}

TEST(CheckOutTest, AsksForWhatIsWantedInRunsOfTheArchetype) {
  const pool::Pool pool({.seed = 1, .size = 100000, .shards = 2});
  CheckOut wish = Wish(0, 5000);
  wish.wanted_heads[7] = 30;
  const auto demands = PlanCheckOut(pool, 1, wish);
  EXPECT_EQ(Heads(pool, demands), 30u);
  EXPECT_GT(demands.size(), 1u);
  for (const Demand& demand : demands) {
    EXPECT_EQ(pool.ArchetypeOfRun(demand.run), 7);
    EXPECT_EQ(pool.ShardOfRun(demand.run), 1u);
    EXPECT_LT(demand.start, pool::kRunLength);
  }
}

TEST(CheckOutTest, KeepsToTheCapacity) {
  const pool::Pool pool({.seed = 1, .size = 100000});
  EXPECT_EQ(Heads(pool, PlanCheckOut(pool, 0, Wish(40, 5000))), 5000u);
  EXPECT_TRUE(PlanCheckOut(pool, 0, Wish(40, 0)).empty());
}

TEST(CheckOutTest, NamesMoreRunsWhenFewAreFree) {
  const pool::Pool pool({.seed = 1, .size = 1000000});
  CheckOut crowded = Wish(200, 1000000);
  for (uint8_t a = 0; a < 255; ++a) crowded.free_heads[a] = pool.HeadsOf(0, a) / 10;
  EXPECT_GT(PlanCheckOut(pool, 0, crowded).size(),
            2 * PlanCheckOut(pool, 0, Wish(200, 1000000)).size());
}

TEST(CheckOutTest, NeverAsksForMembersThatDoNotExist) {
  const pool::Pool pool({.seed = 1, .size = 65});
  const auto demands = PlanCheckOut(pool, 0, Wish(64, 1000));
  std::map<uint32_t, RunMask> allowed;
  for (const Demand& demand : demands) allowed[demand.run] |= demand.members;
  EXPECT_EQ(allowed[0], kWholeRun);
  EXPECT_EQ(allowed[1], BitOf(0));
}

TEST(CheckOutTest, CollectivesComeInTheirShareOfHeads) {
  const pool::Pool pool(
      {.seed = 2, .size = 200000, .collective_share = 0.3, .collective_size = 10});
  CheckOut wish = Wish(25, 1000000);
  double collective = 0;
  double all = 0;
  for (wish.key = 0; wish.key < 20; ++wish.key) {
    for (const Demand& demand : PlanCheckOut(pool, 0, wish)) {
      const uint32_t heads = demand.count * pool.WeightOfRun(demand.run);
      all += heads;
      collective += pool.WeightOfRun(demand.run) > 1 ? heads : 0;
    }
  }
  EXPECT_NEAR(collective / all, 0.3 * 10 / (0.7 + 0.3 * 10), 0.08);
  EXPECT_NEAR(all / 20, 25 * pool::kArchetypes, 25 * pool::kArchetypes * 0.05);
}

TEST(CheckOutTest, DifferentKeysLookInDifferentPlaces) {
  const pool::Pool pool({.seed = 2, .size = 200000});
  CheckOut wish = Wish(1, 1000);
  const auto one = PlanCheckOut(pool, 0, wish);
  wish.key = 4;
  const auto other = PlanCheckOut(pool, 0, wish);
  EXPECT_NE(one[0].run, other[0].run);
}

TEST(CheckOutTest, ADemandForCertainMembersNamesThem) {
  const Demand demand = DemandFor(4, BitOf(3) | BitOf(5), {.flags = kFollows});
  EXPECT_EQ(demand.count, 2);
  EXPECT_EQ(demand.members, BitOf(3) | BitOf(5));
}

}  // namespace
}  // namespace streaming::audience
