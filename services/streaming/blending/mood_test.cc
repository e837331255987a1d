#include "services/streaming/blending/mood.h"

#include <gtest/gtest.h>

namespace streaming::blending {
namespace {

using pool::Personality;
using pool::PersonalityMask;

float Level(const Mood& mood, Sentiment sentiment) {
  return mood.levels[static_cast<size_t>(sentiment)];
}

Mood Full(Sentiment sentiment) {
  Mood mood;
  mood.levels[static_cast<size_t>(sentiment)] = 1;
  return mood;
}

TEST(MoodTest, MovesTowardWhatIsHeardAndStaysInRange) {
  Heard pulse;
  pulse.Add(Sentiment::kExcited, 1);
  pulse.Add(Sentiment::kExcited, 7);
  pulse.Add(Sentiment::kBored, -3);
  pulse.EndPulse();
  Mood mood;
  float before = 0;
  for (int i = 0; i < 100; ++i) {
    mood = Blend(mood, pulse);
    EXPECT_GE(Level(mood, Sentiment::kExcited), before);
    before = Level(mood, Sentiment::kExcited);
  }
  EXPECT_NEAR(before, 2.0f / 3, 1e-3);
  EXPECT_EQ(Level(mood, Sentiment::kBored), 0);
  EXPECT_EQ(Blend(mood, {}), mood);
}

TEST(MoodTest, PulsesOfTheSameFeelingMoveItAsOneAfterTheOtherWould) {
  Heard one;
  one.Add(Sentiment::kAmused, 0.6f);
  one.EndPulse();
  Heard three;
  for (int i = 0; i < 3; ++i) {
    three.Add(Sentiment::kAmused, 0.6f);
    three.EndPulse();
  }
  const Mood stepwise = Blend(Blend(Blend({}, one), one), one);
  EXPECT_NEAR(Level(Blend({}, three), Sentiment::kAmused), Level(stepwise, Sentiment::kAmused),
              1e-6);
}

TEST(MoodTest, FadesToNothingAndIllFeelingLastsTwiceAsLong) {
  Mood mood = Full(Sentiment::kExcited);
  mood.levels[static_cast<size_t>(Sentiment::kHostile)] = 1;
  const Mood faded = Fade(mood, 0.1, 10);
  EXPECT_NEAR(Level(faded, Sentiment::kExcited), 0.3487, 1e-3);
  EXPECT_NEAR(Level(faded, Sentiment::kHostile), Level(Fade(mood, 0.1, 5), Sentiment::kExcited),
              1e-6);
  EXPECT_LT(Level(Fade(mood, 0.1, 1000), Sentiment::kHostile), 1e-6);
  EXPECT_EQ(Fade(mood, 0.1, 0), mood);
  EXPECT_LT(Level(Fade(mood, 0.5, 1), Sentiment::kExcited),
            Level(Fade(mood, 0.1, 1), Sentiment::kExcited));
}

TEST(MoodTest, GoodFeelingsExciteAndIllOnesDoNot) {
  EXPECT_EQ(Thrill({}), 0);
  EXPECT_EQ(Thrill(Full(Sentiment::kExcited)), 1);
  EXPECT_GT(Thrill(Full(Sentiment::kSurprised)), Thrill(Full(Sentiment::kSupportive)));
  for (const Sentiment ill : {Sentiment::kCritical, Sentiment::kBored, Sentiment::kHostile}) {
    EXPECT_EQ(Thrill(Full(ill)), 0);
  }
  Mood everything;
  everything.levels.fill(1);
  EXPECT_EQ(Thrill(everything), 1);
}

TEST(MoodTest, PushesPeopleDifferentlyAndNeverFar) {
  EXPECT_GT(MoodPush(Full(Sentiment::kExcited), {}), 0);
  EXPECT_LT(MoodPush(Full(Sentiment::kBored), {}), 0);
  EXPECT_EQ(MoodPush({}, {Personality::kGroupOriented}), 0);
  EXPECT_GT(MoodPush(Full(Sentiment::kSupportive), {Personality::kGroupOriented}),
            MoodPush(Full(Sentiment::kSupportive), {Personality::kSoloViewer}));
  EXPECT_GT(MoodPush(Full(Sentiment::kHostile), {Personality::kConfrontational}), 0);
  EXPECT_LT(MoodPush(Full(Sentiment::kHostile), {Personality::kSupportive}), 0);
  Mood everything;
  everything.levels.fill(1);
  for (uint16_t bits = 0; bits < 1024; ++bits) {
    EXPECT_LE(std::abs(MoodPush(everything, PersonalityMask::FromBits(bits))), 0.2f);
  }
}

TEST(MoodTest, TheStrongestSentimentDominates) {
  EXPECT_EQ(Dominant(Full(Sentiment::kAmused)), Sentiment::kAmused);
  EXPECT_EQ(Dominant({}), Sentiment::kCurious);
}

TEST(MoodTest, IsKeptInEightBytes) {
  Mood mood = Full(Sentiment::kAmused);
  mood.levels[0] = 0.5f;
  std::string bytes;
  AppendMood(bytes, mood);
  ASSERT_EQ(bytes.size(), kMoodBytes);
  for (size_t i = 0; i < kSentiments; ++i) {
    EXPECT_NEAR(ReadMood(bytes.data()).levels[i], mood.levels[i], 0.51 / 255);
  }
}

TEST(MoodTest, FineBytesKeepWhatFades) {
  Mood mood = Full(Sentiment::kAmused);
  for (int round = 0; round < 100; ++round) {
    std::string bytes;
    AppendFineMood(bytes, Fade(mood, 0.1, 1));
    audience::ByteReader reader(bytes);
    mood = TakeFineMood(reader);
    ASSERT_TRUE(reader.Complete());
  }
  EXPECT_TRUE(IsFaded(mood));
  EXPECT_FALSE(IsFaded(Full(Sentiment::kHostile)));
}

TEST(RecentPulsesTest, KnowsTheLastThirtyTwo) {
  RecentPulses recent;
  std::vector<common::Uuid> ids;
  for (uint64_t i = 0; i < 40; ++i) ids.push_back(common::Uuid::FromRandomBits(1, i));
  for (const common::Uuid& id : ids) EXPECT_TRUE(recent.Remember(id));
  for (size_t i = 8; i < ids.size(); ++i) EXPECT_FALSE(recent.Remember(ids[i]));
  auto copy = RecentPulses::Decode(recent.Encode());
  ASSERT_TRUE(copy.ok());
  EXPECT_FALSE(copy->Remember(ids[39]));
  EXPECT_TRUE(copy->Remember(ids[0]));
  EXPECT_FALSE(RecentPulses::Decode("short").ok());
  EXPECT_FALSE(RecentPulses::Decode(std::string(33 * 16, 'x')).ok());
}

}  // namespace
}  // namespace streaming::blending
