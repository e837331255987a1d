#include "services/streaming/blending/chorus.h"

#include <array>

#include <gtest/gtest.h>

#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

constexpr double kDecay = 0.1;
constexpr uint32_t kMembers = 20000;

Mood Full(Sentiment sentiment) {
  Mood mood;
  mood.levels[static_cast<size_t>(sentiment)] = 1;
  return mood;
}

Voice VoiceOf(uint64_t id, const Mood& felt = {}) {
  return {.id = audience::Mix64(id + 1), .felt = felt};
}

TEST(JumpHashTest, EachBucketHasItsShare) {
  constexpr uint32_t kBuckets = 20;
  std::array<int, kBuckets> keys{};
  for (uint64_t key = 0; key < kMembers; ++key) {
    ++keys.at(JumpHash(audience::Mix64(key + 1), kBuckets));
  }
  for (const int count : keys) EXPECT_NEAR(count, kMembers / kBuckets, 6 * 31);
}

TEST(JumpHashTest, OneBucketMoreTakesFromAllAndChangesNothingElse) {
  int moved = 0;
  for (uint64_t key = 0; key < kMembers; ++key) {
    const uint64_t bits = audience::Mix64(key + 1);
    if (JumpHash(bits, 21) == JumpHash(bits, 20)) continue;
    EXPECT_EQ(JumpHash(bits, 21), 20u);
    ++moved;
  }
  EXPECT_NEAR(moved, kMembers / 21, 6 * 31);
  EXPECT_EQ(JumpHash(1, 1), 0u);
}

TEST(ChorusTest, ListenersFeelWithTheirVoiceAndWithNoOther) {
  const Chorus chorus({VoiceOf(0, Full(Sentiment::kExcited)), VoiceOf(1, Full(Sentiment::kBored))},
                      7);
  uint32_t excited = 0;
  for (uint32_t member = 0; member < 1000; ++member) {
    const float push = chorus.PushOn(member, {});
    excited += push > 0;
    EXPECT_LE(std::abs(push), chorus.MostPush());
    EXPECT_EQ(chorus.FeelingOf(member), push > 0 ? Sentiment::kExcited : Sentiment::kBored);
  }
  EXPECT_NEAR(excited, 500, 100);
  EXPECT_EQ(Chorus({VoiceOf(0), VoiceOf(1)}, 7).FeelingOf(1), std::nullopt);
  EXPECT_EQ(Chorus().PushOn(1, {}), 0);
  EXPECT_EQ(Chorus().MostPush(), 0);
  EXPECT_EQ(Chorus().FeelingOf(1), std::nullopt);
}

TEST(ChorusTest, EverySessionListensInItsOwnWay) {
  const std::vector<Voice> voices = {VoiceOf(0, Full(Sentiment::kExcited)),
                                     VoiceOf(1, Full(Sentiment::kBored))};
  uint32_t alike = 0;
  for (uint32_t member = 0; member < 1000; ++member) {
    alike += Chorus(voices, 7).PushOn(member, {}) == Chorus(voices, 8).PushOn(member, {});
  }
  EXPECT_NEAR(alike, 500, 100);
}

TEST(ChorusTest, WhatIsHeardIsFeltAfterNoneToTwoRounds) {
  std::array<int, 3> felt_after{};
  for (uint64_t i = 0; i < 3000; ++i) {
    Voice voice = VoiceOf(i);
    voice.heard.Add(Sentiment::kExcited, 1);
    voice.heard.EndPulse();
    size_t rounds = 0;
    for (; voice.felt == Mood{}; ++rounds)
      StepVoice(voice, static_cast<uint32_t>(i + rounds), kDecay, 1);
    ++felt_after.at(rounds - 1);
    EXPECT_TRUE(voice.heard.empty());
    EXPECT_EQ(voice.wait, 0);
  }
  for (const int count : felt_after) EXPECT_NEAR(count, 1000, 160);
}

TEST(ChorusTest, WhatIsHeardWhileItWaitsIsFeltWithIt) {
  for (uint64_t i = 0; i < 100; ++i) {
    Voice voice = VoiceOf(i);
    Heard all;
    for (uint32_t round = 0; voice.felt == Mood{}; ++round) {
      for (Heard* heard : {&voice.heard, &all}) {
        heard->Add(Sentiment::kAmused, 0.5f);
        heard->EndPulse();
      }
      StepVoice(voice, round, kDecay, 1);
    }
    EXPECT_EQ(voice.felt, Blend({}, all));
  }
}

TEST(ChorusTest, WhatNobodySaysAnyMoreFades) {
  Voice voice = VoiceOf(1, Full(Sentiment::kExcited));
  StepVoice(voice, 1, kDecay, 1);
  EXPECT_EQ(voice.felt, Fade(Full(Sentiment::kExcited), kDecay, 1));
  EXPECT_FALSE(IsSilent(voice));
  for (uint32_t round = 2; round < 100; ++round) StepVoice(voice, round, kDecay, 1);
  EXPECT_TRUE(IsSilent(voice));
  StepVoice(voice, 100, 1, 1);
  EXPECT_EQ(voice.felt, Mood{});
}

TEST(ChorusTest, VoicesSurviveTheirBytes) {
  Voice voice = VoiceOf(3);
  voice.felt.levels = {1, 0, 0.2f, 0.4f, 0.6f, 0.8f, 1, 0};
  voice.heard.Add(Sentiment::kHostile, 0.35f);
  voice.heard.EndPulse();
  voice.wait = 2;
  std::string bytes;
  AppendVoice(bytes, voice);
  audience::ByteReader reader(bytes);
  const Voice copy = TakeVoice(reader);
  EXPECT_TRUE(reader.Complete());
  EXPECT_EQ(copy, voice);
}

}  // namespace
}  // namespace streaming::blending
