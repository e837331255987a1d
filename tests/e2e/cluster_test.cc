// Both daemons on a real Redis Cluster, whose slots move and whose masters die while they work.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <gtest/gtest.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/redis_cluster.h"
#include "tests/e2e/game.h"
#include "tests/story/events.h"
#include "tests/story/story.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::RedisCluster;
using common::testing::RedisServer;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr int kPool = 5000;
constexpr int kStreams = 4;
constexpr auto kBetweenReactions = std::chrono::milliseconds(30);
// The daemon remembers a few more request ids of a session.
constexpr size_t kReactionsMax = 1000;

// Keys of a game's only shard.
std::string KeyOf(const Game& game, const std::string& rest) {
  return "streaming:{" + game.id().ToString() + ":0}:" + rest;
}

// How many members are taken by the bitmap and by all sessions together, in one look.
constexpr const char* kCensus = R"lua(
local members = 0
for i = 2, #KEYS do members = members + (redis.call('HGET', KEYS[i], 'count') or 0) end
return {redis.call('BITCOUNT', KEYS[1]), members}
)lua";

// A game server that reports moments until it is told to stop. A call that fails is made again
// under its request id.
class Reporter {
 public:
  Reporter(Game& game, const Stream& stream)
      : game_(game), stream_(stream), thread_([this] { Work(); }) {}
  ~Reporter() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<Uuid> acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }

 private:
  void Work() {
    while (!stop_) {
      const Uuid request = Uuid::V4();
      absl::Status told = absl::UnknownError("");
      EXPECT_TRUE(Eventually(
          [&] {
            told = game_.ServerTells(stream_, v1::REACTION_EVENT_TYPE_RARE_ITEM, 0.5f, request)
                       .status();
            return told.ok();
          },
          kPatience))
          << told;
      {
        const std::lock_guard lock(mutex_);
        if (told.ok()) acknowledged_.push_back(request);
        if (acknowledged_.size() == kReactionsMax) return;
      }
      Eventually([&] { return stop_.load(); }, kBetweenReactions);
    }
  }

  Game& game_;
  const Stream& stream_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<Uuid> acknowledged_;
  std::thread thread_;
};

// As docs/operations.md wants it. The tests leave it whole.
RedisCluster& TheCluster() {
  static RedisCluster cluster({"--min-replicas-to-write", "1", "--min-replicas-max-lag", "10"});
  return cluster;
}

class ClusterTest : public testing::Test {
 protected:
  // What connects a daemon to it.
  std::vector<std::string> Settings(const std::vector<std::string>& more) const {
    std::vector<std::string> settings = {"REDIS_ADDR=" + cluster_.addresses(),
                                         "REDIS_CLUSTER=true"};
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
  }

  RedisCluster& cluster_ = TheCluster();
  common::redis::Redis redis_{{.cluster = cluster_.seeds()}};
};

class GameOnAClusterTest : public ClusterTest {
 protected:
  GameOnAClusterTest() {
    game_.Seed(kPool);
    for (int i = 0; i < kStreams; ++i) streams_.push_back(game_.GoLive());
    for (const Stream& stream : streams_) {
      reporters_.push_back(std::make_unique<Reporter>(game_, stream));
    }
  }

  // Every bit that is set is a member of exactly one session.
  void CheckMembers() {
    std::vector<std::string_view> words = {"EVAL", kCensus, "", taken_};
    std::vector<std::string> keys;
    for (const Stream& stream : streams_) {
      keys.push_back(KeyOf(game_, "session:" + stream.session));
    }
    words.insert(words.end(), keys.begin(), keys.end());
    const std::string count = std::to_string(words.size() - 3);
    words[2] = count;
    absl::StatusOr<common::redis::Reply> census = absl::UnknownError("");
    ASSERT_TRUE(Eventually([&] { return (census = redis_.Command(words)).ok(); }, kPatience))
        << census.status();
    EXPECT_EQ((*census)[0].integer(), (*census)[1].integer());
    EXPECT_GT((*census)[0].integer(), 0);
  }
  // As many reactions of each stream as there are now, and some more.
  void AwaitReactions(size_t more) {
    for (const auto& reporter : reporters_) {
      const size_t wanted = std::min(reporter->acknowledged().size() + more, kReactionsMax);
      ASSERT_TRUE(Eventually([&] { return reporter->acknowledged().size() >= wanted; }, kPatience));
    }
  }
  std::vector<std::vector<Uuid>> Acknowledged() const {
    std::vector<std::vector<Uuid>> all;
    for (const auto& reporter : reporters_) all.push_back(reporter->acknowledged());
    return all;
  }
  // How many of a stream's requests Redis does not know.
  size_t CountForgotten(const Stream& stream, const std::vector<Uuid>& requests) {
    const std::string key = KeyOf(game_, "session:" + stream.session + ":answers");
    std::vector<std::vector<std::string>> commands;
    commands.reserve(requests.size());
    for (const Uuid& request : requests) commands.push_back({"HEXISTS", key, request.ToBytes()});
    const auto replies = redis_.Pipeline(commands, {.idempotent = true});
    if (!replies.ok()) return requests.size();
    return static_cast<size_t>(std::count_if(
        replies->begin(), replies->end(), [](const auto& reply) { return reply.integer() == 0; }));
  }

