// The cluster mode of libs/common/redis on a real cluster, whose slots move and whose masters die.
#include <atomic>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/redis_cluster.h"

namespace common::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using testing::RedisCluster;
using testing::RedisServer;

constexpr const char* kLibrary = R"lua(#!lua name=test_v1
redis.register_function('bump', function(keys, args)
  for i = 1, #keys do redis.call('INCRBY', keys[i], args[1]) end
  return redis.call('GET', keys[1])
end)
)lua";

// Two of one slot; as slots are dealt at first, some of each master.
constexpr const char* kKeys[] = {"{hello}a", "{hello}b", "foo", "bar", "c"};

class RedisClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* key : kKeys) ASSERT_TRUE(redis_.Command({"DEL", key}).ok());
  }

  Options OptionsFor() const {
    Options options;
    options.cluster = cluster_.seeds();
    options.pool_size = 4;
    return options;
  }

  RedisCluster& cluster_ = testing::SharedRedisCluster();
  Redis redis_{OptionsFor()};
  Functions functions_{redis_, kLibrary};
};

TEST_F(RedisClusterTest, EveryKeyHasItsMaster) {
  std::set<int> ports;
  for (const char* key : kKeys) {
    ASSERT_TRUE(redis_.Command({"SET", key, key}).ok());
    RedisServer& master = cluster_.MasterOf(key);
    ports.insert(master.port());
    EXPECT_EQ(cluster_.At(master).Command({"GET", key})->text(), key);
    EXPECT_EQ(redis_.Command({"GET", key})->text(), key);
  }
  EXPECT_GT(ports.size(), 1u);
  EXPECT_EQ(redis_.cluster_stats().moved, 0u) << "the map said where";
  EXPECT_EQ(redis_.cluster_stats().maps_read, 1u);
}

TEST_F(RedisClusterTest, OneSeedOfManyIsEnough) {
  Options options = OptionsFor();
  options.cluster = {{"127.0.0.1", testing::FreePort()}, cluster_.seeds().back()};
  EXPECT_TRUE(Redis(options).Command({"SET", "foo", "x"}).ok());
}

TEST_F(RedisClusterTest, APipelineAnswersInOrderWhateverTheNodes) {
  const std::vector<std::vector<std::string>> commands = {
      {"SET", "foo", "1"}, {"SET", "bar", "2"}, {"LPUSH", "foo", "x"}, {"INCR", "{hello}a"},
      {"INCR", "foo"},     {"GET", "bar"},      {"ECHO", "hi"}};
  const auto replies = redis_.Pipeline(commands);
  ASSERT_EQ(replies->size(), commands.size());
  EXPECT_EQ(ErrorCode((*replies)[2].status()), "WRONGTYPE");
  EXPECT_EQ((*replies)[3].integer(), 1);
  EXPECT_EQ((*replies)[4].integer(), 2);
  EXPECT_EQ((*replies)[5].text(), "2");
  EXPECT_EQ((*replies)[6].text(), "hi");
}

