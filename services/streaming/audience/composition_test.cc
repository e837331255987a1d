#include "services/streaming/audience/composition.h"

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

#include "services/streaming/audience/check_out.h"

namespace streaming::audience {
namespace {

std::shared_ptr<const pool::Pool> ThePool() {
  static const auto pool = std::make_shared<const pool::Pool>(
      pool::PoolSpec{.seed = 4, .size = 20000, .collective_share = 0.1, .collective_size = 20});
  return pool;
}

LiveSession TheSession() {
  LiveSession session;
  session.pool = ThePool();
  session.audience.interest.fill(0.5f);
  session.state.viewer_secret = 99;
  for (uint32_t run = 0; run + 1 < ThePool()->runs(); run += 3) {
    session.parties.push_back({run, 0xff00ff00ff00ull, {}});
  }
  session.heads = HeadsOf(*ThePool(), session.parties);
  return session;
}

TEST(CompositionTest, ItsNumbersAgreeWithEachOther) {
  const LiveSession session = TheSession();
  const Composition composition = CompositionOf({}, session);
  EXPECT_EQ(composition.heads, session.heads);
  EXPECT_EQ(composition.high + composition.medium + composition.low + composition.lurking,
            session.heads);
  for (size_t side = 0; side < pool::kPersonalities; side += 2) {
    EXPECT_LE(composition.personalities[side] + composition.personalities[side + 1], session.heads);
  }
  uint32_t interests = 0;
  for (const uint32_t heads : composition.interests) interests += heads;
  EXPECT_GE(interests, session.heads);
  EXPECT_LE(interests, session.heads * pool::kMaxInterestsPerArchetype);
}

TEST(CompositionTest, CountsEveryMembersKind) {
  const LiveSession session = TheSession();
  const Composition composition = CompositionOf({}, session);
  std::array<uint32_t, pool::kPersonalities> personalities = {};
  std::array<uint32_t, pool::kInterests> interests = {};
  for (const Party& party : session.parties) {
    ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const pool::Archetype& archetype = ThePool()->archetypes()[ThePool()->ArchetypeOf(member)];
      const uint32_t weight = ThePool()->WeightOf(member);
      for (size_t i = 0; i < pool::kPersonalities; ++i) {
        if (archetype.personality.Has(static_cast<pool::Personality>(i))) {
          personalities[i] += weight;
        }
      }
      for (size_t i = 0; i < pool::kInterests; ++i) {
        if (archetype.interests.Has(static_cast<pool::Interest>(i))) interests[i] += weight;
      }
    });
  }
  EXPECT_TRUE(std::ranges::equal(composition.personalities, personalities));
  EXPECT_TRUE(std::ranges::equal(composition.interests, interests));
}

TEST(CompositionTest, NamesTheMostEngagedByPseudonyms) {
  const Composition composition = CompositionOf({}, TheSession());
  ASSERT_EQ(composition.notable.size(), kNotableViewersMax);
  std::set<common::Uuid> viewers;
  for (size_t i = 0; i < composition.notable.size(); ++i) {
    const NotableViewer& viewer = composition.notable[i];
    EXPECT_LE(viewer.engagement, composition.notable[i == 0 ? 0 : i - 1].engagement);
    EXPECT_EQ(viewer.viewer, pool::ViewerId(99, viewer.member));
    EXPECT_NE(viewer.label.find(' '), std::string::npos);
    viewers.insert(viewer.viewer);
  }
  EXPECT_EQ(viewers.size(), kNotableViewersMax);
}

TEST(CompositionTest, AVoiceShowsInAllWhoListenAlike) {
  LiveSession session = TheSession();
  const Composition alone = CompositionOf({}, session);
  blending::Mood amused;
  amused.levels[static_cast<size_t>(blending::Sentiment::kAmused)] = 1;
  session.audience.chorus = blending::Chorus({{.id = 1, .felt = amused}}, 5);
  const Composition together = CompositionOf({}, session);
  for (const NotableViewer& viewer : together.notable) {
    EXPECT_EQ(viewer.sentiment, blending::Sentiment::kAmused);
  }
  EXPECT_GT(together.high, alone.high);
  EXPECT_EQ(together.heads, alone.heads);
}

TEST(CompositionTest, NobodyIsNobody) {
  LiveSession session;
  session.pool = ThePool();
  const Composition composition = CompositionOf({}, session);
  EXPECT_EQ(composition.heads, 0u);
  EXPECT_TRUE(composition.notable.empty());
}

}  // namespace
}  // namespace streaming::audience
