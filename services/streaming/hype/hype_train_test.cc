#include "services/streaming/hype/hype_train.h"

#include <random>

#include <gtest/gtest.h>

namespace streaming::hype {
namespace {

using std::chrono::seconds;

common::Time At(int64_t second) { return common::FromMicros(second * 1000000); }

std::vector<Transition> Give(const Settings& settings, State& state, double amount, int64_t second,
                             uint8_t trigger = 1) {
  return Apply(settings, state, {At(second), amount, trigger});
}

// A session with a train that began at second 1000.
State Started(const Settings& settings) {
  State state;
  Give(settings, state, settings.start_threshold / 2, 999);
  const auto transitions = Give(settings, state, settings.start_threshold / 2, 1000, 7);
  EXPECT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].kind, TransitionKind::kTriggered);
  return state;
}

TEST(HypeTrainTest, StartsAtTheThresholdFromTwoEvents) {
  const Settings settings;
  State state;
  EXPECT_TRUE(Give(settings, state, 1, 1000, 3).empty());
  const auto transitions = Give(settings, state, 0.1, 1010, 4);
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].kind, TransitionKind::kTriggered);
  EXPECT_EQ(transitions[0].ordinal, 1u);
  EXPECT_EQ(transitions[0].trigger, 4);
  ASSERT_TRUE(state.train);
  EXPECT_NEAR(state.train->progress, 0.3, 1e-9);  // the surplus
  EXPECT_NEAR(ProgressOf(settings, *state.train), 0.3, 1e-9);
}

TEST(HypeTrainTest, ContributionsOutsideTheWindowDoNotStart) {
  const Settings settings;
  State state;
  for (int64_t second = 0; second < 3000; second += 121) {
    EXPECT_TRUE(Give(settings, state, 0.7, 10000 + second).empty());
  }
}

TEST(HypeTrainTest, NothingContributesNothing) {
  const Settings settings;
  State state = Started(settings);
  const Train before = *state.train;
  EXPECT_TRUE(Give(settings, state, 0, 1100).empty());
  EXPECT_TRUE(Give(settings, state, -1, 1100).empty());
  EXPECT_EQ(*state.train, before);
}

TEST(HypeTrainTest, CostsGrow) {
  const Settings settings;
  double before = 0;
  for (uint8_t level = 1; level <= 6; ++level) {
    EXPECT_GT(CostOf(settings, static_cast<Level>(level)), before);
    before = CostOf(settings, static_cast<Level>(level));
  }
  EXPECT_EQ(CostOf({.levels = 2}, Level::kLegendary), CostOf({}, Level::kLevel3));
}

TEST(HypeTrainTest, SurplusIsCarriedThroughSeveralLevels) {
  const Settings settings{.first_cost = 0.3};
  State state = Started(settings);
  const auto transitions = Give(settings, state, 1, 1001);
  ASSERT_EQ(transitions.size(), 2u);  // 0.3 + 0.405 of the 1
  EXPECT_EQ(transitions[0].level, Level::kLevel2);
  EXPECT_EQ(transitions[1].level, Level::kLevel3);
  EXPECT_NEAR(state.train->progress, 1 - 0.3 - 0.405, 1e-9);
}

TEST(HypeTrainTest, ContributionsRestartTheTimer) {
  const Settings settings;
  State state = Started(settings);
  Give(settings, state, 0.01, 1299);
  EXPECT_TRUE(Tick(settings, state, At(1598)).empty());
  const auto transitions = Tick(settings, state, At(5000));
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].kind, TransitionKind::kCompleted);
  EXPECT_EQ(transitions[0].at, At(1599));  // when it expired, not when somebody looked
  EXPECT_EQ(transitions[0].started_at, At(1000));
  EXPECT_TRUE(Tick(settings, state, At(5001)).empty());
}

TEST(HypeTrainTest, AHumMovesARunningTrainAndNothingElse) {
  const Settings settings;
  State quiet;
  for (int64_t second = 1000; second < 1010; ++second) {
    EXPECT_TRUE(Hum(settings, quiet, At(second), 1).empty());
  }
  EXPECT_FALSE(quiet.train);
  EXPECT_TRUE(quiet.window.empty());

  State state = Started(settings);
  EXPECT_TRUE(Hum(settings, state, At(1100), 0.4).empty());
  EXPECT_NEAR(state.train->progress, 0.4, 1e-9);
  EXPECT_EQ(state.train->expires_at, At(1300)) << "the timer goes on";
  EXPECT_TRUE(Hum(settings, state, At(1100), -1).empty());
  const auto transitions = Hum(settings, state, At(1200), 0.7);
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].kind, TransitionKind::kLevelUp);
  EXPECT_EQ(transitions[0].at, At(1200));
  EXPECT_TRUE(Hum(settings, state, At(1300), 1).empty()) << "its time is over";
  EXPECT_EQ(Tick(settings, state, At(1300)).size(), 1u);
}

