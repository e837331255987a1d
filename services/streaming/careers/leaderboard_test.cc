#include "services/streaming/careers/leaderboard.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace streaming::careers {
namespace {

TEST(LeaderboardTest, RanksOfAnyPageAreOneMoreThanTheStrictlyBetter) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> values(1 + random() % 30);
    for (double& value : values) value = random() % 6;
    std::ranges::sort(values, std::greater());
    const auto better = [&](double than) {
      return static_cast<uint32_t>(
          std::ranges::count_if(values, [&](double value) { return value > than; }));
    };
    for (uint32_t offset = 0; offset < values.size(); ++offset) {
      const std::span<const double> page(values.begin() + offset, values.end());
      const auto ranks = RanksOf(page, offset, better(page[0]));
      for (size_t i = 0; i < page.size(); ++i) EXPECT_EQ(ranks[i], 1 + better(page[i]));
    }
  }
  EXPECT_TRUE(RanksOf({}, 5, 0).empty());
}

TEST(LeaderboardTest, ALateCountDoesNotPutThePageOutOfOrder) {
  const std::vector<double> values = {5, 4};
  EXPECT_EQ(RanksOf(values, 3, 9), (std::vector<uint32_t>{4, 5}));
}

TEST(LeaderboardTest, MembersSortByTypeAndIdAndReadBack) {
  std::vector<BoardMember> members;
  for (uint8_t type = 1; type <= 3; ++type) {
    for (int i = 0; i < 50; ++i) members.push_back({type, common::Uuid::V4()});
  }
  for (const BoardMember& a : members) {
    EXPECT_EQ(DecodeMember(EncodeMember(a)), a);
    for (const BoardMember& b : members) {
      EXPECT_EQ(EncodeMember(a) < EncodeMember(b), std::tie(a.type, a.id) < std::tie(b.type, b.id));
    }
  }
  EXPECT_FALSE(DecodeMember(""));
  EXPECT_FALSE(DecodeMember(std::string(16, 'x')));
  EXPECT_FALSE(DecodeMember(std::string(18, 'x')));
}

TEST(LeaderboardTest, PositionsReadBackAndNothingElseDoes) {
  for (const int64_t at : {int64_t{0}, int64_t{1'767'323'045'678'901}}) {
    const BoardPosition position{.changed_at = at, .member = {2, common::Uuid::V4()}};
    EXPECT_EQ(DecodePosition(EncodePosition(position)), position);
  }
  for (const char* text : {"", "1", "1:", "x:", "1:short"}) EXPECT_FALSE(DecodePosition(text));
}

}  // namespace
}  // namespace streaming::careers
