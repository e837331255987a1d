// What the model (audience_model.h) says can happen, done with the real Functions: after every step
// the bitmap, the sessions, the lead and every refusal are what the model says.
//
// CHAOS_SEED makes the random walks others, CHAOS_STEPS longer.
#include "tests/chaos/audience_replay.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/chaos/audience_model.h"

namespace streaming::audience::replay {
namespace {

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class ReplayTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { real_ = std::make_unique<Real>(); }
  static void TearDownTestSuite() { real_ = nullptr; }

  // Does one action of the model on both sides; the state after it.
  static State Follow(const model::Model& model, Replay& replay, const State& state,
                      uint16_t action, std::string& story) {
    const Action& next = model.actions()[action];
    story += "\n  " + model::NameOf(next);
    const model::Outcome outcome = model.Do(state, next);
    EXPECT_EQ(outcome.broken, "") << story;
    const std::string wrong = replay.Step(next, state, outcome);
    EXPECT_EQ(wrong, "") << story;
    return outcome.next;
  }

  static inline std::unique_ptr<Real> real_;
};

class AudienceReplay : public ReplayTest,
                       public testing::WithParamInterface<std::pair<const char*, Bounds>> {};
class AudienceWalk : public ReplayTest {};

// All edges of a small world, and which of them have been taken.
class Map {
 public:
  explicit Map(const model::Model& model)
      : world_(model::Explore(model, kStatesMax)), actions_(model.actions().size()) {
    std::unordered_map<std::string, uint32_t> positions;
    for (uint32_t i = 0; i < world_.states.size(); ++i) positions[BytesOf(world_.states[i])] = i;
    for (const State& state : world_.states) {
      for (const Action& action : model.actions()) {
        const model::Outcome outcome = model.Do(state, action);
        to_.push_back(outcome.possible ? positions.at(BytesOf(outcome.next)) : kNowhere);
      }
    }
    taken_.resize(to_.size());
  }

  const model::Exploration& world() const { return world_; }
  uint32_t Take(uint32_t from, uint16_t action) {
    taken_[from * actions_ + action] = true;
    return to_[from * actions_ + action];
  }
  // The actions to the nearest edge that was not taken yet, that one included; none when all that
  // can be reached were.
  std::vector<uint16_t> WayToNew(uint32_t from) const {
    std::vector<std::pair<uint32_t, uint16_t>> came(world_.states.size(), {kNowhere, 0});
    std::vector<uint32_t> reached = {from};
    for (size_t next = 0; next < reached.size(); ++next) {
      const uint32_t at = reached[next];
      for (uint16_t i = 0; i < actions_; ++i) {
        const uint32_t to = to_[at * actions_ + i];
        if (to == kNowhere) continue;
        if (!taken_[at * actions_ + i]) return Way(came, from, at, i);
        if (to == from || came[to].first != kNowhere) continue;
        came[to] = {at, i};
        reached.push_back(to);
      }
    }
    return {};
  }

 private:
  static constexpr size_t kStatesMax = 10'000;
  static constexpr uint32_t kNowhere = UINT32_MAX;

  static std::string BytesOf(const State& state) {
    return {reinterpret_cast<const char*>(&state), sizeof(state)};
  }
  static std::vector<uint16_t> Way(const std::vector<std::pair<uint32_t, uint16_t>>& came,
                                   uint32_t from, uint32_t at, uint16_t last) {
    std::vector<uint16_t> way = {last};
    for (; at != from; at = came[at].first) way.push_back(came[at].second);
    std::reverse(way.begin(), way.end());
    return way;
  }

  const model::Exploration world_;
  const size_t actions_;
  std::vector<uint32_t> to_;  // by state and action
  std::vector<bool> taken_;
};

// Small worlds: each action in each state, at least once.
TEST_P(AudienceReplay, TakesEveryEdge) {
  constexpr size_t kLife = 500;  // steps, after which a story is too long to be read
  const model::Model model(GetParam().second);
  Map map(model);
  ASSERT_TRUE(map.world().complete);
  uint64_t steps = 0;
  // Some states have no way back, so each life has to look from the beginning.
  while (!map.WayToNew(0).empty() && !HasFailure()) {
    Replay replay(*real_, GetParam().second);
    std::string story;
    uint32_t at = 0;
    auto way = map.WayToNew(at);
    for (size_t age = 0; age < kLife && !way.empty() && !HasFailure(); way = map.WayToNew(at)) {
      for (const uint16_t action : way) {
        Follow(model, replay, map.world().states[at], action, story);
        at = map.Take(at, action);
      }
      age += way.size();
      steps += way.size();
    }
  }
  EXPECT_GE(steps, map.world().transitions);
  std::cout << GetParam().first << ": " << map.world().transitions << " edges in " << steps
            << " steps\n";
}

INSTANTIATE_TEST_SUITE_P(
    Worlds, AudienceReplay,
    testing::Values(
        std::pair{"Moves", Bounds{.instances = 1}},
        std::pair{"FallBacks", Bounds{.sessions = 1, .falls_back = true}},
        std::pair{"Rounds", Bounds{.members = 1, .sessions = 1, .capacity = 1, .rounds = 1}},
        std::pair{"RoundsWithMoves", Bounds{.members = 1, .instances = 1, .rounds = 1}},
        std::pair{"LateAudits", Bounds{.members = 1, .instances = 1, .late_audits = true}}),
    [](const auto& world) { return std::string(world.param.first); });

// A world that is too big to explore: at random, in short lives.
TEST_F(AudienceWalk, GoesAtRandomThroughABigWorld) {
  constexpr uint64_t kLife = 60;  // steps
  const uint64_t seed = NumberFrom("CHAOS_SEED", 20240229);
  const uint64_t steps = NumberFrom("CHAOS_STEPS", 20'000);
  SCOPED_TRACE("CHAOS_SEED=" + std::to_string(seed));
  const Bounds bounds{.members = 3,
                      .sessions = 3,
                      .instances = 3,
                      .capacity = 2,
                      .rounds = 3,
                      .falls_back = true,
                      .late_audits = true};
  const model::Model model(bounds);
  std::mt19937_64 random(seed);
  uint64_t refused = 0;
  for (uint64_t done = 0; done < steps && !HasFailure();) {
    Replay replay(*real_, bounds);
    std::string story;
    State state;
    for (uint64_t age = 0; age < kLife && !HasFailure();) {
      const auto action = static_cast<uint16_t>(random() % model.actions().size());
      const Kind kind = model.actions()[action].kind;
      // What empties the world is as rare as the rest together makes it interesting.
      const bool ends = kind == Kind::kCrash || kind == Kind::kRelease || kind == Kind::kSeal ||
                        kind == Kind::kFallBack;
      if (ends && random() % 4 != 0) continue;
      const model::Outcome outcome = model.Do(state, model.actions()[action]);
      if (!outcome.possible) continue;
      refused += outcome.refusal != Refusal::kNone;
      state = Follow(model, replay, state, action, story);
      ++age;
      ++done;
    }
  }
  EXPECT_GT(refused, steps / 20);
  EXPECT_LT(refused, steps / 2);
  std::cout << steps << " steps, " << refused << " refused, CHAOS_SEED=" << seed << "\n";
}

}  // namespace
}  // namespace streaming::audience::replay
