#include "services/streaming/hype/hum.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "services/streaming/hype/session_hype.h"

namespace streaming::hype {
namespace {

using std::chrono::seconds;

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);
const common::Uuid kSession = common::Uuid::FromRandomBits(1, 2);
constexpr uint64_t kSeed = 5;

blending::Mood Cheering() {
  blending::Mood mood;
  mood.levels[static_cast<size_t>(blending::Sentiment::kExcited)] = 1;
  return mood;
}

// Round `number`, a minute each, of one session with this mood.
audience::View RoundOf(uint32_t number, const blending::Mood& mood) {
  audience::View view;
  view.round = number;
  view.at = kNow + number * seconds(60);
  view.sessions.push_back({.session_id = kSession, .mood = mood});
  return view;
}

// A session with a train that began at kNow.
audience::Change Started(float excitement) {
  audience::Change change;
  change.audience.excitement = excitement;
  EXPECT_TRUE(Contribute({}, kSession, {kNow, 0.4, 7}, change).ok());
  EXPECT_TRUE(*Contribute({}, kSession, {kNow, 0.4, 7}, change));
  change.hype_pending.clear();
  return change;
}

double GivenOf(const audience::Change& change) {
  const State state = StateOf(change.hype).value();
  double given = state.train->progress;
  for (auto level = Level::kLevel1; level < state.train->level;) {
    given += CostOf({}, level);
    level = static_cast<Level>(static_cast<uint8_t>(level) + 1);
  }
  return given;
}

// All cohorts of one round, as its worker steps them. Excitement falls as a round lets it fall.
void StepRound(const audience::View& view, audience::Change& change) {
  for (uint32_t cohort = 0; cohort < view.cohorts; ++cohort) {
    if (cohort == 0) change.audience.excitement /= 2;
    change.audience.steps = static_cast<uint8_t>(2 * cohort + 1);
    ASSERT_TRUE(HumAtStep({}, {.seed = kSeed}, view, 0, change).ok());
  }
}

TEST(HumTest, ARoundGivesNoMoreThanItsPart) {
  for (const float excitement : {0.0f, 0.2f, 0.5f, 1.0f}) {
    for (const uint32_t cohorts : {1u, 4u, 16u}) {
      audience::Change change = Started(excitement);
      audience::View view = RoundOf(1, Cheering());
      view.cohorts = cohorts;
      StepRound(view, change);
      EXPECT_LE(GivenOf(change), kHumMost + 1e-9);
      EXPECT_NEAR(GivenOf(change),
                  HumOf(Buzz(excitement / 2, Cheering(), Temper(kSeed, kSession, 1)), 1), 1e-6);
    }
  }
}

TEST(HumTest, GrowsWithExcitementAboveTheMurmur) {
  EXPECT_EQ(HumOf(0, 1), 0);
  EXPECT_EQ(HumOf(kMurmur, 1), 0);
  double before = 0;
  for (double buzz = kMurmur + 0.05; buzz <= 1; buzz += 0.05) {
    EXPECT_GT(HumOf(buzz, 1), before);
    before = HumOf(buzz, 1);
    EXPECT_NEAR(HumOf(buzz, 0.25) * 4, before, 1e-12);
  }
  EXPECT_NEAR(HumOf(1, 1), kHumMost, 1e-12);
  EXPECT_EQ(Buzz(1, Cheering(), 1), 1);
}

TEST(HumTest, TemperIsAnyAndChangesSlowly) {
  constexpr int kRounds = 10'000;
  int high = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const double temper = Temper(kSeed, kSession, round);
    EXPECT_GE(temper, 0);
    EXPECT_LE(temper, 1);
    high += temper > 0.5;
    EXPECT_LE(std::abs(temper - Temper(kSeed, kSession, round + 1)), 1.0 / 64 + 1e-9);
  }
  EXPECT_NEAR(high, kRounds / 2.0, kRounds / 20.0);
  EXPECT_NE(Temper(kSeed, kSession, 4), Temper(kSeed + 1, kSession, 4));
}

TEST(HumTest, AMoodTakesThePlaceOfTemper) {
  EXPECT_EQ(Buzz(0, Cheering(), 0), Buzz(0, Cheering(), 1));
  EXPECT_NEAR(Buzz(0, Cheering(), 0), kTemperMost, 1e-9);
  blending::Mood hostile;
  hostile.levels[static_cast<size_t>(blending::Sentiment::kHostile)] = 1;
  EXPECT_EQ(Buzz(0, hostile, 1), 0);
  blending::Mood faint;
  faint.levels[static_cast<size_t>(blending::Sentiment::kExcited)] = 0.1f;
  EXPECT_NEAR(Buzz(0, faint, 0.5), kTemperMost * (0.9 * 0.5 + 0.1 * 0.1), 1e-6);
}

