// Every library of Redis Functions that is shipped, beside one of another version.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "embedded/common/ratelimit/functions.h"
#include "embedded/stream/functions.h"
#include "embedded/streaming/functions.h"
#include "libs/common/redis/library.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/servers.h"

namespace common::redis {
namespace {

std::vector<embed::File> Libraries() {
  std::vector<embed::File> all;
  for (const auto& files :
       {ratelimit::functions::Files(), stream::functions::Files(), streaming::functions::Files()}) {
    all.insert(all.end(), files.begin(), files.end());
  }
  return all;
}

TEST(LibraryVersions, AllLoadBesideThoseOfAnotherVersion) {
  testing::RedisServer server;
  Options options;
  options.host = server.host();
  options.port = server.port();
  Redis redis(options);
  ASSERT_GE(Libraries().size(), 5u);
  for (const embed::File& library : Libraries()) {
    const std::string older(library.content);
    const std::string newer = older + "\n-- of a newer version\n";
    for (const std::string& source : {older, Stamped(older), Stamped(newer), Stamped(older)}) {
      const absl::Status loaded = Functions(redis, source).Load();
      EXPECT_TRUE(loaded.ok()) << library.name << ": " << loaded;
    }
  }
}

}  // namespace
}  // namespace common::redis
