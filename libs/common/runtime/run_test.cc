#include "libs/common/runtime/run.h"

#include <gtest/gtest.h>

namespace common::runtime {
namespace {

TEST(Report, AWarningEndsTheProcessOnlyUnderStrict) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(Report({.errors = {}, .warnings = {"APP_TYPO: no such setting"}}, false));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: APP_TYPO: no such setting\n");
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Report({.errors = {}, .warnings = {"APP_TYPO: no such setting"}}, true));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: APP_TYPO: no such setting\n");
}

TEST(Report, AnErrorEndsItAlways) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Report({.errors = {"APP_COUNT: must be a whole number"}, .warnings = {}}, false));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: APP_COUNT: must be a whole number\n");
}

}  // namespace
}  // namespace common::runtime
