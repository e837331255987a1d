// Two instances of the game side that are killed at random, and a Redis that crashes or comes back
// two seconds older, under players who do whatever they can: nobody is lost, nobody sits twice, and
// each end counts once.
//
// CHAOS_SECONDS sets how long (default 20), CHAOS_SEED repeats a run's choices; both daemons, their
// threads and the servers still differ in time.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <bannou/streaming/v1/events.pb.h>
#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/pool_census.h"
#include "tests/e2e/random_players.h"
#include "tests/story/events.h"
#include "tests/story/processes.h"

namespace story {
namespace {

using common::testing::Eventually;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr uint32_t kCapacity = 300;  // heads of one session, and members, as each is one head
constexpr int kPoolSize = 4000;      // for which the streamers compete
constexpr size_t kStreamers = 24;
constexpr size_t kHands = 4;
constexpr int kSessionsBefore = 100;    // that each streamer has had, so that many come at once
constexpr uint64_t kDoneBetween = 150;  // calls, at least, between two disasters
constexpr seconds kAge{2};              // of the copy to which Redis falls back
constexpr seconds kPatience{60};

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class AudienceChaos : public testing::Test {
 protected:
  AudienceChaos() {
    for (const common::Uuid& streamer : players_.Ids()) {
      ValueOf(database_->Execute(
          "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret, "
          "sessions, mean_audience, growth_audience, updated_at) VALUES (?, ?, ?, 1, ?, 250, "
          "1000000, ?)",
          static_cast<int>(v1::STREAMER_ENTITY_TYPE_ACTOR), streamer, game_, kSessionsBefore,
          common::Now()));
    }
  }

  static std::vector<std::string> Settings(std::vector<std::string> more = {}) {
    more.insert(more.end(),
                {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=2",
                 "MAX_CHECKED_OUT_PER_SESSION=" + std::to_string(kCapacity),
                 "POOL_MAX_MEMBERS=6000", "RAID_COOLDOWN_SECONDS=0",
                 "HYPE_TRAIN_DURATION_SECONDS=3", "HYPE_TRAIN_COOLDOWN_SECONDS=1"});
    return more;
  }
  Stack StackOf(const Daemon& daemon) const {
    return {.stream_grpc = daemon.grpc_address(),  // not called
            .streaming_grpc = daemon.grpc_address(),
            .auth_key = common::config::Secret(kAuthKey)};
  }

  // The law, at this instant.
  void Look() {
    const auto census = census_.Take();
    if (absl::IsUnavailable(census.status())) return;  // Redis is still on its way
    ASSERT_TRUE(census.ok()) << common::ToStd(census.status().message());
    EXPECT_EQ(census->wrong, "");
    EXPECT_LE(census->largest, kCapacity);
    most_members_ = std::max(most_members_, census->members);
    ++looks_;
  }

  void KillDaemons(const std::vector<Daemon*>& daemons) {
    for (Daemon* daemon : daemons) daemon->Kill();
    Look();
    for (Daemon* daemon : daemons) daemon->Start();
    kills_ += daemons.size();
  }
  void RestartRedis() {
    redis_.Kill();
    redis_.Start();
    ++restarts_;
  }
  // What Redis has on disk now; a crash at this moment would leave the same.
  void KeepCopy() {
    std::filesystem::remove_all(copy_.path() / kFiles);
    std::filesystem::copy(redis_.directory() / kFiles, copy_.path() / kFiles,
                          std::filesystem::copy_options::recursive);
    copied_at_ = steady_clock::now();
  }
  bool MayFallBack() const { return copied_at_ && steady_clock::now() - *copied_at_ >= kAge; }
  void FallBack() {
    redis_.Kill();
    std::filesystem::remove_all(redis_.directory() / kFiles);
    std::filesystem::copy(copy_.path() / kFiles, redis_.directory() / kFiles,
                          std::filesystem::copy_options::recursive);
    redis_.Start();
    copied_at_.reset();
    ++fall_backs_;
  }

  void Disaster(std::mt19937_64& random) {
    const uint64_t dice = random() % 10;
    if (MayFallBack() && (fall_backs_ == 0 || dice == 0)) return FallBack();
    if (dice < 2) return RestartRedis();
    if (dice < 4) return KillDaemons({&one_, &other_});
    KillDaemons({random() % 2 == 0 ? &one_ : &other_});
  }

  int Count(const std::string& what) {
    return ValueOf(database_->Query("SELECT COUNT(*) FROM " + what))[0].Get<int>(0);
  }

  void ExpectOneActiveSessionAStreamer() {
    EXPECT_EQ(Count("(SELECT streamer_id FROM session WHERE status <> 4 GROUP BY streamer_id "
                    "HAVING COUNT(*) > 1) AS twice"),
              0);
  }

  void ExpectThePoolToSayTheSame() {
    EXPECT_TRUE(Eventually(
        [&] {
          const auto before = census_.Take();
          const auto pool = players_.Pool();
          const auto after = census_.Take();  // rounds go on: only a still moment tells
          return before.ok() && pool.ok() && after.ok() && before->bits == after->bits &&
                 pool->checked_out_members() == static_cast<int>(before->bits) &&
                 pool->available_members() + pool->checked_out_members() == pool->total_members();
        },
        kPatience));
  }

  void EndAll() {
    for (const auto& row : ValueOf(database_->Query("SELECT id FROM session WHERE status <> 4"))) {
      const std::string session = row.Get<common::Uuid>(0).ToString();
      EXPECT_TRUE(Eventually([&] { return players_.End(session).ok(); }, kPatience)) << session;
    }
    EXPECT_EQ(Count("session WHERE status <> 4"), 0);
    // A start looks at what crashes have left.
    KillDaemons({&one_, &other_});
    EXPECT_TRUE(Eventually(
        [&] {
          const auto census = census_.Take();
          return census.ok() && census->bits == 0 && census->sessions.empty();
        },
        kPatience))
        << "somebody is left behind";
  }

  // In the careers, and on the bus, where a repeated message has the id of the first.
  void ExpectEachEndToCountOnce(const Events& events) {
    const std::string ended = "session WHERE status = 4 AND started_at IS NOT NULL";
    // A career waits two minutes for trains that were lost with Redis, and is looked at every
    // minute.
    EXPECT_TRUE(Eventually([&] { return Count(ended + " AND career_applied = 0") == 0; },
                           std::chrono::minutes(4)));
    const int sessions = Count(ended);
    const auto counted = ValueOf(database_->Query("SELECT SUM(sessions) FROM streamer"));
    EXPECT_EQ(counted[0].Get<std::string>(0),
              std::to_string(sessions + kSessionsBefore * static_cast<int>(kStreamers)));
    std::map<std::string, std::set<std::string>> told;
    const auto listen = [&] {
      for (const auto& event : events.Of<v1::StreamingSessionEndedEvent>()) {
        told[event.session_id()].insert(event.event_id());
      }
      return told.size() >= static_cast<size_t>(sessions);
    };
    EXPECT_TRUE(Eventually(listen, kPatience));
    EXPECT_EQ(told.size(), static_cast<size_t>(sessions));
    for (const auto& [session, ids] : told) EXPECT_EQ(ids.size(), 1u) << session;
    ends_ = sessions;
  }

  static constexpr const char* kFiles = "appendonlydir";

  const common::Uuid game_ = common::Uuid::V4();
  common::testing::RedisServer redis_;
  common::testing::NatsServer nats_;
  const Servers servers_{nats_, redis_, common::testing::SharedMariaDb()};
  Daemon one_{"streaming", "STREAMING", Settings(), servers_};
  Daemon other_{"streaming", "STREAMING", Settings({"MYSQL_DATABASE=" + one_.database()}),
                servers_};
  const std::unique_ptr<common::mysql::Connection> database_ = OpenDatabase(one_.database());
  common::redis::Redis client_{{.port = redis_.port(), .pool_size = 2}};
  PoolCensus census_{client_, game_};
  RandomPlayers players_{{StackOf(one_), StackOf(other_)}, game_, kStreamers};
  common::testing::TempDir copy_;
  std::optional<steady_clock::time_point> copied_at_;
  uint32_t most_members_ = 0;
  uint64_t looks_ = 0;
  uint64_t kills_ = 0;
  uint64_t restarts_ = 0;
  uint64_t fall_backs_ = 0;
  int ends_ = 0;
};

TEST_F(AudienceChaos, NobodyIsLostAndNobodySitsTwice) {
  const uint64_t seed = NumberFrom("CHAOS_SEED", std::random_device()());
  const auto length = seconds(NumberFrom("CHAOS_SECONDS", 20));
  SCOPED_TRACE("CHAOS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Events events(nats_.url());
  ASSERT_TRUE(players_.Seed(kPoolSize).ok());

  players_.Start(kHands, random());
  const auto end = steady_clock::now() + length;
  while (steady_clock::now() < end && !HasFailure()) {
    if (!copied_at_) KeepCopy();
    const uint64_t before = players_.done();
    EXPECT_TRUE(Eventually(
        [&] {
          Look();
          return HasFailure() || players_.done() > before + kDoneBetween;
        },
        kPatience, std::chrono::milliseconds(50)))
        << "the players get nothing done";
    Disaster(random);
    Look();
  }
  players_.Stop();
  EXPECT_EQ(players_.faults(), std::vector<std::string>());
  EXPECT_GT(most_members_, 0u);
  EXPECT_GT(fall_backs_, 0u);

  Look();
  ExpectThePoolToSayTheSame();
  ExpectOneActiveSessionAStreamer();
  EndAll();
  ExpectEachEndToCountOnce(events);
  ExpectThePoolToSayTheSame();
  std::cout << players_.done() << " calls carried out, " << kills_ << " kills, " << restarts_
            << " crashes of Redis, " << fall_backs_ << " fall-backs, " << looks_
            << " looks, at most " << most_members_ << " members in " << kStreamers << " audiences, "
            << ends_ << " ends, CHAOS_SEED=" << seed << "\n";
  for (const auto& [answer, count] : players_.answers()) {
    std::cout << "  " << answer << " " << count << "\n";
  }
}

}  // namespace
}  // namespace story
