#include <gtest/gtest.h>

#include "libs/common/testing/servers.h"

namespace common::testing {
namespace {

TEST(ServersTest, EachStartsTwiceOnTheSameDataAndPort) {
  RedisServer redis;
  NatsServer nats;
  MariaDbServer maria;
  for (Server* server :
       {static_cast<Server*>(&redis), static_cast<Server*>(&nats), static_cast<Server*>(&maria)}) {
    const std::string address = server->address();
    server->Kill();
    server->Start();
    server->Stop();
    server->Start();
    EXPECT_EQ(server->address(), address);
  }
}

TEST(ServersTest, DatabasesAreDistinct) {
  EXPECT_NE(SharedMariaDb().CreateDatabase(), SharedMariaDb().CreateDatabase());
}

TEST(ServersTest, TheirDirectoriesGoWithThem) {
  std::filesystem::path directory;
  {
    RedisServer redis;
    directory = redis.directory();
    EXPECT_TRUE(std::filesystem::exists(directory));
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
}

}  // namespace
}  // namespace common::testing
