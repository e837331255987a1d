#include "services/streaming/blending/crowd.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace streaming::blending {
namespace {

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);
constexpr double kDecay = 0.1;

common::Uuid Person(uint64_t number) { return common::Uuid::FromRandomBits(9, number); }

Pulse PulseOf(uint64_t id, std::vector<SentimentSample> samples) {
  return {.id = common::Uuid::FromRandomBits(7, id),
          .platform_session = common::Uuid::FromRandomBits(8, id),
          .samples = std::move(samples),
          .published = kNow - std::chrono::milliseconds(30)};
}

Pulse Tracked(uint64_t id, uint64_t person, Sentiment sentiment, float intensity) {
  return PulseOf(id,
                 {{.sentiment = sentiment, .intensity = intensity, .tracking_id = Person(person)}});
}

bool Apply(Crowd& crowd, const Pulse& pulse, uint32_t voices_most = 50) {
  return ApplyPulse(crowd, pulse, {.now = kNow, .secret = 5, .voices_most = voices_most});
}

Crowd Step(const Crowd& crowd, uint32_t round) {
  return DecodeCrowd(StepCrowd(EncodeCrowd(crowd), round, kDecay, 1)).value();
}

float Excitement(const Mood& mood) { return mood.levels[0]; }

TEST(CrowdTest, CountsAPulseOnce) {
  const Pulse pulse = Tracked(1, 1, Sentiment::kExcited, 1);
  Crowd crowd;
  EXPECT_TRUE(Apply(crowd, pulse));
  const std::string once = EncodeCrowd(crowd);
  EXPECT_FALSE(Apply(crowd, pulse));
  EXPECT_EQ(EncodeCrowd(crowd), once);
  EXPECT_EQ(crowd.last_pulse_at, kNow);
  EXPECT_EQ(crowd.lag_millis, 30u);
  EXPECT_EQ(crowd.pulses, 1u);
  EXPECT_TRUE(Apply(crowd, Tracked(2, 1, Sentiment::kExcited, 1)));
  EXPECT_GT(Excitement(MoodNow(crowd)), Excitement(MoodNow(DecodeCrowd(once).value())));
}

TEST(CrowdTest, CountsAStalePulseOnceAndHearsNothingOfIt) {
  Crowd crowd;
  EXPECT_TRUE(CountStale(crowd, PulseOf(1, {{.sentiment = Sentiment::kExcited, .intensity = 1}})));
  EXPECT_FALSE(CountStale(crowd, PulseOf(1, {})));
  EXPECT_EQ(crowd.pulses_stale, 1u);
  EXPECT_EQ(crowd.pulses, 0u);
  EXPECT_EQ(MoodNow(crowd), Mood{});
}

TEST(CrowdTest, NeitherOrderNorRepeatsMatter) {
  std::mt19937_64 random(3);
  std::vector<Pulse> pulses;
  for (uint64_t i = 0; i < 30; ++i) {
    std::vector<SentimentSample> samples;
    for (int k = 0; k < 20; ++k) {
      SentimentSample sample = {.sentiment = static_cast<Sentiment>(random() % kSentiments),
                                .intensity = static_cast<float>(random() % 21) / 20};
      if (random() % 3 == 0) sample.tracking_id = Person(random() % 8);
      samples.push_back(sample);
    }
    pulses.push_back(PulseOf(i, std::move(samples)));
    pulses.back().platform_session = common::Uuid::FromRandomBits(8, 8);
  }
  const auto state_after = [](const std::vector<Pulse>& order) {
    Crowd crowd;
    for (const Pulse& pulse : order) Apply(crowd, pulse);
    crowd.recent = {};
    return EncodeCrowd(crowd);
  };
  const std::string undisturbed = state_after(pulses);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<Pulse> disturbed = pulses;
    for (int repeat = 0; repeat < 40; ++repeat) {
      disturbed.push_back(pulses[random() % pulses.size()]);
    }
    std::ranges::shuffle(disturbed, random);
    EXPECT_EQ(state_after(disturbed), undisturbed);
  }
}

