// Every order of what instances may do to a few audiences, tried one by one: the laws hold in each
// state that can come about, and a broken design is caught.
#include "tests/chaos/audience_model.h"

#include <iostream>
#include <string>

#include <gtest/gtest.h>

namespace streaming::audience::model {
namespace {

constexpr size_t kStatesMax = 2'000'000;

std::string Story(const Model& model, const std::vector<uint16_t>& trace) {
  std::string story;
  for (const uint16_t action : trace) story += "\n  " + NameOf(model.actions()[action]);
  return story;
}

bool Tells(const Model& model, const std::vector<uint16_t>& trace, Kind kind) {
  for (const uint16_t action : trace) {
    if (model.actions()[action].kind == kind) return true;
  }
  return false;
}

// A world, and how much there was in it when the model was reviewed: whoever changes the model has
// to look at these numbers, so that it is not emptied by accident.
struct World {
  const char* name;
  Bounds bounds;
  size_t states;
  uint64_t transitions;
  uint32_t depth;
};

class AudienceModel : public testing::TestWithParam<World> {};

TEST_P(AudienceModel, KeepsTheLawsInEveryState) {
  const World& world = GetParam();
  const Model model(world.bounds);
  const Exploration found = Explore(model, kStatesMax);
  EXPECT_EQ(found.broken, "") << Story(model, found.trace);
  EXPECT_TRUE(found.complete) << "there are more states than were looked at";
  EXPECT_EQ(found.states.size(), world.states);
  EXPECT_EQ(found.transitions, world.transitions);
  EXPECT_EQ(found.depth, world.depth);
  std::cout << world.name << ": " << found.states.size() << " states, " << found.transitions
            << " transitions, " << found.refused << " of them refused, depth " << found.depth
            << "\n";
}

INSTANTIATE_TEST_SUITE_P(
    Worlds, AudienceModel,
    testing::Values(
        World{"ThreeInstances", {.members = 3, .instances = 3}, 79012, 3087240, 14},
        World{"ThreeSessions", {.sessions = 3}, 131824, 6153456, 16},
        World{"Rounds", {.capacity = 1, .rounds = 2}, 449820, 16813676, 18},
        World{"ThreeLeaders", {.sessions = 1, .instances = 3, .rounds = 2}, 54304, 1632788, 14},
        World{"FallBacks", {.falls_back = true}, 635685, 20857857, 23},
        World{"FallBacksOfThree",
              {.members = 3, .instances = 1, .falls_back = true},
              262057,
              5750158,
              25},
        World{"FallBacksOfRounds",
              {.members = 1, .sessions = 1, .capacity = 1, .rounds = 2, .falls_back = true},
              461342,
              11217854,
              22},
        World{"LateAudits",
              {.instances = 1, .falls_back = true, .late_audits = true},
              235465,
              5554267,
              22}),
    [](const auto& world) { return std::string(world.param.name); });

// With nonces that count, a fall-back makes one come again: a zombie that remembers it changes a
// session that it has never seen.
TEST(AudienceModelFinds, NoncesThatCount) {
  const Bounds bounds{.falls_back = true, .flaw = Flaw::kCountedNonces};
  const Model model(bounds);
  const Exploration found = Explore(model, kStatesMax);
  EXPECT_EQ(found.broken, "a change was carried out on a state on which it was not decided");
  EXPECT_TRUE(Tells(model, found.trace, Kind::kFallBack)) << Story(model, found.trace);
}

// It is the fall-back that does it.
TEST(AudienceModelFinds, NothingInNoncesThatCountOnAServerThatNeverFallsBack) {
  const Exploration found = Explore(Model({.flaw = Flaw::kCountedNonces, .nonces = 4}), kStatesMax);
  EXPECT_EQ(found.broken, "");
  EXPECT_TRUE(found.complete);
}

TEST(AudienceModelFinds, BitsAndMembersThatChangeInTwoCalls) {
  const Model model({.flaw = Flaw::kTwoCalls});
  const Exploration found = Explore(model, kStatesMax);
  EXPECT_EQ(found.broken, "the bits are not the members");
  EXPECT_TRUE(Tells(model, found.trace, Kind::kCrash)) << Story(model, found.trace);
}

// Somebody opens a session after the list was made, and loses its members to the audit.
TEST(AudienceModelFinds, AuditsThatDoNotAskWhetherTheyKnowAllSessions) {
  const Model model({.late_audits = true, .flaw = Flaw::kBlindAudit});
  const Exploration found = Explore(model, kStatesMax);
  EXPECT_EQ(found.broken, "the bits are not the members");
  EXPECT_TRUE(Tells(model, found.trace, Kind::kLateAudit)) << Story(model, found.trace);
}

TEST(AudienceModelFinds, StepsThatAreNotFenced) {
  const Model model({.rounds = 2, .flaw = Flaw::kNoFence});
  const Exploration found = Explore(model, kStatesMax);
  EXPECT_EQ(found.broken, "somebody stepped who did not lead") << Story(model, found.trace);
}

}  // namespace
}  // namespace streaming::audience::model
