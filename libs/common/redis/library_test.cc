#include "libs/common/redis/library.h"

#include <gtest/gtest.h>

namespace common::redis {
namespace {

constexpr std::string_view kSource =
    "#!lua name=box_v1\nredis.register_function('box_v1_open', open)\n";

TEST(Library, SaysInItsNameAndThoseOfItsFunctionsWhatIsInIt) {
  const std::string stamped = Stamped(kSource);
  const std::string name = stamped.substr(11, stamped.find('\n') - 11);
  EXPECT_EQ(name.size(), std::string("box_v1__12345678").size());
  EXPECT_EQ(stamped,
            "#!lua name=" + name + "\nredis.register_function('" + name + "_open', open)\n");
  EXPECT_EQ(NameIn(stamped, "box_v1_open"), name + "_open");
  EXPECT_EQ(Stamped(kSource), stamped);
  EXPECT_NE(NameIn(Stamped(std::string(kSource) + "-- more"), "box_v1_open"), name + "_open");
}

TEST(Library, ThatIsNotStampedKeepsItsNames) {
  EXPECT_EQ(NameIn(kSource, "box_v1_open"), "box_v1_open");
  EXPECT_EQ(NameIn(Stamped(kSource), "other"), "other");
  EXPECT_EQ(Stamped("no library"), "no library");
  EXPECT_EQ(NameIn("no library", "box"), "box");
}

}  // namespace
}  // namespace common::redis
