// The audience Functions on a Redis Cluster while the slot of their shard is on its way.
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "libs/common/testing/redis_cluster.h"
#include "services/streaming/audience/audience_store.h"

namespace streaming::audience {
namespace {

using common::Uuid;
using common::testing::RedisCluster;

std::string Library() {
  std::ifstream file("services/streaming/redis/audience.lua");
  return {std::istreambuf_iterator<char>(file), {}};
}

class AudienceClusterTest : public testing::Test {
 protected:
  static common::redis::Options OptionsFor() {
    common::redis::Options options;
    options.cluster = common::testing::SharedRedisCluster().seeds();
    options.io_timeout =
        std::chrono::milliseconds(300);  // how long what is on its way is waited for
    return options;
  }
  Nonce Open(const Uuid& session, uint32_t run) {
    const Demand demand{.run = run, .count = 10, .start = 0, .members = kWholeRun};
    const auto opened = store_.Open(shard_, session, {.demands = {demand}, .capacity = 10});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->nonce : "";
  }

  RedisCluster& cluster_ = common::testing::SharedRedisCluster();
  common::redis::Redis redis_{OptionsFor()};
  common::redis::Functions functions_{redis_, Library()};
  AudienceStore store_{redis_, functions_};
  const Shard shard_{Uuid::V4(), 0};
  const Uuid first_ = Uuid::V4();
  const Uuid second_ = Uuid::V4();
};

TEST_F(AudienceClusterTest, NobodyIsFreedBecauseItsSessionIsOnItsWay) {
  const Nonce nonce = Open(first_, 0);
  Open(second_, 1);
  const auto move = cluster_.Begin(TakenKey(shard_));
  cluster_.Send(move, {TakenKey(shard_), SessionsKey(shard_), SessionKey(shard_, first_)});

  for (const absl::Status& status :
       {store_.Audit(shard_).status(),
        store_.Apply(shard_, first_, {.expected = nonce, .capacity = 10}).status(),
        store_.Release(shard_, second_).status()}) {
    EXPECT_EQ(common::redis::ErrorCode(status), "TRYAGAIN") << status;
  }
  EXPECT_EQ((*store_.Read(shard_, first_))->count, 10u) << "is read where it is";
  EXPECT_EQ((*store_.Read(shard_, second_))->count, 10u);
  EXPECT_EQ(*store_.CountTaken(shard_), 20u);

  cluster_.Send(move, {SessionKey(shard_, second_), LogKey(shard_)});
  cluster_.End(move);
  const auto audited = store_.Audit(shard_);
  ASSERT_TRUE(audited.ok()) << audited.status();
  EXPECT_EQ(audited->bits_before, 20u);
  EXPECT_EQ(audited->members, 20u);
  EXPECT_TRUE(store_.Apply(shard_, first_, {.expected = nonce, .capacity = 10}).ok());
}

}  // namespace
}  // namespace streaming::audience
