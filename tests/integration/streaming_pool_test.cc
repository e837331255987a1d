// Seeding a game's pool on a real database.
#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/errors.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::pool {
namespace {

using common::Uuid;
using common::errors::Is;
using common::testing::SharedMariaDb;

common::mysql::Options FreshDatabase() {
  common::mysql::Options options;
  options.port = SharedMariaDb().port();
  options.user = SharedMariaDb().user();
  options.password = common::config::Secret(SharedMariaDb().password());
  options.database = SharedMariaDb().CreateDatabase();
  return options;
}

TEST(PoolStoreTest, ARepeatedSeedingAddsOnce) {
  common::mysql::Pool mysql(FreshDatabase());
  ASSERT_TRUE(common::mysql::Migrate(mysql.options(), migrations::Files()).ok());
  PoolStore pools(mysql);
  const Uuid game = Uuid::V4(), request = Uuid::V4();
  const common::Time now = common::Now();
  EXPECT_TRUE(Is(pools.Get(game).status(), kGameServiceNotSeeded));

  const auto first = pools.Seed(game, 100, {}, request, now);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->size, 100u);
  ASSERT_TRUE(pools.Seed(game, 50, {}, std::nullopt, now).ok());
  const auto again = pools.Seed(game, 100, {}, request, now);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->size, first->size);
  EXPECT_EQ((*pools.Get(game))->spec().size, 150u);

  EXPECT_TRUE(
      Is(pools.Seed(game, 101, {}, request, now).status(), common::errors::kRequestIdReused));
  EXPECT_TRUE(Is(pools.Seed(game, kMaxPoolSize, {}, {}, now).status(), kPoolFull));
}

}  // namespace
}  // namespace streaming::pool
