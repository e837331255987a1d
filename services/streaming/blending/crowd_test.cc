#include "services/streaming/blending/crowd.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace streaming::blending {
namespace {

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);
constexpr uint32_t kMost = 3;

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
  return DecodeCrowd(StepCrowd(EncodeCrowd(crowd), {.round = round, .voices_most = kMost}));
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
  EXPECT_GT(Excitement(MoodNow(crowd)), Excitement(MoodNow(DecodeCrowd(once))));
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
  std::vector<std::vector<Pulse>> rounds(4);
  uint64_t id = 0;
  for (std::vector<Pulse>& round : rounds) {
    for (int i = 0; i < 7; ++i) {
      std::vector<SentimentSample> samples;
      for (int k = 0; k < 20; ++k) {
        SentimentSample sample = {.sentiment = static_cast<Sentiment>(random() % kSentiments),
                                  .intensity = static_cast<float>(random() % 21) / 20};
        if (random() % 3 == 0) sample.tracking_id = Person(random() % 8);
        samples.push_back(sample);
      }
      round.push_back(PulseOf(++id, std::move(samples)));
      round.back().platform_session = common::Uuid::FromRandomBits(8, 8);
    }
  }
  // Fewer voices than people, so that some find no room.
  const auto state_after = [](const std::vector<std::vector<Pulse>>& order) {
    Crowd crowd;
    for (uint32_t round = 0; round < order.size(); ++round) {
      for (const Pulse& pulse : order[round]) Apply(crowd, pulse, kMost);
      crowd = Step(crowd, round);
    }
    crowd.recent = {};
    crowd.voices_beyond = 0;  // tells of the last pulse alone
    return EncodeCrowd(crowd);
  };
  const std::string undisturbed = state_after(rounds);
  EXPECT_EQ(DecodeCrowd(undisturbed).voices.size(), kMost);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::vector<Pulse>> disturbed = rounds;
    for (size_t round = 0; round < disturbed.size(); ++round) {
      for (int repeat = 0; repeat < 10; ++repeat) {
        const auto& earlier = rounds[random() % (round + 1)];
        disturbed[round].push_back(earlier[random() % earlier.size()]);
      }
      std::ranges::shuffle(disturbed[round], random);
    }
    EXPECT_EQ(state_after(disturbed), undisturbed);
  }
}

TEST(CrowdTest, ANewVoiceIsListenedToFromTheNextRoundOn) {
  Crowd crowd;
  Apply(crowd, Tracked(1, 1, Sentiment::kExcited, 1));
  EXPECT_TRUE(crowd.voices.empty());
  EXPECT_EQ(crowd.seats(), 1u);
  crowd = Step(crowd, 1);
  EXPECT_EQ(crowd.voices.size(), 1u);
  EXPECT_EQ(crowd.seats(), 1u);
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
  Crowd copy = DecodeCrowd(bytes);
  EXPECT_EQ(EncodeCrowd(copy), bytes);
  EXPECT_EQ(copy.voices.size(), 1u);
  EXPECT_EQ(copy.newcomers.size(), 1u);
  EXPECT_FALSE(Apply(copy, PulseOf(1, {})));
  for (size_t i = 0; i < kSentiments; ++i) {
    EXPECT_NEAR(ReadMood(bytes.data()).levels[i], MoodNow(crowd).levels[i], 1.0 / 255);
  }
}

TEST(CrowdTest, BytesOfNoCrowdAreNone) {
  Crowd crowd;
  Apply(crowd, Tracked(1, 1, Sentiment::kExcited, 1));
  const std::string bytes = EncodeCrowd(crowd);
  const std::string none = EncodeCrowd({});
  EXPECT_EQ(EncodeCrowd(DecodeCrowd("")), none);
  EXPECT_EQ(EncodeCrowd(DecodeCrowd(bytes + "x")), none);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(EncodeCrowd(DecodeCrowd(bytes.substr(0, length))), none) << length;
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
  EXPECT_EQ(StepCrowd("", {}), "");
}

TEST(CrowdTest, AVoiceIsTheSameForASessionAndAnotherOneElsewhere) {
  Crowd here;
  Apply(here, Tracked(1, 1, Sentiment::kExcited, 1));
  here = Step(here, 1);
  Apply(here, Tracked(2, 1, Sentiment::kBored, 1));
  Apply(here, Tracked(3, 2, Sentiment::kBored, 1));
  here = Step(here, 2);
  EXPECT_EQ(here.voices.size(), 2u);
  Crowd there;
  ApplyPulse(there, Tracked(1, 1, Sentiment::kExcited, 1), {.now = kNow, .secret = 6});
  EXPECT_NE(there.newcomers[0].id, here.voices[0].id);
  EXPECT_NE(there.newcomers[0].id, here.voices[1].id);
}

TEST(CrowdTest, BeyondTheMostTheMoodAloneIsMovedUntilASilentVoiceMakesRoom) {
  const auto ids = [](const Crowd& of) {
    std::vector<uint64_t> all;
    for (const Voice& voice : of.voices) all.push_back(voice.id);
    return all;
  };
  Crowd crowd;
  for (uint64_t i = 0; i < 5; ++i) Apply(crowd, Tracked(i, i, Sentiment::kExcited, 1), kMost);
  EXPECT_EQ(crowd.seats(), kMost);
  EXPECT_EQ(crowd.heard.pulses(), 5u);
  crowd = Step(crowd, 1);
  const auto before = ids(crowd);
  EXPECT_TRUE(std::ranges::is_sorted(before));
  Apply(crowd, Tracked(10, 10, Sentiment::kExcited, 1), kMost);
  EXPECT_EQ(crowd.voices_beyond, 1u);
  EXPECT_EQ(ids(Step(crowd, 2)), before);

  for (uint32_t round = 2; round < 200; ++round) crowd = Step(crowd, round);
  EXPECT_LT(crowd.seats(), kMost);
  Apply(crowd, Tracked(11, 10, Sentiment::kExcited, 1), kMost);
  EXPECT_EQ(crowd.voices_beyond, 0u);
  const uint64_t newcomer = crowd.newcomers.at(0).id;
  EXPECT_EQ(std::ranges::count(ids(Step(crowd, 200)), newcomer), 1);
}

TEST(CrowdTest, KnowsForWhomOfAPulseThereWasNoRoom) {
  Pulse pulse = PulseOf(1, {});
  for (uint64_t person = 0; person < 10; ++person) {
    for (int times = 0; times < 3; ++times) {
      pulse.samples.push_back({.intensity = 1, .tracking_id = Person(person)});
    }
  }
  Crowd crowd;
  Apply(crowd, pulse, kMost);
  EXPECT_EQ(crowd.seats(), kMost);
  EXPECT_EQ(crowd.voices_beyond, 10 - kMost);
}

TEST(CrowdTest, KeepsToASettingThatWasLowered) {
  Crowd crowd;
  for (uint64_t i = 0; i < 20; ++i) Apply(crowd, Tracked(i, i, Sentiment::kExcited, 1), 20);
  EXPECT_EQ(crowd.seats(), 20u);
  EXPECT_EQ(Step(crowd, 1).seats(), kMost);
  Crowd deaf;
  Apply(deaf, Tracked(1, 1, Sentiment::kExcited, 1), 0);
  EXPECT_EQ(deaf.seats(), 0u);
  EXPECT_EQ(deaf.voices_beyond, 1u);
  EXPECT_GT(Excitement(MoodNow(deaf)), 0);
}

}  // namespace
}  // namespace streaming::blending