TEST_F(RedisClusterTest, WhatNeedsTwoNodesIsRefusedBeforeItIsSent) {
  const std::vector<std::vector<std::string>> commands = {{"INCR", "foo"}, {"DEL", "foo", "bar"}};
  EXPECT_EQ(redis_.Pipeline(commands).status().code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(redis_.Command({"GET", "foo"})->is_nil());
  EXPECT_EQ(functions_.Call("bump", {"foo", "bar"}, {"1"}).status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(RedisClusterTest, CommandsWithoutAKeyGoToAnyMaster) {
  EXPECT_EQ(redis_.Command({"PING"})->text(), "PONG");
  EXPECT_EQ(redis_.Command({"TIME"})->size(), 2u);
  EXPECT_TRUE(redis_.Probe().ok());
}

TEST_F(RedisClusterTest, FunctionsAreOnEveryMasterAndComeBackWhereTheyGotLost) {
  ASSERT_TRUE(functions_.Load().ok());
  for (const char* key : {"{hello}a", "foo", "c"}) {
    Redis& node = cluster_.At(cluster_.MasterOf(key));
    EXPECT_NE(node.Command({"FUNCTION", "LIST"})->size(), 0u);
    ASSERT_TRUE(node.Command({"FUNCTION", "FLUSH"}).ok());
    EXPECT_EQ(functions_.Call("bump", {key}, {"3"})->text(), "3");
  }
  EXPECT_EQ(ErrorCode(functions_.Call("absent", {"foo"}, {}).status()), kFunctionNotFound);
}

TEST_F(RedisClusterTest, ASlotThatMovedIsFollowedAndRemembered) {
  ASSERT_TRUE(redis_.Command({"INCR", "foo"}).ok());
  cluster_.MoveSlotOf("foo");
  EXPECT_EQ(redis_.Command({"INCR", "foo"})->integer(), 2)
      << "not idempotent, and carried out once";
  EXPECT_EQ(redis_.cluster_stats().moved, 1u);
  EXPECT_EQ(redis_.Command({"INCR", "foo"})->integer(), 3);
  EXPECT_EQ(redis_.cluster_stats().moved, 1u);
}

TEST_F(RedisClusterTest, WhileASlotMovesItsKeysAreWhereTheyAre) {
  ASSERT_TRUE(redis_.Command({"SET", "{hello}a", "1"}).ok());
  ASSERT_TRUE(redis_.Command({"SET", "{hello}b", "1"}).ok());
  const auto move = cluster_.Begin("{hello}");
  cluster_.Send(move, {"{hello}a"});
  EXPECT_EQ(redis_.Command({"INCR", "{hello}a"})->integer(), 2) << "there already: ASK";
  EXPECT_EQ(redis_.Command({"INCR", "{hello}b"})->integer(), 2) << "not there yet";
  EXPECT_EQ(redis_.Command({"INCR", "{hello}a"})->integer(), 3);
  EXPECT_EQ(redis_.cluster_stats().asked, 2u) << "an ASK is for once";
  EXPECT_EQ(redis_.cluster_stats().moved, 0u);

  // Nobody has both: refused, not carried out in part.
  const auto refused = functions_.Call("bump", {"{hello}a", "{hello}b"}, {"10"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorCode(refused.status()), "TRYAGAIN");
  EXPECT_EQ(redis_.Command({"GET", "{hello}a"})->text(), "3");
  EXPECT_EQ(redis_.Command({"GET", "{hello}b"})->text(), "2");

  cluster_.Send(move, {"{hello}b"});
  cluster_.End(move);
  EXPECT_EQ(functions_.Call("bump", {"{hello}a", "{hello}b"}, {"10"})->text(), "13");
  EXPECT_EQ(redis_.Command({"GET", "{hello}b"})->text(), "12");
}

TEST_F(RedisClusterTest, WhoNeedsAWholeSlotWaitsForItsMove) {
  ASSERT_TRUE(redis_.Command({"SET", "{hello}a", "1"}).ok());
  ASSERT_TRUE(redis_.Command({"SET", "{hello}b", "1"}).ok());
  const auto move = cluster_.Begin("{hello}");
  cluster_.Send(move, {"{hello}a"});
  absl::StatusOr<Reply> reply = absl::UnavailableError("");
  std::thread caller([&] { reply = functions_.Call("bump", {"{hello}a", "{hello}b"}, {"1"}); });
  EXPECT_TRUE(testing::Eventually([&] { return redis_.cluster_stats().waits > 0; }));
  cluster_.Send(move, {"{hello}b"});
  cluster_.End(move);
  caller.join();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "2");
}

// Calls go on while a slot is moved to and fro under them, and none is carried out twice.
TEST_F(RedisClusterTest, NothingIsLostOrDoubledWhileASlotMoves) {
  constexpr int kThreads = 3;
  std::atomic<int> done = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const auto reply = functions_.Call("bump", {"{hello}a", "{hello}b"}, {"1"});
        EXPECT_TRUE(reply.ok()) << reply.status();
        done += reply.ok();
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    const int before = done;
    EXPECT_TRUE(testing::Eventually([&] { return done > before + 100; }));
    cluster_.MoveSlotOf("{hello}");
  }
  threads.clear();
  EXPECT_EQ(redis_.Command({"GET", "{hello}a"})->text(), std::to_string(done));
  EXPECT_EQ(redis_.Command({"GET", "{hello}b"})->text(), std::to_string(done));
}

TEST_F(RedisClusterTest, ACallCutOffMidwayIsRepeatedOnlyIfItMayBe) {
  for (const bool idempotent : {false, true}) {
    Redis& node = cluster_.At(cluster_.MasterOf("foo"));
    ASSERT_TRUE(redis_.Command({"DEL", "foo"}).ok());
    absl::Status status;
    std::thread caller([&] {
      status = redis_.Command({"BLPOP", "foo", "1"}, {.idempotent = idempotent}).status();
    });
    EXPECT_TRUE(testing::Eventually([&] {
      return node.Command({"INFO", "clients"})->text().find("blocked_clients:1") !=
             std::string_view::npos;
    }));
    EXPECT_TRUE(node.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}).ok());
    EXPECT_TRUE(node.Command({"RPUSH", "foo", "go"}).ok());
    caller.join();
    EXPECT_EQ(status.ok(), idempotent) << status;
  }
}