TEST(HypeTrainTest, AHumIsNeverOlderThanTheContributionItFinds) {
  const Settings settings;
  State state = Started(settings);
  Give(settings, state, 0.9, 1200);
  const auto transitions = Hum(settings, state, At(1150), 0.2);
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].at, At(1200));
}

TEST(HypeTrainTest, ATrainThatOnlyHumsEnds) {
  const Settings settings;
  State state = Started(settings);
  std::vector<Transition> transitions;
  for (int64_t second = 1001; transitions.empty() && second < 5000; ++second) {
    Hum(settings, state, At(second), 1e-4);
    transitions = Tick(settings, state, At(second));
  }
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].kind, TransitionKind::kCompleted);
  EXPECT_EQ(transitions[0].at, At(1300));
}

Level PeakOf(Settings settings) {
  State state = Started(settings);
  for (int64_t second = 1001; second < 1100; ++second) {
    for (const Transition& transition : Give(settings, state, 1, second)) {
      if (transition.kind == TransitionKind::kCompleted) return transition.level;
    }
  }
  return Level::kLevel1;
}

TEST(HypeTrainTest, TheLastLevelIsTheStreamersBest) {
  EXPECT_EQ(PeakOf({.levels = 5, .legendary_allowed = false}), Level::kLevel5);
  EXPECT_EQ(PeakOf({.levels = 5, .legendary_allowed = true}), Level::kLegendary);
  EXPECT_EQ(PeakOf({.levels = 3, .legendary_allowed = false}), Level::kLevel3);
  EXPECT_EQ(PeakOf({.levels = 1, .legendary_allowed = true}), Level::kLegendary);
}

TEST(HypeTrainTest, CoolsDownBetweenTrains) {
  const Settings settings;
  State state = Started(settings);
  EXPECT_EQ(Tick(settings, state, At(1300)).size(), 1u);
  for (int64_t second = 1300; second < 1900; second += 10) {
    EXPECT_TRUE(Give(settings, state, 1, second).empty());
  }
  EXPECT_TRUE(Give(settings, state, 1, 1900).empty());
  const auto transitions = Give(settings, state, 0.1, 1901);
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].ordinal, 2u);
}

TEST(HypeTrainTest, EndsWithTheSession) {
  const Settings settings;
  State state = Started(settings);
  const auto transitions = EndSession(settings, state, At(1010));
  ASSERT_EQ(transitions.size(), 1u);
  EXPECT_EQ(transitions[0].at, At(1010));
  EXPECT_TRUE(EndSession(settings, state, At(1011)).empty());
}

TEST(HypeTrainTest, IdsAreStable) {
  const common::Uuid session = common::Uuid::FromRandomBits(1, 2);
  EXPECT_EQ(HypeId(session, 1, At(5)), HypeId(session, 1, At(5)));
  EXPECT_NE(HypeId(session, 1, At(5)), HypeId(session, 2, At(5)));
  EXPECT_NE(HypeId(session, 1, At(5)), HypeId(session, 1, At(6)));
}

TEST(HypeTrainTest, SettingsAreChecked) {
  EXPECT_TRUE(Validate({}).ok());
  EXPECT_FALSE(Validate({.levels = 0}).ok());
  EXPECT_FALSE(Validate({.levels = 6}).ok());
  EXPECT_FALSE(Validate({.duration = seconds(0)}).ok());
  EXPECT_FALSE(Validate({.start_threshold = 0}).ok());
  EXPECT_FALSE(Validate({.cost_growth = 0.5}).ok());
}

// Whatever happens, every train is triggered once, rises one level at a time and completes once,
// and the state survives packing at every step.
TEST(HypeTrainTest, EveryStoryIsWellFormed) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const Settings settings{.duration = seconds(20 + seed % 7),
                            .levels = 1 + seed % 5,
                            .legendary_allowed = seed % 2 == 0,
                            .cool_down = seconds(seed % 30),
                            .window = seconds(15)};
    State state;
    std::optional<Transition> last;
    uint32_t completed = 0;
    const auto check = [&](const std::vector<Transition>& transitions) {
      for (const Transition& transition : transitions) {
        if (transition.kind == TransitionKind::kTriggered) {
          EXPECT_TRUE(!last || last->kind == TransitionKind::kCompleted);
          EXPECT_EQ(transition.ordinal, completed + 1);
          EXPECT_EQ(transition.level, Level::kLevel1);
        } else if (transition.kind == TransitionKind::kLevelUp) {
          EXPECT_NE(last->kind, TransitionKind::kCompleted);
          EXPECT_GT(transition.level, last->level);
        } else {
          EXPECT_EQ(transition.ordinal, ++completed);
          EXPECT_EQ(transition.level, last->level);
        }
        last = transition;
      }
    };
    for (int64_t second = 0; second < 600; ++second) {
      if (random() % 3 != 0) {
        check(Tick(settings, state, At(second)));
      } else {
        check(Give(settings, state, static_cast<double>(random() % 100) / 100, second));
      }
      const auto copy = DecodeState(EncodeState(state));
      ASSERT_TRUE(copy.ok());
      EXPECT_EQ(EncodeState(*copy), EncodeState(state));
      state = *copy;
      EXPECT_LE(state.window.size(), kWindowCapacity);
    }
    check(EndSession(settings, state, At(600)));
    EXPECT_EQ(completed, state.trains);
  }
}

