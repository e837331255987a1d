#include "services/streaming/blending/chorus.h"

#include <array>

#include <gtest/gtest.h>

#include "services/streaming/audience/random.h"

namespace streaming::blending {
namespace {

constexpr double kDecay = 0.1;
constexpr uint32_t kRuns = 20000;

Mood Full(Sentiment sentiment) {
  Mood mood;
  mood.levels[static_cast<size_t>(sentiment)] = 1;
  return mood;
}

Voice VoiceOf(uint64_t id, const Mood& felt = {}) {
  return {.id = audience::Mix64(id + 1), .felt = felt};
}

Chorus ChorusOf(uint64_t voices) {
  std::vector<Voice> all;
  for (uint64_t i = 0; i < voices; ++i) all.push_back(VoiceOf(i));
  return Chorus(std::move(all));
}

TEST(ChorusTest, EachVoiceHasItsShareOfTheListeners) {
  constexpr size_t kVoices = 20;
  const Chorus chorus = ChorusOf(kVoices);
  std::array<int, kVoices> listeners{};
  for (uint32_t run = 0; run < kRuns; ++run) ++listeners[chorus.HeardBy(run)];
  for (const int count : listeners) EXPECT_NEAR(count, kRuns / kVoices, 6 * 31);
}

TEST(ChorusTest, ANewVoiceTakesListenersFromAllAndChangesNobodyElse) {
  const Chorus before = ChorusOf(20);
  const Chorus after = ChorusOf(21);
  int moved = 0;
  for (uint32_t run = 0; run < kRuns; ++run) {
    if (after.HeardBy(run) == before.HeardBy(run)) continue;
    EXPECT_EQ(after.HeardBy(run), 20u);
    ++moved;
  }
  EXPECT_NEAR(moved, kRuns / 21, 6 * 31);
}

TEST(ChorusTest, ListenersFeelWithTheirVoiceAndWithNoOther) {
  const Chorus chorus({VoiceOf(0, Full(Sentiment::kExcited)), VoiceOf(1, Full(Sentiment::kBored))});
  for (uint32_t run = 0; run < 100; ++run) {
    const bool excited = chorus.HeardBy(run) == 0;
    const float push = chorus.PushOn(run, {});
    EXPECT_EQ(push > 0, excited);
    EXPECT_LE(std::abs(push), 0.1f);
    EXPECT_EQ(chorus.FeelingOf(run), excited ? Sentiment::kExcited : Sentiment::kBored);
  }
  EXPECT_EQ(ChorusOf(2).FeelingOf(1), std::nullopt);
  EXPECT_EQ(Chorus().PushOn(1, {}), 0);
  EXPECT_EQ(Chorus().FeelingOf(1), std::nullopt);
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