// Area under the ROC curve of a number that shall tell the second kind from the first.
double Auc(const std::vector<double>& first, const std::vector<double>& second) {
  double won = 0;
  for (const double a : first) {
    for (const double b : second) won += b > a ? 1 : b == a ? 0.5 : 0;
  }
  return won / static_cast<double>(first.size() * second.size());
}

// Crowds whose moods are of any strength against crowds of chance: what a train is seen to gain in
// five rounds, the least of them and all together, tells them apart no better than a coin.
TEST(HumTest, ATrainDoesNotTellWhoIsThere) {
  constexpr uint32_t kSessions = 600;
  constexpr uint32_t kRounds = 5;
  for (const float excitement : {0.0f, 0.15f, 0.3f}) {
    std::array<std::vector<double>, 2> least;
    std::array<std::vector<double>, 2> sum;
    for (uint32_t i = 0; i < 2 * kSessions; ++i) {
      const bool real = i % 2 == 1;
      const auto session = common::Uuid::FromRandomBits(i, 7);
      blending::Mood mood;
      if (real) {
        auto& levels = mood.levels;
        const auto share = static_cast<float>(i / 2) / kSessions;
        levels[static_cast<size_t>(blending::Sentiment::kExcited)] = share;
        levels[static_cast<size_t>(blending::Sentiment::kCritical)] = 1 - share;
      }
      double smallest = 1;
      double all = 0;
      for (uint32_t round = 0; round < kRounds; ++round) {
        const double hum = HumOf(Buzz(excitement, mood, Temper(kSeed, session, i + round)), 1);
        smallest = std::min(smallest, hum);
        all += hum;
      }
      least[real].push_back(smallest);
      sum[real].push_back(all);
    }
    for (const auto* figure : {&least, &sum}) {
      const double auc = Auc((*figure)[0], (*figure)[1]);
      EXPECT_LE(std::max(auc, 1 - auc), 0.55) << "excitement " << excitement;
    }
  }
}

TEST(HumTest, NoTrainBeginsAndNoneLivesOnByExcitementAlone) {
  audience::Change quiet;
  for (uint32_t round = 1; round < 100; ++round) {
    quiet.audience.excitement = 1;
    StepRound(RoundOf(round, Cheering()), quiet);
  }
  EXPECT_TRUE(quiet.hype.empty());
  EXPECT_TRUE(quiet.hype_pending.empty());

  audience::Change change = Started(1);
  bool ended = false;
  uint32_t round = 0;
  while (!ended && ++round < 100) {
    change.audience.excitement = 1;
    StepRound(RoundOf(round, Cheering()), change);
    ended = *Expire({}, kSession, kNow + round * seconds(60), change);
  }
  EXPECT_EQ(round, 5u) << "the duration after the last event";
}

TEST(HumTest, NobodyHumsInAPausedSession) {
  audience::Change change = Started(1);
  change.state.paused = true;
  const std::string before = change.hype;
  StepRound(RoundOf(1, Cheering()), change);
  EXPECT_EQ(change.hype, before);
}

TEST(HumTest, AnnouncesTheLevelThatItReaches) {
  audience::Change change = Started(1);
  ASSERT_TRUE(Contribute({}, kSession, {kNow + seconds(50), 0.99, 7}, change).ok());
  ASSERT_TRUE(change.hype_pending.empty());
  StepRound(RoundOf(1, Cheering()), change);
  ASSERT_EQ(change.hype_pending.size(), 1u);
  const auto pending = DecodePending(change.hype_pending[0]);
  ASSERT_TRUE(pending.ok());
  EXPECT_EQ(pending->transition.kind, TransitionKind::kLevelUp);
  EXPECT_EQ(pending->transition.at, kNow + seconds(60));
  EXPECT_EQ(pending->expires_at, kNow + seconds(350)) << "fifty seconds and the duration";
  EXPECT_EQ(change.state.peak_hype_level, 2);
  EXPECT_GT(change.state.hype_progress, 0);
}

}  // namespace
}  // namespace streaming::hype
