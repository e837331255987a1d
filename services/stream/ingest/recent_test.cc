#include "services/stream/ingest/recent.h"

#include <string>

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

TEST(Recent, TellsRepeatsUntilTheyAreLongAgo) {
  Recent recent(3);
  EXPECT_TRUE(recent.Add("a"));
  EXPECT_FALSE(recent.Add("a"));
  for (const char* other : {"b", "c", "d"}) EXPECT_TRUE(recent.Add(other));
  EXPECT_TRUE(recent.Add("a"));
  EXPECT_FALSE(recent.Add("d"));
}

}  // namespace
}  // namespace stream::ingest
