#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "libs/common/redis/library.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"

namespace common::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::RedisServer;

constexpr const char* kLibrary = R"lua(#!lua name=test_v1
redis.register_function('bump', function(keys, args)
  if args[1] == 'refuse' then return redis.error_reply('STALE_NONCE private text') end
  return redis.call('INCRBY', keys[1], args[1])
end)
redis.register_function('broken', function(keys, args) return nil .. 'x' end)
)lua";

Options OptionsFor(const testing::Server& server) {
  Options options;
  options.host = server.host();
  options.port = server.port();
  options.pool_size = 4;
  return options;
}

class RedisTest : public ::testing::Test {
 protected:
  RedisServer server_;
  Redis redis_{OptionsFor(server_)};
};

TEST_F(RedisTest, KeepsAnyBytesAndTellsTypesApart) {
  const std::string bytes("\0\r\n %s \xff", 9);
  ASSERT_TRUE(redis_.Command({"SET", "k", bytes}).ok());
  EXPECT_EQ(redis_.Command({"GET", "k"})->text(), bytes);
  EXPECT_TRUE(redis_.Command({"GET", "absent"})->is_nil());
  EXPECT_EQ(redis_.Command({"STRLEN", "k"})->integer(), 9);
  ASSERT_TRUE(redis_.Command({"SET", "empty", ""}).ok());
  const auto list = redis_.Command({"MGET", "k", "absent", "empty"});
  ASSERT_TRUE(list->is_array());
  EXPECT_EQ(list->Texts(), (std::vector<std::string>{bytes, "", ""}));
  EXPECT_TRUE((*list)[1].is_nil());
}

TEST_F(RedisTest, PipelineAnswersInOrderWithErrorsInPlace) {
  const std::vector<std::vector<std::string>> commands = {
      {"SET", "n", "1"}, {"LPUSH", "n", "x"}, {"INCR", "n"}};
  const auto replies = redis_.Pipeline(commands);
  ASSERT_EQ(replies->size(), 3u);
  EXPECT_EQ(ErrorCode((*replies)[1].status()), "WRONGTYPE");
  EXPECT_EQ((*replies)[2].integer(), 2);
}

TEST_F(RedisTest, ErrorsCarryACodeAndNoText) {
  ASSERT_TRUE(redis_.Command({"SET", "secret-key", "x"}).ok());
  const absl::Status status = redis_.Command({"secret-command", "secret-key"}).status();
  EXPECT_EQ(ErrorCode(status), "ERR");
  EXPECT_EQ(status.ToString().find("secret"), std::string::npos);
  EXPECT_EQ(ErrorCode(absl::InternalError("elsewhere")), std::nullopt);
}

TEST_F(RedisTest, ARestartCostsNoCallAndNoData) {
  ASSERT_TRUE(redis_.Command({"SET", "k", "kept"}).ok());
  server_.Stop();
  EXPECT_EQ(redis_.Command({"GET", "k"}).status().code(), absl::StatusCode::kUnavailable);
  server_.Start();
  EXPECT_EQ(redis_.Command({"GET", "k"})->text(), "kept");
}

TEST_F(RedisTest, PooledConnectionsSurviveARestartUnnoticed) {
  ASSERT_TRUE(redis_.Command({"PING"}).ok());
  server_.Kill();
  server_.Start();
  EXPECT_TRUE(redis_.Command({"INCR", "n"}).ok());  // not idempotent, so never sent twice
  EXPECT_EQ(redis_.stats().open, 1u);
}

TEST_F(RedisTest, ACallCutOffMidwayIsRepeatedOnlyIfItMayBe) {
  for (const bool idempotent : {false, true}) {
    Redis redis(OptionsFor(server_));
    ASSERT_TRUE(redis.Command({"PING"}).ok());
    ASSERT_TRUE(redis.Command({"DEL", "queue"}).ok());
    absl::Status status;
    std::thread caller([&] {
      status = redis.Command({"BLPOP", "queue", "1"}, {.idempotent = idempotent}).status();
    });
    const auto blocked = [&] {
      const auto info = redis_.Command({"INFO", "clients"});
      return info->text().find("blocked_clients:1") != std::string_view::npos;
    };
    EXPECT_TRUE(testing::Eventually(blocked));
    EXPECT_TRUE(redis_.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}).ok());
    EXPECT_TRUE(redis_.Command({"RPUSH", "queue", "go"}).ok());
    caller.join();
    EXPECT_EQ(status.ok(), idempotent) << status;
  }
}

