// A daemon that is killed at every single request to its servers while a session is created,
// started, ended, and while a hype train runs: it is started again, the call is repeated, and
// nothing that was acknowledged is lost, nobody is left behind, and everything is told once.
//
// A crash after request n and one before request n + 1 leave the servers alike, so that the latter
// are drawn at random, but with CRASH_ALL=1, which kills at both sides of every request. CRASH_SEED
// repeats a run's choices.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "tests/e2e/crash_lane.h"

namespace story {
namespace {

using common::testing::Eventually;
using Moment = Tripwire::Moment;

constexpr uint64_t kLanes = 4;
constexpr uint64_t kRequestsMax = 1000;  // of one call and what follows it
constexpr size_t kReactions = 4;

bool Everything() { return std::getenv("CRASH_ALL") != nullptr; }
uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* text = std::getenv("CRASH_SEED");
    return text == nullptr ? std::random_device()() : std::strtoull(text, nullptr, 10);
  }();
  return seed;
}

// What a test does with one life.
struct Scenario {
  std::function<Life(CrashLane&)> prepare;
  // While the wire is armed. A call that fails is not repeated here.
  std::function<void(CrashLane&, Life&)> act;
  // When the daemon runs again; `n` is where it was killed.
  std::function<void(CrashLane&, Life&, uint64_t n)> settle;
  // Before all are ended that are left.
  std::function<void(CrashLane&, const std::vector<Life>&)> look = [](CrashLane&,
                                                                      const std::vector<Life>&) {};
};

// One lane's share: every kLanes-th request from `first` on, until the scenario gets through.
uint64_t PlayLane(uint64_t first, const Scenario& scenario) {
  static std::mutex beginning;  // ports and databases are dealt to one at a time
  std::unique_lock begins(beginning);
  CrashLane lane;
  begins.unlock();
  std::mt19937_64 random(Seed() + first);
  std::vector<Life> lives;
  uint64_t kills = 0;
  const auto play = [&](uint64_t n, Moment moment) {
    SCOPED_TRACE("CRASH_SEED=" + std::to_string(Seed()) + ", killed " +
                 std::string(moment == Moment::kBefore ? "before" : "after") + " request " +
                 std::to_string(n));
    Life life = scenario.prepare(lane);
    const bool killed = lane.KillAt(n, moment, [&] { scenario.act(lane, life); });
    kills += killed;
    scenario.settle(lane, life, n);
    lives.push_back(life);
    return killed;
  };
  uint64_t n = first;
  while (n <= kRequestsMax && play(n, Moment::kAfter) && !testing::Test::HasFailure()) {
    if (Everything()) play(n, Moment::kBefore);
    n += kLanes;
  }
  EXPECT_LE(n, kRequestsMax);
  play(1 + random() % n, Moment::kBefore);
  scenario.look(lane, lives);
  lane.ExpectAllToBeWell(lives);
  return kills;
}

