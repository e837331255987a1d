#include "libs/common/runtime/run.h"

#include <cstdlib>

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

struct Settings {
  ServerSettings server;
};

// The exit code of `app --check-config`, with nothing else in the environment that is the app's.
int CheckConfig(const char* key) {
  setenv("APP_AUTH_HS256_KEY", key, 1);
  const Daemon<Settings> app{.name = "app",
                             .prefix = "APP",
                             .table = ServerRows({.prefix = "APP"}, &Settings::server),
                             .server = &Settings::server,
                             .check = [](const Settings&) { return std::vector<std::string>{}; },
                             .bind = [](const Settings&, App&) -> absl::Status {
                               ADD_FAILURE() << "a check of the settings builds nothing";
                               return absl::OkStatus();
                             }};
  char name[] = "app";
  char flag[] = "--check-config";
  char* arguments[] = {name, flag, nullptr};
  const int exit_code = Run(2, arguments, app);
  unsetenv("APP_AUTH_HS256_KEY");
  return exit_code;
}

TEST(Run, CheckConfigJudgesTheSettingsAndStartsNothing) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(CheckConfig("0123456789abcdef0123456789abcdef"), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "the settings are good\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(CheckConfig("short"), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "error: APP_AUTH_HS256_KEY: at least 32 bytes are required\n");
}

}  // namespace
}  // namespace common::runtime