TEST_F(RedisClusterTest, TheUserOfTheHandbookIsAllowedWhatItTakes) {
  const std::vector<std::vector<std::string>> user = {
      {"ACL", "SETUSER", "app", "on", ">right", "~foo*", "-@all", "+@read", "+@write",
       "+@scripting", "+@connection", "+time", "-@dangerous", "+cluster|slots", "+cluster|info"}};
  for (const auto& seed : cluster_.seeds()) {
    Redis node({.port = seed.port});
    ASSERT_TRUE(node.Pipeline(user)->front().status().ok());
  }
  Options options = OptionsFor();
  options.user = "app";
  options.password = config::Secret("right");
  Redis redis(options);
  EXPECT_TRUE(redis.Probe().ok());
  EXPECT_TRUE(redis.Command({"SET", "foo", "x"}).ok());
  EXPECT_EQ(ErrorCode(redis.Command({"SET", "bar", "x"}).status()), "NOPERM");
  const auto move = cluster_.Begin("foo");
  cluster_.Send(move, {"foo"});
  EXPECT_EQ(redis.Command({"GET", "foo"})->text(), "x") << "ASKING";
  cluster_.End(move);
  options.password = config::Secret("wrong");
  EXPECT_EQ(ErrorCode(Redis(options).Command({"PING"}).status()), "WRONGPASS");
}

TEST(RedisClusterSettings, OneServerIsNoClusterAndTheOtherWayRound) {
  RedisServer server;
  Options options;
  options.cluster = {{server.host(), server.port()}};
  const absl::Status status = Redis(options).Command({"GET", "foo"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
}

TEST_F(RedisClusterTest, ADeadMasterIsReplacedAndMissedByNobodyElse) {
  ASSERT_TRUE(functions_.Load().ok());
  ASSERT_TRUE(redis_.Command({"SET", "foo", "1"}).ok());
  const auto other = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const char* key) {
    return &cluster_.MasterOf(key) != &cluster_.MasterOf("foo");
  });
  ASSERT_NE(other, std::end(kKeys));
  cluster_.AwaitReplicated("foo");
  RedisServer& victim = cluster_.MasterOf("foo");
  victim.Pause();
  {
    const DeadlineScope scope(milliseconds(100));
    const auto begun = steady_clock::now();
    EXPECT_EQ(redis_.Command({"GET", "foo"}).status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_LT(steady_clock::now() - begun, milliseconds(1000));
  }
  victim.Resume();
  ASSERT_TRUE(testing::Eventually([&] { return redis_.Command({"GET", "foo"}).ok(); }));
  victim.Kill();
  {
    const DeadlineScope scope(milliseconds(100));
    EXPECT_EQ(redis_.Command({"GET", "foo"}).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_TRUE(redis_.Command({"GET", *other}).ok()) << "others notice nothing";
  EXPECT_EQ(redis_.Command({"GET", "foo"}).status().code(), absl::StatusCode::kUnavailable);
  const auto begun = steady_clock::now();
  EXPECT_EQ(redis_.Command({"GET", "foo"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(500)) << "one waited in vain for all";

  absl::StatusOr<Reply> reply = absl::UnavailableError("");
  EXPECT_TRUE(
      testing::Eventually([&] { return (reply = functions_.Call("bump", {"foo"}, {"1"})).ok(); },
                          std::chrono::seconds(30)));
  EXPECT_EQ(reply->text(), "2") << "the promoted replica has the value and the Functions";
  EXPECT_NE(&cluster_.MasterOf("foo"), &victim);
  victim.Start();
  cluster_.AwaitWhole();
  EXPECT_EQ(redis_.Command({"INCR", "foo"})->integer(), 3);
}

}  // namespace
}  // namespace common::redis