// What a random story adds up to.
class Ledger {
 public:
  explicit Ledger(const Settings& settings) : settings_(settings) {}

  // `before` is the state that the amount met, `after` what became of it. Hums only count for a
  // train that runs.
  void Add(const State& before, const State& after, double amount, common::Time at,
           const std::vector<Transition>& transitions) {
    const bool ran = before.train && at < before.train->expires_at;
    if (ran) given_ += amount;
    for (const Transition& transition : transitions) Count(transition, before, amount, at);
    if (!after.train) return;
    // Nothing is lost and nothing comes from nowhere while it runs.
    EXPECT_NEAR(given_, passed_ + after.train->progress, 1e-6);
    EXPECT_LT(after.train->progress, CostOf(settings_, after.train->level));
    EXPECT_GE(after.train->progress, 0);
  }
  int completed_full() const { return completed_full_; }
  int legendary() const { return legendary_; }

 private:
  void Count(const Transition& transition, const State& before, double amount, common::Time at) {
    EXPECT_GE(transition.at, last_);
    last_ = transition.at;
    if (transition.kind == TransitionKind::kTriggered) {
      EXPECT_GE(at, before.cool_until) << "within the cool-down";
      // Of those still in the window at least one other, and the sum beyond the threshold.
      double sum = amount;
      int others = 0;
      for (const Contribution& contribution : before.window) {
        if (contribution.at <= at - settings_.window) continue;
        sum += contribution.amount;
        ++others;
      }
      EXPECT_GE(others, 1);
      EXPECT_GE(sum, settings_.start_threshold - 1e-9);
      given_ = sum - settings_.start_threshold;
      passed_ = 0;
    } else if (transition.kind == TransitionKind::kLevelUp) {
      passed_ += CostOf(settings_, Below(transition.level));
      legendary_ += transition.level == Level::kLegendary;
      EXPECT_TRUE(transition.level != Level::kLegendary || settings_.legendary_allowed);
    } else if (before.train && transition.at < before.train->expires_at) {
      // Full: what is beyond the last level's cost is the surplus that ends with it, and that is
      // less than what came last.
      const double surplus = given_ - passed_ - CostOf(settings_, transition.level);
      EXPECT_GE(surplus, -1e-6);
      EXPECT_LE(surplus, amount + 1e-6);
      ++completed_full_;
    }
  }
  Level Below(Level level) const {
    if (level == Level::kLegendary) return static_cast<Level>(settings_.levels);
    return static_cast<Level>(static_cast<uint8_t>(level) - 1);
  }

  const Settings& settings_;
  double given_ = 0;   // to the train that runs, beyond the threshold of its start
  double passed_ = 0;  // costs of the levels that it has left behind
  common::Time last_ = {};
  int completed_full_ = 0;
  int legendary_ = 0;
};

TEST(HypeTrainTest, WhatIsGivenIsTheLevelsPassedAndTheProgress) {
  int completed_full = 0;
  int legendary = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const Settings settings{.duration = seconds(20 + seed % 40),
                            .levels = 1 + seed % 5,
                            .legendary_allowed = seed % 2 == 0,
                            .cool_down = seconds(seed % 30),
                            .window = seconds(15)};
    const double scale = 0.1 + 0.9 * (seed % 7) / 6;
    State state;
    Ledger ledger(settings);
    for (int64_t second = 0; second < 600; ++second) {
      const State before = state;
      const double amount = scale * static_cast<double>(random() % 101) / 100;
      switch (random() % 4) {
        case 0:
          ledger.Add(before, state, 0, At(second), Tick(settings, state, At(second)));
          break;
        case 1: {
          const auto transitions = Hum(settings, state, At(second), amount / 10);
          ledger.Add(before, state, amount / 10, At(second), transitions);
          break;
        }
        case 2: {
          const auto transitions = Give(settings, state, amount, second);
          ledger.Add(before, state, amount, At(second), transitions);
          break;
        }
        default:
          break;  // nothing happens
      }
    }
    completed_full += ledger.completed_full();
    legendary += ledger.legendary();
  }
  EXPECT_GT(completed_full, 50);
  EXPECT_GT(legendary, 50);
}

TEST(HypeTrainTest, OneEventAloneNeverStartsATrain) {
  const Settings settings{.window = seconds(60), .start_threshold = 0.1};
  State state;
  for (int64_t second = 1000; second < 100'000; second += 60) {
    EXPECT_TRUE(Give(settings, state, 1, second).empty());
  }
  EXPECT_EQ(state.trains, 0u);
}

TEST(HypeTrainTest, RefusesBytesThatAreNoState) {
  const std::string bytes = EncodeState(Started({}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeState(std::string_view(bytes).substr(0, size)).ok());
  }
  EXPECT_FALSE(DecodeState(bytes + "x").ok());
}

}  // namespace
}  // namespace streaming::hype