// Lanes mostly wait, so that several cost little more than one. A daemon dies with the thread that
// started it, hence a thread each.
void KillEverywhere(const Scenario& scenario) {
  common::testing::SharedMariaDb();  // lives in this thread
  std::atomic<uint64_t> kills{0};
  std::vector<std::jthread> lanes;
  for (uint64_t lane = 0; lane < kLanes; ++lane) {
    lanes.emplace_back([&, lane] {
      try {
        kills += PlayLane(1 + lane, scenario);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  lanes.clear();
  EXPECT_GT(kills, kLanes);
  std::cout << kills << " kills, CRASH_SEED=" << Seed() << "\n";
}

template <class Answer>
void Note(Life& life, const Answer& answer) {
  life.acknowledged.push_back(answer.ok() ? answer->SerializeAsString() : "");
}

TEST(Crash, ACreateThatIsRepeatedMakesOneSession) {
  KillEverywhere({.prepare = [](CrashLane& lane) { return lane.NewLife(); },
                  .act =
                      [](CrashLane& lane, Life& life) {
                        const auto created = lane.Create(life);
                        if (created.ok()) life.session = created->session_id();
                      },
                  .settle =
                      [](CrashLane& lane, Life& life, uint64_t) {
                        const std::string acknowledged = life.session;
                        const auto again = ValueOf(lane.Insist([&] { return lane.Create(life); }));
                        life.session = again.session_id();
                        EXPECT_EQ(again.status(), v1::STREAM_SESSION_STATUS_PENDING);
                        if (!acknowledged.empty()) {
                          EXPECT_EQ(life.session, acknowledged);
                        }
                        ValueOf(lane.Start(life));
                      }});
}

// Whoever started it may give up and end it instead.
TEST(Crash, AStartIsRepeatedOrGivenUp) {
  KillEverywhere(
      {.prepare = [](CrashLane& lane) { return lane.NewPending(); },
       .act = [](CrashLane& lane, Life& life) { Note(life, lane.Start(life)); },
       .settle =
           [](CrashLane& lane, Life& life, uint64_t n) {
             lane.TakeCensus();
             if (n / kLanes % 2 == 1) {
               const auto ended = lane.Insist([&] { return lane.End(life); });
               EXPECT_TRUE(ended.ok()) << ended.status();
               EXPECT_FALSE(lane.TakeCensus().sessions.contains(life.session));
               return;
             }
             const auto again = lane.Insist([&] { return lane.Start(life); });
             if (!again.ok()) {
               EXPECT_TRUE(absl::StrContains(again.status().message(), "SESSION_NOT_PENDING"))
                   << again.status();
             }
             const auto now = ValueOf(lane.Status(life));
             EXPECT_EQ(now.status(), v1::STREAM_SESSION_STATUS_LIVE);
             EXPECT_TRUE(now.has_started_at());
             const Census census = lane.TakeCensus();
             const auto found = census.sessions.find(life.session);
             ASSERT_NE(found, census.sessions.end());
             EXPECT_EQ(now.audience_count(), static_cast<int>(found->second));
           }});
}

// And what follows it: the outbox, the career.
TEST(Crash, AnEndIsOneEnd) {
  KillEverywhere(
      {.prepare = [](CrashLane& lane) { return lane.NewLive(); },
       .act =
           [](CrashLane& lane, Life& life) {
             Note(life, lane.End(life));
             Eventually([&] { return lane.tripped() || lane.IsAllTold(life); }, lane.kPatience);
           },
       .settle =
           [](CrashLane& lane, Life& life, uint64_t) {
             const auto ended = ValueOf(lane.Insist([&] { return lane.End(life); }));
             EXPECT_GT(ended.peak_audience_count(), 0);
             EXPECT_GT(ended.new_followers(), 0);
             const std::string& acknowledged = life.acknowledged.at(0);
             if (!acknowledged.empty()) {
               EXPECT_EQ(ended.SerializeAsString(), acknowledged);
             }
             EXPECT_EQ(ValueOf(lane.End(life)).SerializeAsString(), ended.SerializeAsString());
             // A crash before the last step leaves it to the look that a start begins with.
             EXPECT_TRUE(
                 Eventually([&] { return !lane.TakeCensus().sessions.contains(life.session); },
                            lane.kPatience));
           }});
}

// Nobody repeats a call here: what the daemon had not acknowledged comes again.
TEST(Crash, AnEndFromOutsideIsNotForgotten) {
  KillEverywhere(
      {.prepare = [](CrashLane& lane) { return lane.NewLive(); },
       .act =
           [](CrashLane& lane, Life& life) {
             lane.TellGameOver(life);
             Eventually([&] { return lane.tripped() || lane.HasEnded(life); }, lane.kPatience);
           },
       .settle = [](CrashLane&, Life&, uint64_t) {},
       .look =
           [](CrashLane& lane, const std::vector<Life>& lives) {
             for (const Life& life : lives) {
               EXPECT_TRUE(Eventually([&] { return lane.HasEnded(life); }, lane.kPatience))
                   << life.session;
             }
           }});
}

// From the reactions over the relay to the completion.
TEST(Crash, ATrainIsToldOnceAndInOrder) {
  KillEverywhere(
      {.prepare =
           [](CrashLane& lane) {
             Life life = lane.NewLive();
             for (size_t i = 0; i < kReactions; ++i) {
               life.reactions.push_back(common::Uuid::V4());
             }
             return life;
           },
       .act =
           [](CrashLane& lane, Life& life) {
             for (size_t i = 0; i < kReactions && !lane.tripped(); ++i) {
               Note(life, lane.React(life, i));
             }
             life.acknowledged.resize(kReactions);
             Eventually(
                 [&] { return lane.tripped() || (lane.HadItsTrain(life) && lane.IsOutboxEmpty()); },
                 lane.kPatience);
           },
       .settle =
           [](CrashLane& lane, Life& life, uint64_t) {
             for (size_t i = 0; i < kReactions; ++i) {
               const auto again = ValueOf(lane.Insist([&] { return lane.React(life, i); }));
               const std::string& acknowledged = life.acknowledged[i];
               if (!acknowledged.empty()) {
                 EXPECT_EQ(again.SerializeAsString(), acknowledged);
               }
             }
           }});
}

// Redis loses an audience while the daemon is away.
TEST(Crash, ALostAudienceIsOpenedAgainAtTheStart) {
  CrashLane lane;
  const Life life = lane.NewLive();
  EXPECT_TRUE(lane.TakeCensus().sessions.contains(life.session));
  lane.LoseAudience(life);
  lane.Restart();
  EXPECT_TRUE(Eventually([&] { return lane.TakeCensus().sessions.contains(life.session); }));
  EXPECT_EQ(ValueOf(lane.Status(life)).status(), v1::STREAM_SESSION_STATUS_LIVE);
}

}  // namespace
}  // namespace story
