#include "services/streaming/audience/news.h"

#include <set>

#include <gtest/gtest.h>

namespace streaming::audience {
namespace {

TEST(NewsTest, TellsAFewOneByOneAndTheRestTogether) {
  const pool::Pool pool({.seed = 1, .size = 640});
  LiveSession session;
  session.state.viewer_secret = 7;
  const std::vector<Movement> movements = {
      {.left = LeftReason::kBored, .parties = {{.run = 1, .members = BitOf(3) | BitOf(4)}}},
      {.left = std::nullopt,
       .parties = {{.run = 2, .members = kWholeRun}, {.run = 3, .members = kWholeRun}}}};

  const std::vector<News> news = TellOf(pool, session, movements, 10);
  ASSERT_EQ(news.size(), 11u);
  std::set<common::Uuid> viewers;
  uint32_t left = 0;
  uint32_t joined = 0;
  for (const News& item : news) {
    viewers.insert(item.viewer);
    (item.left ? left : joined) += item.heads;
  }
  EXPECT_EQ(viewers.size(), 11u);
  EXPECT_EQ(left, 2u);
  EXPECT_EQ(joined, 128u);
  EXPECT_TRUE(news.back().together);
  EXPECT_EQ(news.back().heads, 120u);
  EXPECT_EQ(news.front().viewer, pool::ViewerId(7, 64 + 3));

  EXPECT_EQ(TellOf(pool, session, movements, 0).size(), 2u);
  EXPECT_TRUE(TellOf(pool, session, {}, 10).empty());
}

TEST(NewsTest, GivesEachRoundItsShareOfIndividuals) {
  LiveState state;
  EXPECT_EQ(TakeNewsShare(state, 5, 4), 10u);
  EXPECT_EQ(TakeNewsShare(state, 5, 100), 6u);
  EXPECT_EQ(TakeNewsShare(state, 5, 1), 0u);
  EXPECT_EQ(TakeNewsShare(state, 6, 0), 10u);
  EXPECT_EQ(TakeNewsShare(state, 6, 0), 10u);
}

}  // namespace
}  // namespace streaming::audience
