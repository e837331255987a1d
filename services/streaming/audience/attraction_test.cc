#include "services/streaming/audience/attraction.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace streaming::audience {
namespace {

using pool::Interest;
using pool::InterestMask;
using pool::Personality;
using pool::PersonalityMask;

constexpr AttractionWeights kWeights;
const pool::ArchetypeTable& Table() {
  static const pool::ArchetypeTable table = pool::BuildArchetypes(11);
  return table;
}

TEST(AttractionWeightsTest, MustSumToOne) {
  EXPECT_TRUE(Validate(kWeights).ok());
  EXPECT_FALSE(Validate({.engagement = 0.3}).ok());
  EXPECT_FALSE(Validate({.engagement = -0.1, .follower = 0.6}).ok());
  EXPECT_FALSE(
      Validate({.engagement = 0, .follower = 1, .content = 0, .reputation = 0, .context = 0}).ok());
}

TEST(AttractionTest, StaysInRangeWhateverTheSignals) {
  for (uint16_t tags = 0; tags < 1024; tags = static_cast<uint16_t>(tags + 37)) {
    for (const float level : {-1.0f, 0.0f, 0.5f, 1.0f, 2.0f}) {
      const StreamSignals signals{.tags = InterestMask::FromBits(tags),
                                  .reputation = level,
                                  .hype = level,
                                  .excitement = level,
                                  .crowd = tags * 10u,
                                  .novelty = level,
                                  .history = level,
                                  .caller_score = level};
      for (const float attraction : Attractions(kWeights, Table(), signals)) {
        EXPECT_GE(attraction, 0);
        EXPECT_LE(attraction, 1);
      }
    }
  }
}

TEST(AttractionTest, StrangersCanReachTheFollowThreshold) {
  const StreamSignals best{.tags = InterestMask{Interest::kCombat, Interest::kSocial},
                           .reputation = 1,
                           .hype = 1,
                           .excitement = 1,
                           .crowd = 5000,
                           .caller_score = 1};
  const auto attractions = Attractions(kWeights, Table(), best);
  EXPECT_GT(*std::max_element(attractions.begin(), attractions.end()), 0.8f);
}

TEST(AttractionTest, FollowersAreDrawnByThePlainSum) {
  EXPECT_FLOAT_EQ(AsFollower(kWeights, 0.5f), 0.65f);
  EXPECT_FLOAT_EQ(AsFollower(kWeights, 1), 1);
  EXPECT_FLOAT_EQ(AsFollower(kWeights, 0), 0.3f);
}

TEST(AttractionTest, RisesWithReputationAndMatch) {
  StreamSignals plain{.tags = InterestMask{Interest::kCombat}, .reputation = 0.2f};
  StreamSignals famous = plain;
  famous.reputation = 0.8f;
  const auto low = Attractions(kWeights, Table(), plain);
  const auto high = Attractions(kWeights, Table(), famous);
  float matched = 0;
  float missed = 1;
  for (size_t a = 0; a < Table().size(); ++a) {
    EXPECT_GT(high[a], low[a]);
    const bool likes = Table()[a].interests.Has(Interest::kCombat);
    (likes ? matched : missed) = likes ? std::max(matched, low[a]) : std::min(missed, low[a]);
  }
  EXPECT_GT(matched, missed + 0.3f);
}

TEST(AttractionTest, PeopleDiffer) {
  const StreamSignals crowded{.crowd = 4000};
  const StreamSignals lonely{.crowd = 1};
  const PersonalityMask group{Personality::kGroupOriented};
  const PersonalityMask solo{Personality::kSoloViewer};
  EXPECT_GT(Context(group, crowded), Context(group, lonely));
  EXPECT_LT(Context(solo, crowded), Context(solo, lonely));

  const StreamSignals stirred{.hype = 1, .caller_score = 0.2f};
  EXPECT_GT(Context({Personality::kHighExcitement}, stirred), Context({}, stirred));
  EXPECT_LT(Context({Personality::kLowExcitement}, stirred), Context({}, stirred));

  EXPECT_GT(Context({Personality::kExplorer}, {.novelty = 1}),
            Context({Personality::kExplorer}, {.novelty = 0}));
  EXPECT_GT(Context({Personality::kLoyal}, {.history = 1}),
            Context({Personality::kExplorer}, {.history = 1}));
  EXPECT_GT(Context({}, {.caller_score = 0.9f}), Context({}, {.caller_score = 0.1f}));
}

TEST(AttractionTest, EngagementStaysInRangeWithEveryOffset) {
  for (const pool::Archetype& archetype : Table()) {
    const float base = BaseEngagement(archetype.personality);
    EXPECT_GE(base - pool::kEngagementSpread, -1e-6f);
    EXPECT_LE(base + pool::kEngagementSpread, 1 + 1e-6f);
  }
}

TEST(ContentMatchTest, CountsSharedInterests) {
  EXPECT_FLOAT_EQ(ContentMatch({Interest::kCombat}, {Interest::kCombat, Interest::kPvp}), 1);
  EXPECT_FLOAT_EQ(
      ContentMatch({Interest::kCombat, Interest::kSocial}, {Interest::kCombat, Interest::kPvp}),
      0.5f);
  EXPECT_FLOAT_EQ(ContentMatch({Interest::kSocial}, {Interest::kCombat}), 0);
  EXPECT_GT(ContentMatch({Interest::kSocial}, {}), 0);
}

}  // namespace
}  // namespace streaming::audience