  v1::StreamSessionSummary EndOf(const Stream& stream) {
    v1::StreamSessionSummary summary;
    std::string problem;
    EXPECT_TRUE(Eventually(
        [&] {
          try {
            summary = game_.End(stream);
            return true;
          } catch (const std::runtime_error& error) {
            problem = error.what();
            return false;
          }
        },
        kPatience))
        << problem;
    return summary;
  }

  // Everybody is home, and what was told was told once.
  void CheckTheEnd(const std::vector<v1::StreamSessionSummary>& summaries) {
    EXPECT_EQ(redis_.Command({"BITCOUNT", taken_})->integer(), 0);
    EXPECT_EQ(game_.Pool()->available_members(), kPool);
    int followers = 0;
    for (const auto& summary : summaries) followers += summary.new_followers();
    EXPECT_TRUE(events_.Arrive<v1::StreamingSessionEndedEvent>(kStreams));
    EXPECT_TRUE(events_.Arrive<v1::StreamingFollowGainedEvent>(static_cast<size_t>(followers)));
    EXPECT_GT(followers, 0);
    EXPECT_EQ(events_.Of<v1::StreamingFollowGainedEvent>().size(), static_cast<size_t>(followers));
    std::multiset<std::string> ended;
    for (const auto& event : events_.Of<v1::StreamingSessionEndedEvent>()) {
      ended.insert(event.session_id());
    }
    const auto database = OpenDatabase(side_.daemon.database());
    for (const Stream& stream : streams_) {
      EXPECT_EQ(ended.count(stream.session), 1u);
      EXPECT_TRUE(Eventually([&] {
        const auto rows = ValueOf(
            database->Query("SELECT sessions FROM streamer WHERE streamer_id = ?", stream.account));
        return rows.size() == 1 && rows[0].Get<int>(0) == 1;
      })) << "its career counts it once";
    }
    CheckTrains();
  }
  // Each train of the record began once and is over. The sessions have ended, so the record is
  // whole when no transition waits for it.
  void CheckTrains() {
    EXPECT_TRUE(Eventually(
        [&] {
          const auto waiting = redis_.Command({"LLEN", KeyOf(game_, "hype:pending")});
          return waiting.ok() && waiting->integer() == 0;
        },
        kPatience));
    const auto database = OpenDatabase(side_.daemon.database());
    const size_t trains = ValueOf(database->Query("SELECT id FROM hype_train")).size();
    EXPECT_GT(trains, 0u);
    const auto all_told = [&] {
      return events_.Of<v1::StreamingHypeTriggeredEvent>().size() >= trains &&
             events_.Of<v1::StreamingHypeCompletedEvent>().size() >= trains;
    };
    EXPECT_TRUE(Eventually(all_told, kPatience));
    std::set<std::string> begun;
    std::set<std::string> completed;
    for (const auto& event : events_.Of<v1::StreamingHypeTriggeredEvent>()) {
      EXPECT_TRUE(begun.insert(event.hype_id()).second);
    }
    for (const auto& event : events_.Of<v1::StreamingHypeCompletedEvent>()) {
      EXPECT_TRUE(completed.insert(event.hype_id()).second);
    }
    EXPECT_EQ(begun.size(), trains);
    EXPECT_EQ(begun, completed);
  }

  const Events events_{common::testing::SharedNats().url()};
  const GameSide side_{
      Settings({"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "FOLLOW_CONVERSION_SESSION_COUNT=1",
                "INTEREST_THRESHOLD_FOR_FOLLOW=0.3", "HYPE_TRAIN_DURATION_SECONDS=5",
                "HYPE_TRAIN_COOLDOWN_SECONDS=0"})};
  Game game_{side_.daemon};
  const std::string taken_ = KeyOf(game_, "taken");
  std::vector<Stream> streams_;
  std::vector<std::unique_ptr<Reporter>> reporters_;
};

