// What a session's audience looks like from outside: its numbers agree with one another and with
// the session's status, also while it changes, and its notable viewers are the same persons for as
// long as the session lasts, and for nobody afterwards.
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"

namespace story {
namespace {

using common::testing::Eventually;

constexpr int kNotableMost = 10;
constexpr int kInterestsMost = 4;  // of one member

// Who was seen as notable, by id.
using Persons = std::map<std::string, v1::NotableViewer>;

void ExpectToAgreeWithItself(const v1::AudienceComposition& audience) {
  const int total = audience.total_count();
  const auto& breakdown = audience.engagement_breakdown();
  EXPECT_EQ(breakdown.high_engagement() + breakdown.medium_engagement() +
                breakdown.low_engagement() + breakdown.lurking(),
            total);
  const auto& personalities = audience.personality_distribution();
  ASSERT_EQ(personalities.size(), 10u);
  for (const auto& [one, other] : {std::pair{"HighExcitement", "LowExcitement"},
                                   {"GroupOriented", "SoloViewer"},
                                   {"Vocal", "Lurker"},
                                   {"Loyal", "Explorer"},
                                   {"Confrontational", "Supportive"}}) {
    EXPECT_LE(personalities.at(one) + personalities.at(other), total);
  }
  ASSERT_EQ(audience.interest_distribution().size(), 10u);
  int interests = 0;
  for (const auto& [interest, heads] : audience.interest_distribution()) {
    EXPECT_LE(heads, total) << interest;
    interests += heads;
  }
  EXPECT_GE(interests, total) << "everybody has one";
  EXPECT_LE(interests, kInterestsMost * total);
}

// Everybody is known by one label and one type.
void ExpectToKnow(const v1::AudienceComposition& audience, Persons& persons) {
  EXPECT_EQ(audience.notable_viewers_size(), std::min(kNotableMost, audience.total_count()));
  std::set<std::string> here;
  float before = 1;
  for (const auto& viewer : audience.notable_viewers()) {
    EXPECT_TRUE(here.insert(viewer.viewer_id()).second) << "twice in one answer";
    EXPECT_TRUE(common::Uuid::Parse(viewer.viewer_id()));
    EXPECT_NE(viewer.viewer_label(), "");
    EXPECT_TRUE(viewer.has_viewer_type());
    EXPECT_GE(viewer.sessions_watched(), 1);
    EXPECT_LE(viewer.engagement_level(), before) << "the most engaged first";
    before = viewer.engagement_level();
    const auto [known, is_new] = persons.try_emplace(viewer.viewer_id(), viewer);
    if (is_new) continue;
    EXPECT_EQ(known->second.viewer_label(), viewer.viewer_label());
    EXPECT_EQ(known->second.viewer_type(), viewer.viewer_type());
    EXPECT_EQ(known->second.sessions_watched(), viewer.sessions_watched());
  }
}

TEST(AudienceQuery, AgreesWithItselfWhileEverythingMoves) {
  const GameSide side({"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1"});
  Game game(side.daemon);
  game.Seed(5000);
  const Stream stream = game.GoLive({.usual_audience = 400});
  std::atomic<bool> over = false;
  std::jthread moments([&] {
    for (int i = 0; !over; ++i) {
      const int event = 1 + i % v1::ReactionEventType_MAX;
      game.ServerTells(stream, static_cast<v1::ReactionEventType>(event), 0.4f);
    }
  });
  Persons persons;
  std::set<int> totals;
  const double steps = side.daemon.Metric("streaming_round_steps_total");
  EXPECT_TRUE(Eventually(
      [&] {
        const auto audience = game.Audience(stream);
        ExpectToAgreeWithItself(audience);
        ExpectToKnow(audience, persons);
        totals.insert(audience.total_count());
        return testing::Test::HasFailure() ||
               (totals.size() > 20 &&
                side.daemon.Metric("streaming_round_steps_total") > steps + 8);
      },
      std::chrono::seconds(60)));
  over = true;
}

TEST(AudienceQuery, AgreesWithTheStatusAndKnowsNobodyOfTheSessionBefore) {
  const GameSide side({"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600",
                       "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600",
                       "FOLLOW_CONVERSION_SESSION_COUNT=1", "INTEREST_THRESHOLD_FOR_FOLLOW=0"});
  Game game(side.daemon);
  game.Seed(2000);
  ASSERT_TRUE(Eventually([&] { return side.daemon.Metric("streaming_round_shards_led") == 1; }));
  Stream stream = game.GoLive({.usual_audience = 300});
  Persons first;
  for (int i = 0; i < 5; ++i) {
    const auto audience = game.Audience(stream);
    ExpectToAgreeWithItself(audience);
    ExpectToKnow(audience, first);
    EXPECT_EQ(audience.total_count(), game.Status(stream).audience_count());
    game.ServerTells(stream, v1::REACTION_EVENT_TYPE_DISCOVERY, 0.6f);
  }
  game.End(stream);
  EXPECT_EQ(game.Audience(stream).total_count(), 0);
  EXPECT_EQ(game.Audience(stream).notable_viewers_size(), 0);

  // They all follow, and come again.
  stream = game.GoLiveAgain(stream);
  Persons second;
  const auto audience = game.Audience(stream);
  ExpectToAgreeWithItself(audience);
  ExpectToKnow(audience, second);
  int known = 0;
  for (const auto& [id, viewer] : second) {
    EXPECT_FALSE(first.contains(id)) << "the same person by the same name";
    known += viewer.sessions_watched() == 2;
  }
  EXPECT_GT(known, 0) << "nobody who was here before";
}

}  // namespace
}  // namespace story