TEST(CrowdTest, SurvivesItsBytes) {
  Crowd crowd;
  Apply(crowd, PulseOf(1, {{.sentiment = Sentiment::kAmused, .intensity = 0.7f},
                           {.sentiment = Sentiment::kBored, .intensity = 0.2f}}));
  Apply(crowd, Tracked(2, 1, Sentiment::kHostile, 0.4f));
  crowd = Step(crowd, 1);
  Apply(crowd, Tracked(3, 2, Sentiment::kCurious, 0.9f));
  CountStale(crowd, PulseOf(4, {}));
  const std::string bytes = EncodeCrowd(crowd);
  auto copy = DecodeCrowd(bytes);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(EncodeCrowd(*copy), bytes);
  EXPECT_EQ(copy->voices.size(), 2u);
  EXPECT_FALSE(Apply(*copy, PulseOf(1, {})));
  for (size_t i = 0; i < kSentiments; ++i) {
    EXPECT_NEAR(ReadMood(bytes.data()).levels[i], MoodNow(crowd).levels[i], 1.0 / 255);
  }

  EXPECT_EQ(MoodNow(DecodeCrowd("").value()), Mood{});
  EXPECT_FALSE(DecodeCrowd(bytes + "x").ok());
  for (size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeCrowd(bytes.substr(0, length)).ok()) << length;
  }
}

TEST(CrowdTest, KnowsWhoFedItLast) {
  Crowd crowd;
  for (uint64_t i = 0; i < kFeedersMax + 3; ++i) Apply(crowd, PulseOf(i, {}));
  EXPECT_EQ(crowd.feeders.size(), kFeedersMax);
  EXPECT_EQ(crowd.feeders.back(), PulseOf(kFeedersMax + 2, {}).platform_session);
}

TEST(CrowdTest, FadesOnlyWhenItIsQuiet) {
  Crowd crowd;
  for (uint64_t i = 0; i < 20; ++i) Apply(crowd, Tracked(i, 1, Sentiment::kExcited, 1));
  const float loud = Excitement(MoodNow(crowd));
  crowd = Step(crowd, 1);
  EXPECT_NEAR(Excitement(crowd.mood), loud, 1e-4);
  Apply(crowd, Tracked(20, 1, Sentiment::kExcited, 1));
  crowd = Step(crowd, 2);
  EXPECT_GE(Excitement(crowd.mood), loud);
  const float last = Excitement(crowd.mood);
  crowd = Step(crowd, 3);
  EXPECT_NEAR(Excitement(crowd.mood), last * 0.9f, 1e-4);
  for (uint32_t round = 4; round < 200; ++round) crowd = Step(crowd, round);
  EXPECT_TRUE(IsFaded(crowd.mood));
  ASSERT_EQ(crowd.voices.size(), 1u);  // the seat stays
  EXPECT_TRUE(IsSilent(crowd.voices[0]));
  EXPECT_EQ(StepCrowd("", 1, kDecay, 1), "");
  EXPECT_EQ(StepCrowd("nonsense", 1, kDecay, 1), "");
}

TEST(CrowdTest, AVoiceIsTheSameForASessionAndAnotherOneElsewhere) {
  Crowd here;
  Apply(here, Tracked(1, 1, Sentiment::kExcited, 1));
  Apply(here, Tracked(2, 1, Sentiment::kBored, 1));
  Apply(here, Tracked(3, 2, Sentiment::kBored, 1));
  EXPECT_EQ(here.voices.size(), 2u);
  Crowd there;
  ApplyPulse(there, Tracked(1, 1, Sentiment::kExcited, 1), {.now = kNow, .secret = 6});
  EXPECT_NE(there.voices[0].id, here.voices[0].id);
  EXPECT_NE(there.voices[0].id, here.voices[1].id);
}

TEST(CrowdTest, BeyondTheMostASilentVoiceGivesWayOrTheMoodAloneIsMoved) {
  Crowd crowd;
  for (uint64_t i = 0; i < 5; ++i) Apply(crowd, Tracked(i, i, Sentiment::kExcited, 1), 3);
  EXPECT_EQ(crowd.voices.size(), 3u);
  EXPECT_EQ(crowd.voices_beyond, 1u);
  EXPECT_EQ(crowd.heard.pulses(), 5u);
  const auto ids = [](const Crowd& of) {
    std::vector<uint64_t> all;
    for (const Voice& voice : of.voices) all.push_back(voice.id);
    return all;
  };
  const auto before = ids(crowd);
  for (uint32_t round = 1; round < 200; ++round) crowd = Step(crowd, round);
  Apply(crowd, Tracked(10, 10, Sentiment::kExcited, 1), 3);
  EXPECT_EQ(crowd.voices.size(), 3u);
  EXPECT_EQ(crowd.voices_beyond, 0u);
  EXPECT_NE(ids(crowd), before);
  EXPECT_TRUE(std::ranges::is_sorted(ids(crowd)));

  Crowd deaf;
  Apply(deaf, Tracked(1, 1, Sentiment::kExcited, 1), 0);
  EXPECT_TRUE(deaf.voices.empty());
  EXPECT_GT(Excitement(MoodNow(deaf)), 0);
}

}  // namespace
}  // namespace streaming::blending