TEST_F(GameOnAClusterTest, PlaysOnWhileSlotsMoveAndItsMasterIsKilled) {
  AwaitReactions(5);
  for (int i = 0; i < 3; ++i) {
    const auto move = cluster_.Begin(taken_);
    for (auto key = cluster_.KeysLeft(move, 1); !key.empty(); key = cluster_.KeysLeft(move, 1)) {
      cluster_.Send(move, key);
    }
    cluster_.End(move);
    CheckMembers();
    AwaitReactions(5);
  }
  EXPECT_GT(side_.daemon.Metric("redis_cluster_redirects_total{kind=\"moved\"}"), 0);

  // What a replica has is safe. What is acknowledged between that and the crash may be lost.
  const auto before = Acknowledged();
  cluster_.AwaitReplicated(taken_);
  RedisServer& victim = cluster_.KillMasterOf(taken_);
  victim.Start();
  cluster_.AwaitWhole();
  const auto between = Acknowledged();
  CheckMembers();
  AwaitReactions(20);
  CheckMembers();
  EXPECT_EQ(side_.daemon.Get("/readyz").status, 200);

  size_t forgotten = 0;
  for (size_t i = 0; i < reporters_.size(); ++i) {
    reporters_[i]->Stop();
    EXPECT_EQ(CountForgotten(streams_[i], before[i]), 0u) << "was on the replica";
    const auto after = reporters_[i]->acknowledged();
    EXPECT_EQ(CountForgotten(streams_[i],
                             {after.begin() + static_cast<long>(between[i].size()), after.end()}),
              0u)
        << "was acknowledged by the new master";
    forgotten += CountForgotten(streams_[i], between[i]);
  }
  RecordProperty("acknowledged_and_lost", static_cast<int>(forgotten));

  std::vector<v1::StreamSessionSummary> summaries;
  for (const Stream& stream : streams_) summaries.push_back(EndOf(stream));
  CheckTheEnd(summaries);
}

// Moves each slot that has keys, one after the other, for as long as it lives.
class Mover {
 public:
  explicit Mover(RedisCluster& cluster) : cluster_(cluster), thread_([this] { Work(); }) {}
  ~Mover() {
    stop_ = true;
    thread_.join();
  }
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

 private:
  void Work() {
    while (!stop_) {
      for (const std::string& key : cluster_.KeysInUse()) {
        if (!stop_) cluster_.MoveSlotOf(key);
      }
      Eventually([&] { return stop_.load(); }, std::chrono::milliseconds(200));
    }
  }

  RedisCluster& cluster_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(ClusterTest, TheWholeStoryHappensOnceWhileEverythingMoves) {
  const Events events(common::testing::SharedNats().url());
  const PlatformSide platform_side(Settings({}));
  const GameSide game_side(
      Settings({"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "FOLLOW_CONVERSION_SESSION_COUNT=1",
                "INTEREST_THRESHOLD_FOR_FOLLOW=0.3"}));
  const Stack stack{.stream_grpc = platform_side.daemon.grpc_address(),
                    .streaming_grpc = game_side.daemon.grpc_address(),
                    .platform_sim = platform_side.sim.address(),
                    .auth_key = common::config::Secret(kAuthKey)};
  Story story(stack, {.chat_seconds = 2, .between_moments = std::chrono::seconds(1)},
              [](const std::string&) {});
  {
    const Mover mover(cluster_);
    const absl::Status told = Tell(story, stack);
    ASSERT_TRUE(told.ok()) << told;
  }
  const Outcome& outcome = story.outcome();
  EXPECT_EQ(outcome.pool_after.available_members(), outcome.pool.created());
  EXPECT_EQ(outcome.career.total_stream_sessions(), 1);
  EXPECT_TRUE(outcome.truth.has_last_pulse_at());
  EXPECT_TRUE(events.Arrive<bannou::stream::v1::StreamPlatformSessionEndedEvent>(1));
  const auto pulses = events.Of<bannou::stream::v1::SentimentPulse>();
  EXPECT_FALSE(pulses.empty());
  std::set<std::string> ids;
  for (const auto& pulse : pulses) {
    EXPECT_TRUE(ids.insert(pulse.pulse_id()).second) << "a pulse was published twice";
  }
  for (const Daemon* daemon : {&platform_side.daemon, &game_side.daemon}) {
    EXPECT_GT(daemon->Metric("redis_cluster_redirects_total{kind=\"moved\"}"), 0)
        << "REDIS_CLUSTER";
  }
}

}  // namespace
}  // namespace story