TEST_F(RedisTest, ASilentServerIsGivenUpAndTheLateAnswerIsNeverRead) {
  Options options = OptionsFor(server_);
  options.io_timeout = milliseconds(100);
  Redis redis(options);
  ASSERT_TRUE(redis.Command({"SET", "k", "old"}).ok());
  server_.Pause();
  EXPECT_EQ(redis.Command({"GET", "k"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(redis.stats().open, 0u);
  EXPECT_EQ(redis.Command({"GET", "k"}).status().code(), absl::StatusCode::kUnavailable);
  server_.Resume();
  absl::StatusOr<Reply> reply = absl::UnavailableError("");
  EXPECT_TRUE(testing::Eventually([&] { return (reply = redis.Command({"ECHO", "new"})).ok(); }));
  EXPECT_EQ(reply->text(), "new");
}

TEST_F(RedisTest, WhoWaitsForAConnectionToASilentServerIsToldWithTheFirst) {
  Options options = OptionsFor(server_);
  options.pool_size = 1;
  options.io_timeout = milliseconds(500);
  options.acquire_timeout = std::chrono::seconds(60);
  Redis redis(options);
  ASSERT_TRUE(redis.Command({"PING"}).ok());
  server_.Pause();
  std::vector<std::future<absl::Status>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(
        std::async(std::launch::async, [&] { return redis.Command({"PING"}).status(); }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get().code(), absl::StatusCode::kUnavailable);
  server_.Resume();
  EXPECT_TRUE(testing::Eventually([&] { return redis.Command({"PING"}).ok(); }));
}

TEST_F(RedisTest, TheCallersDeadlineEndsTheWait) {
  ASSERT_TRUE(redis_.Command({"PING"}).ok());
  server_.Pause();
  {
    const DeadlineScope scope(milliseconds(50));
    EXPECT_EQ(redis_.Command({"PING"}).status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(redis_.Command({"PING"}).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  server_.Resume();
  EXPECT_TRUE(redis_.Command({"PING"}).ok());
}

TEST_F(RedisTest, AnExhaustedPoolRefusesAfterABoundedWait) {
  Options options = OptionsFor(server_);
  options.pool_size = 1;
  options.acquire_timeout = milliseconds(20);
  Redis redis(options);
  std::thread holder([&] { EXPECT_TRUE(redis.Command({"BLPOP", "queue", "1"}).ok()); });
  ASSERT_TRUE(testing::Eventually([&] { return redis.stats().in_use == 1; }));
  EXPECT_EQ(redis.Command({"PING"}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(redis.stats().waits, 1u);
  ASSERT_TRUE(redis_.Command({"RPUSH", "queue", "go"}).ok());
  holder.join();
  EXPECT_TRUE(redis.Command({"PING"}).ok());
}

TEST_F(RedisTest, ManyThreadsShareFewConnections) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 200;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string mine = std::to_string(t * kCalls + i);
        const auto echo = redis_.Command({"ECHO", mine});
        if (!echo.ok() || echo->text() != mine) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(redis_.stats().open, 4u);
  EXPECT_EQ(redis_.stats().in_use, 0u);
}

TEST_F(RedisTest, APasswordIsSent) {
  ASSERT_TRUE(redis_.Command({"ACL", "SETUSER", "app", "on", ">right", "~*", "+@all"}).ok());
  Options options = OptionsFor(server_);
  options.user = "app";
  options.password = config::Secret("right");
  EXPECT_EQ(Redis(options).Command({"ACL", "WHOAMI"})->text(), "app");
  options.password = config::Secret("wrong");
  EXPECT_EQ(ErrorCode(Redis(options).Command({"PING"}).status()), "WRONGPASS");
}

class FunctionsTest : public RedisTest {
 protected:
  void SetUp() override { ASSERT_TRUE(functions_.Load().ok()); }
  Functions functions_{redis_, kLibrary};
};

TEST_F(FunctionsTest, TakeKeysAndArgumentsAndCanBeLoadedAgain) {
  ASSERT_TRUE(functions_.Load().ok());
  EXPECT_EQ(functions_.Call("bump", {"n"}, {"5"})->integer(), 5);
}

TEST_F(FunctionsTest, TheirOwnErrorCodesReachTheCallerWithoutTheText) {
  const absl::Status refused = functions_.Call("bump", {"n"}, {"refuse"}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorCode(refused), "STALE_NONCE");
  EXPECT_EQ(refused.ToString().find("private"), std::string::npos);
  EXPECT_EQ(functions_.Call("broken", {}, {}).status().code(), absl::StatusCode::kInternal);
}

TEST_F(FunctionsTest, ComeBackAfterTheServerLostThem) {
  ASSERT_TRUE(redis_.Command({"FLUSHALL"}).ok());
  ASSERT_TRUE(redis_.Command({"FUNCTION", "FLUSH"}).ok());
  EXPECT_EQ(functions_.Call("bump", {"n"}, {"1"})->integer(), 1);
}

// Of two versions of a program, each calls its own, whoever loaded last; and whoever lost it loads
// it again without taking the other's away.
TEST_F(FunctionsTest, OfTwoVersionsDoNotReplaceEachOther) {
  const auto version = [](const std::string& says) {
    return Stamped(
        "#!lua name=pair_v1\nredis.register_function('pair_v1_say', function() return '" + says +
        "' end)");
  };
  Functions older(redis_, version("old"));
  Functions newer(redis_, version("new"));
  const auto say = [](Functions& functions) {
    const auto reply = functions.Call("pair_v1_say", {}, {});
    return reply.ok() ? std::string(reply->text()) : reply.status().ToString();
  };
  ASSERT_TRUE(newer.Load().ok());
  ASSERT_TRUE(older.Load().ok());
  EXPECT_EQ(say(newer), "new");
  EXPECT_EQ(say(older), "old");
  ASSERT_TRUE(redis_.Command({"FUNCTION", "FLUSH"}).ok());
  EXPECT_EQ(say(older), "old");
  EXPECT_EQ(say(newer), "new");
  EXPECT_EQ(say(older), "old");
}

TEST_F(FunctionsTest, SurviveARestart) {
  EXPECT_EQ(functions_.Call("bump", {"n"}, {"2"})->integer(), 2);
  server_.Stop();
  server_.Start();
  EXPECT_EQ(functions_.Call("bump", {"n"}, {"2"})->integer(), 4);
}

TEST_F(FunctionsTest, AnUnknownFunctionIsAnErrorNotALoop) {
  EXPECT_EQ(ErrorCode(functions_.Call("absent", {}, {}).status()), kFunctionNotFound);
}

}  // namespace
}  // namespace common::redis
