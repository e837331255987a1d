#include "services/stream/privacy/wipe.h"

#include <gtest/gtest.h>

namespace stream::privacy {
namespace {

TEST(Wipe, LeavesNothingOfShortAndLongTexts) {
  for (const size_t size : {0, 5, 5000}) {
    std::string text(size, 'w');
    WipeReceived(text);
    EXPECT_EQ(text, std::string(size, '\0'));
  }
}

}  // namespace
}  // namespace stream::privacy
