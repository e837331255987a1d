// What a game tells of, through the real RPC: every kind of event, who likes it, and that the
// answer is what happened.
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"

namespace story {
namespace {

using common::testing::Eventually;
using Event = v1::ReactionEventType;

// Tags of a stream whose audience likes an event, and of one whose audience cares for other things
// (docs/tuning.md, "What pleases whom"). Events that please everybody have none.
struct Taste {
  std::vector<v1::AudienceInterest> fond;
  std::vector<v1::AudienceInterest> other;
};
const std::map<Event, Taste>& Tastes() {
  constexpr auto kCombat = v1::AUDIENCE_INTEREST_COMBAT;
  constexpr auto kExploration = v1::AUDIENCE_INTEREST_EXPLORATION;
  constexpr auto kSocial = v1::AUDIENCE_INTEREST_SOCIAL;
  constexpr auto kCrafting = v1::AUDIENCE_INTEREST_CRAFTING;
  constexpr auto kTechnical = v1::AUDIENCE_INTEREST_TECHNICAL;
  constexpr auto kPvp = v1::AUDIENCE_INTEREST_PVP;
  constexpr auto kDiscovery = v1::AUDIENCE_INTEREST_DISCOVERY;
  constexpr auto kNarrative = v1::AUDIENCE_INTEREST_NARRATIVE;
  constexpr auto kSpeedrunning = v1::AUDIENCE_INTEREST_SPEEDRUNNING;
  constexpr auto kCreative = v1::AUDIENCE_INTEREST_CREATIVE;
  static const std::map<Event, Taste> tastes = {
      {v1::REACTION_EVENT_TYPE_ACHIEVEMENT, {{kTechnical, kSpeedrunning}, {kSocial, kCreative}}},
      {v1::REACTION_EVENT_TYPE_WORLD_FIRST, {}},
      {v1::REACTION_EVENT_TYPE_COMBAT_KILL, {{kCombat, kPvp}, {kCrafting, kCreative}}},
      {v1::REACTION_EVENT_TYPE_COMBAT_DEATH, {{kCombat, kPvp}, {kCrafting, kCreative}}},
      {v1::REACTION_EVENT_TYPE_DISCOVERY, {{kExploration, kDiscovery}, {kPvp, kTechnical}}},
      {v1::REACTION_EVENT_TYPE_SOCIAL_EVENT, {{kSocial, kNarrative}, {kPvp, kTechnical}}},
      {v1::REACTION_EVENT_TYPE_CRAFT_COMPLETE, {{kCrafting, kCreative}, {kCombat, kPvp}}},
      {v1::REACTION_EVENT_TYPE_QUEST_COMPLETE, {{kNarrative}, {kCrafting, kCreative}}},
      {v1::REACTION_EVENT_TYPE_LEVEL_UP, {{kSpeedrunning, kTechnical}, {kSocial, kCreative}}},
      {v1::REACTION_EVENT_TYPE_RARE_ITEM, {{kDiscovery, kCrafting}, {kSocial, kNarrative}}},
      {v1::REACTION_EVENT_TYPE_CUSTOM_EVENT, {}},
  };
  return tastes;
}

// Every kind of event that the contract has.
std::vector<Event> AllEvents() {
  std::vector<Event> events;
  const auto* const descriptor = v1::ReactionEventType_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const int number = descriptor->value(i)->number();
    if (number != 0) events.push_back(static_cast<Event>(number));
  }
  return events;
}

int Sum(const v1::EngagementBreakdown& breakdown) {
  return breakdown.high_engagement() + breakdown.medium_engagement() + breakdown.low_engagement() +
         breakdown.lurking();
}

// Between two events nothing happens: the next round is far away.
class Reactions : public testing::TestWithParam<Event> {
 protected:
  static void SetUpTestSuite() {
    side_ = std::make_unique<GameSide>(std::vector<std::string>{
        "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600", "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600"});
    game_ = std::make_unique<Game>(side_->daemon);
    game_->Seed(20'000);
    EXPECT_TRUE(Eventually([] { return side_->daemon.Metric("streaming_round_shards_led") == 1; }));
  }
  static void TearDownTestSuite() {
    game_ = nullptr;
    side_ = nullptr;
  }

  static Game& game() { return *game_; }

 private:
  static inline std::unique_ptr<GameSide> side_;
  static inline std::unique_ptr<Game> game_;
};

TEST_P(Reactions, TheAnswerIsWhatHappened) {
  const auto& taste = Tastes().at(GetParam());
  const Stream stream = game().GoLive({.tags = taste.other, .usual_audience = 500});
  double excitement = 0;  // nobody is excited when a stream begins
  for (const float significance : {0.3f, 1.0f, 0.6f}) {
    const int before = game().Status(stream).audience_count();
    const auto told = game().ServerTells(stream, GetParam(), significance);
    const auto status = game().Status(stream);
    EXPECT_EQ(status.audience_count(), before + told.audience_gained() - told.audience_lost());
    EXPECT_GE(status.peak_audience_count(), status.audience_count());
    const auto audience = game().Audience(stream);
    EXPECT_EQ(audience.total_count(), status.audience_count());
    EXPECT_EQ(Sum(audience.engagement_breakdown()), status.audience_count());
    EXPECT_GE(told.audience_gained(), 0);
    EXPECT_GE(told.audience_lost(), 0);
    EXPECT_GE(told.audience_retained(), 0);
    EXPECT_LE(told.audience_retained() + told.audience_lost(), before);
    EXPECT_GE(told.hype_contribution(), 0);
    EXPECT_LE(told.hype_contribution(), 1);
    excitement += told.excitement_delta();
    EXPECT_GE(excitement, -1e-4);
    EXPECT_LE(excitement, 1 + 1e-4);
    const auto hype = game().Hype(stream);
    EXPECT_EQ(status.active_hype_train(), hype.is_active());
  }
}

TEST_P(Reactions, WhoLikesItIsTheMoreExcited) {
  const auto& taste = Tastes().at(GetParam());
  if (taste.fond.empty()) {
    const Stream stream = game().GoLive({.usual_audience = 500});
    const auto told = game().ServerTells(stream, GetParam(), 0.5f);
    EXPECT_GT(told.excitement_delta(), 0);
    EXPECT_EQ(told.audience_lost(), 0) << "it pleases everybody";
    return;
  }
  const Stream fond = game().GoLive({.tags = taste.fond, .usual_audience = 500});
  const Stream other = game().GoLive({.tags = taste.other, .usual_audience = 500});
  const auto liked = game().ServerTells(fond, GetParam(), 0.8f);
  const auto endured = game().ServerTells(other, GetParam(), 0.8f);
  EXPECT_GT(liked.excitement_delta(), endured.excitement_delta());
  EXPECT_GT(liked.hype_contribution(), endured.hype_contribution());
}

TEST_P(Reactions, AMomentIsKeptForTheSummary) {
  const Stream stream = game().GoLive({.usual_audience = 200});
  game().ServerTells(stream, GetParam(), 0.9f);
  const auto summary = game().End(stream);
  ASSERT_EQ(summary.top_moments_size(), 1);
  EXPECT_EQ(summary.hype_trains_triggered(), 0) << "one event alone is no train";
}

INSTANTIATE_TEST_SUITE_P(Events, Reactions, testing::ValuesIn(AllEvents()),
                         [](const auto& event) { return v1::ReactionEventType_Name(event.param); });

TEST_F(Reactions, WhatAPlayerTellsIsSmallAndTheRestAsAServersIs) {
  const auto event = v1::REACTION_EVENT_TYPE_CUSTOM_EVENT;
  const Stream stream = game().GoLive({.usual_audience = 500});
  const auto capped = ValueOf(game().PlayerTells(stream, event, 1));
  const auto half = game().ServerTells(game().GoLive({.usual_audience = 500}), event, 0.5f);
  EXPECT_NEAR(capped.hype_contribution(), half.hype_contribution(), 0.02);
  EXPECT_LT(capped.hype_contribution(), game().ServerTells(stream, event, 1).hype_contribution());
}

// Before anything is clamped: at a significance where neither is, it is tenfold, and at the top the
// clamp holds.
TEST_F(Reactions, AWorldFirstCountsTenfoldUpToTheClamp) {
  const auto contribution = [&](float significance) {
    return game()
        .ServerTells(game().GoLive({.usual_audience = 500}), v1::REACTION_EVENT_TYPE_WORLD_FIRST,
                     significance)
        .hype_contribution();
  };
  const float small = contribution(0.02f);
  EXPECT_GT(small, 0.15f);
  EXPECT_NEAR(contribution(0.04f), 2 * small, 0.03);
  EXPECT_EQ(contribution(1), 1);
}

}  // namespace
}  // namespace story
