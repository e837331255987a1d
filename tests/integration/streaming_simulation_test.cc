// The simulation's shard in memory takes and gives back the very members that the Functions in
// Redis do, whatever is asked.
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/simulation/shard.h"

namespace streaming {
namespace {

constexpr uint32_t kRuns = 12;
constexpr uint32_t kSessions = 5;
constexpr int kChanges = 400;

class Demands {
 public:
  explicit Demands(uint64_t seed) : random_(seed) {}

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  std::vector<audience::Demand> Make() {
    std::vector<audience::Demand> demands(1 + Below(6));
    for (audience::Demand& demand : demands) {
      demand = {.run = Below(kRuns),
                .count = static_cast<uint16_t>(Below(3) == 0 ? 0 : Below(80)),
                .start = static_cast<uint8_t>(Below(pool::kRunLength)),
                .members = Below(3) == 0 ? random_() : audience::kWholeRun,
                .joining = {.round = Below(1000), .interest_sum = Below(1000)}};
    }
    return demands;
  }

 private:
  std::mt19937_64 random_;
};

TEST(SimulationShardTest, TakesWhomRedisTakes) {
  common::testing::RedisServer server;
  common::redis::Options options;
  options.port = server.port();
  common::redis::Redis redis(options);
  std::ifstream file("services/streaming/redis/audience.lua");
  common::redis::Functions functions(redis, {std::istreambuf_iterator<char>(file), {}});
  ASSERT_TRUE(functions.Load().ok());
  audience::AudienceStore store(redis, functions);
  const audience::Shard key{common::Uuid::FromRandomBits(1, 1), 0};

  simulation::Shard shard(kRuns);
  std::vector<std::vector<audience::Party>> sessions(kSessions);
  Demands random(20240501);
  for (int change = 0; change < kChanges; ++change) {
    const uint32_t number = random.Below(kSessions);
    const auto id = common::Uuid::FromRandomBits(2, number);
    if (!sessions[number].empty()) {
      ASSERT_TRUE(store.Release(key, id).ok());
      shard.GiveBack(sessions[number]);
      sessions[number].clear();
      continue;
    }
    const auto demands = random.Make();
    const uint32_t room = random.Below(200);
    const auto opened = store.Open(key, id, {.demands = demands, .capacity = room});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const auto taken = shard.Take(demands, room);
    ASSERT_EQ(opened->parties, taken) << "change " << change;
    sessions[number] = taken;
    if (taken.empty()) {
      ASSERT_TRUE(store.Release(key, id).ok());
    }
    ASSERT_EQ(*store.CountTaken(key), shard.CountTaken());
  }
}

}  // namespace
}  // namespace streaming
