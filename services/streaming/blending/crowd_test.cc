#include "services/streaming/blending/crowd.h"

#include <gtest/gtest.h>

namespace streaming::blending {
namespace {

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);

float Excitement(const std::string& bytes) { return DecodeCrowd(bytes)->mood.levels[0]; }

Pulse PulseOf(uint64_t id, std::vector<SentimentSample> samples) {
  return {.id = common::Uuid::FromRandomBits(7, id),
          .platform_session = common::Uuid::FromRandomBits(8, id),
          .samples = std::move(samples)};
}

TEST(CrowdTest, CountsAPulseOnce) {
  const Pulse pulse = PulseOf(1, {{Sentiment::kExcited, 1}});
  Crowd crowd;
  EXPECT_TRUE(ApplyPulse(crowd, pulse, kNow));
  const Mood once = crowd.mood;
  EXPECT_FALSE(ApplyPulse(crowd, pulse, kNow + std::chrono::seconds(1)));
  EXPECT_EQ(crowd.mood, once);
  EXPECT_EQ(crowd.last_pulse_at, kNow);
  EXPECT_TRUE(ApplyPulse(crowd, PulseOf(2, {{Sentiment::kExcited, 1}}), kNow));
  EXPECT_NE(crowd.mood, once);
}

TEST(CrowdTest, SurvivesItsBytes) {
  Crowd crowd;
  ApplyPulse(crowd, PulseOf(1, {{Sentiment::kAmused, 0.7f}, {Sentiment::kBored, 0.2f}}), kNow);
  auto copy = DecodeCrowd(EncodeCrowd(crowd));
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(copy->last_pulse_at, kNow);
  for (size_t i = 0; i < kSentiments; ++i) {
    EXPECT_NEAR(copy->mood.levels[i], crowd.mood.levels[i], 1e-4);
  }
  EXPECT_FALSE(ApplyPulse(*copy, PulseOf(1, {}), kNow));

  EXPECT_EQ(DecodeCrowd("")->mood, Mood{});
  EXPECT_FALSE(DecodeCrowd("x").ok());
  EXPECT_FALSE(DecodeCrowd(EncodeCrowd(crowd) + "x").ok());
  for (size_t i = 0; i < kSentiments; ++i) {
    EXPECT_NEAR(ReadMood(EncodeCrowd(crowd).data()).levels[i], crowd.mood.levels[i], 1.0 / 255);
  }
}

TEST(CrowdTest, KnowsWhoFedItLast) {
  Crowd crowd;
  for (uint64_t i = 0; i < kFeedersMax + 3; ++i) ApplyPulse(crowd, PulseOf(i, {}), kNow);
  EXPECT_EQ(crowd.feeders.size(), kFeedersMax);
  EXPECT_EQ(crowd.feeders.back(), PulseOf(kFeedersMax + 2, {}).platform_session);
  EXPECT_EQ(DecodeCrowd(EncodeCrowd(crowd))->feeders, crowd.feeders);
}

TEST(CrowdTest, FadesOnlyWhenItIsQuiet) {
  Crowd crowd;
  for (uint64_t i = 0; i < 20; ++i) {
    ApplyPulse(crowd, PulseOf(i, {{Sentiment::kExcited, 1}}), kNow);
  }
  const std::string bytes = EncodeCrowd(crowd);
  EXPECT_EQ(FadeCrowd(bytes, kNow - std::chrono::seconds(1), 0.1, 1), bytes);
  EXPECT_NEAR(Excitement(FadeCrowd(bytes, kNow, 0.1, 1)), Excitement(bytes) * 0.9f, 1e-4);
  std::string faded = bytes;
  for (int i = 0; i < 200; ++i) faded = FadeCrowd(faded, kNow, 0.1, 1);
  EXPECT_LT(Excitement(faded), 0.001f);
  EXPECT_EQ(FadeCrowd("", kNow, 0.1, 1), "");
}

}  // namespace
}  // namespace streaming::blending
