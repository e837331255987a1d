// Two instances that share one Redis, and an account that calls both.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "libs/common/errors/errors.h"
#include "libs/common/ratelimit/limiter.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"

namespace common::ratelimit {
namespace {

using std::chrono::steady_clock;

redis::Options OptionsFor(const testing::Server& server) {
  redis::Options options;
  options.host = server.host();
  options.port = server.port();
  return options;
}

// A daemon's worth of it.
struct Instance {
  Instance(const testing::Server& server, Rate rate, std::string name = "test")
      : redis(OptionsFor(server)), limiter(std::move(name), rate, redis, metrics) {}

  metrics::Registry metrics;
  redis::Redis redis;
  Limiter limiter;
};

class RateLimitTest : public ::testing::Test {
 protected:
  testing::RedisServer server_;
  const Uuid account_ = Uuid::V4();
};

TEST_F(RateLimitTest, InstancesTogetherGrantNoMoreThanTheBucketHolds) {
  constexpr Rate kRate{.per_second = 10, .burst = 40};
  Instance a(server_, kRate), b(server_, kRate);
  std::atomic<int> admitted = 0;
  std::atomic<int> refused = 0;
  const auto begun = steady_clock::now();
  const auto hammer = [&](Limiter& limiter) {
    for (int i = 0; i < 200; ++i) ++(limiter.Admit(account_).ok() ? admitted : refused);
  };
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&, i] { hammer(i % 2 ? a.limiter : b.limiter); });
  }
  const double elapsed = std::chrono::duration<double>(steady_clock::now() - begun).count();
  EXPECT_GE(admitted, kRate.burst - 20) << "what a lease holds back is small";
  EXPECT_LE(admitted, kRate.burst + kRate.per_second * elapsed + 1);
  EXPECT_EQ(admitted + refused, 800);
  EXPECT_TRUE(a.limiter.Admit(Uuid::V4()).ok()) << "another account has its own bucket";
}

TEST_F(RateLimitTest, ARefusalSaysWhenTheNextCallPasses) {
  Instance instance(server_, {.per_second = 2, .burst = 1});
  ASSERT_TRUE(instance.limiter.Admit(account_).ok());
  const absl::Status refused = instance.limiter.Admit(account_);
  EXPECT_TRUE(errors::Is(refused, errors::kRateLimited)) << refused;
  EXPECT_TRUE(testing::Eventually([&] { return instance.limiter.Admit(account_).ok(); }));
}

TEST_F(RateLimitTest, DaemonsCountApart) {
  Instance a(server_, {.per_second = 1, .burst = 1}, "a");
  Instance b(server_, {.per_second = 1, .burst = 1}, "b");
  EXPECT_TRUE(a.limiter.Admit(account_).ok());
  EXPECT_TRUE(b.limiter.Admit(account_).ok());
  EXPECT_FALSE(a.limiter.Admit(account_).ok());
}

TEST_F(RateLimitTest, ABucketLeavesNothingBehindWhenItIsFullAgain) {
  Instance instance(server_, {.per_second = 100, .burst = 1});
  ASSERT_TRUE(instance.limiter.Admit(account_).ok());
  EXPECT_TRUE(
      testing::Eventually([&] { return instance.redis.Command({"DBSIZE"})->integer() == 0; }));
}

TEST_F(RateLimitTest, WithoutRedisCallsPassAndAreCounted) {
  Instance instance(server_, {.per_second = 1, .burst = 1});
  server_.Stop();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(instance.limiter.Admit(account_).ok());
  EXPECT_NE(instance.metrics.Text().find("rate_limit_unlimited_total 5"), std::string::npos);
}

}  // namespace
}  // namespace common::ratelimit
