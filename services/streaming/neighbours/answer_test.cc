#include "services/streaming/neighbours/answer.h"

#include <gtest/gtest.h>

namespace streaming::neighbours {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Answer, SaysWhetherTheCommandIsDoneWaitsOrIsRefused) {
  for (const int status : {200, 201, 202, 204, 299}) EXPECT_EQ(Judge(status), Verdict::kDelivered);
  for (const int status : {301, 307, 401, 403, 404, 405, 407, 408, 425, 429, 502, 503, 504}) {
    EXPECT_EQ(Judge(status), Verdict::kUnavailable) << status;
  }
  for (const int status : {409, 500, 501, 505, 599}) EXPECT_EQ(Judge(status), Verdict::kFailed);
  for (const int status : {400, 410, 413, 422, 451}) {
    EXPECT_EQ(Judge(status), Verdict::kRefused) << status;
  }
}

TEST(Answer, PausesGrowToAMinute) {
  EXPECT_EQ(PauseAfter(0, std::nullopt), seconds(1));
  EXPECT_EQ(PauseAfter(1, std::nullopt), seconds(1));
  EXPECT_EQ(PauseAfter(2, std::nullopt), seconds(2));
  EXPECT_EQ(PauseAfter(6, std::nullopt), seconds(32));
  EXPECT_EQ(PauseAfter(7, std::nullopt), seconds(60));
  EXPECT_EQ(PauseAfter(UINT64_MAX, std::nullopt), seconds(60));
}

TEST(Answer, ANeighbourMayAskForALongerPauseWithinBounds) {
  EXPECT_EQ(PauseAfter(1, seconds(20)), seconds(20));
  EXPECT_EQ(PauseAfter(7, seconds(20)), seconds(60));
  EXPECT_EQ(PauseAfter(1, seconds(1'000'000)), seconds(300));
  EXPECT_EQ(PauseAfter(1, seconds::max()), seconds(300));
  EXPECT_EQ(PauseAfter(1, seconds(-5)), seconds(1));
}

}  // namespace
}  // namespace streaming::neighbours
