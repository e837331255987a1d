// What a daemon says about its settings before it begins: what is in force, and what is wrong.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/testing/servers.h"
#include "tests/story/processes.h"

namespace story {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kKey = std::string("STREAM_AUTH_HS256_KEY=") + kAuthKey;

// The stream daemon with nothing but these variables in its environment.
Ended Stream(const std::string& variables, const std::string& arguments) {
  return RunToEnd("env -i " + variables + " " + Program("stream") + " " + arguments);
}

TEST(CommandLine, EveryProblemIsInOneListAndNoValueIsEchoed) {
  const Ended ended = Stream(
      "STREAM_THREADS=hunter2 STREAM_QUEUE_MAX=0 STREAM_REFLECTION=hunter2 "
      "STREAM_GRPC_ADDR=hunter2 STREAM_LOG_LEVEL=hunter2 STREAM_AUTH_MODE=hunter2 "
      "STREAM_PUBLIC_URL=hunter2 STREAM_AUTH_HS256_KEY=hunter2 STREAM_AUTH_HS256_KEY_FILE=hunter2",
      "");
  EXPECT_EQ(ended.exit_code, 2);
  for (const char* problem :
       {"THREADS: must be a whole number", "QUEUE_MAX: must be between",
        "REFLECTION: must be true or false", "GRPC_ADDR: must be host:port",
        "LOG_LEVEL: must be debug", "AUTH_MODE: must be token", "PUBLIC_URL",
        "AUTH_HS256_KEY: set either it or STREAM_AUTH_HS256_KEY_FILE, not both"}) {
    EXPECT_THAT(ended.output, HasSubstr(std::string("error: STREAM_") + problem));
  }
  EXPECT_EQ(std::count(ended.output.begin(), ended.output.end(), '\n'), 8) << ended.output;
  EXPECT_THAT(ended.output, Not(HasSubstr("hunter2")));
}

TEST(CommandLine, AnUnknownVariableIsAWarningAndUnderStrictAnError) {
  const Ended lenient = Stream("STREAM_TYPO=1 STREAM_AUTH_HS256_KEY=short", "");
  EXPECT_THAT(lenient.output, HasSubstr("warning: STREAM_TYPO: no such setting"));
  const Ended strict = Stream("STREAM_TYPO=1 " + kKey, "--strict");
  EXPECT_EQ(strict.exit_code, 2);
  EXPECT_EQ(strict.output, "error: STREAM_TYPO: no such setting\n");
}

TEST(CommandLine, SettingsAreJudgedWithoutAnyServer) {
  const Ended good = Stream(kKey + " STREAM_TYPO=1", "--check-config");
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.output, "warning: STREAM_TYPO: no such setting\nthe settings are good\n");
  const Ended bad = Stream(kKey + " STREAM_TYPO=1 STREAM_THREADS=0", "--check-config --strict");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.output, HasSubstr("error: STREAM_TYPO: no such setting\n"));
  EXPECT_THAT(bad.output, HasSubstr("error: STREAM_THREADS: must be between"));
}

TEST(CommandLine, ASecretMayComeFromAFile) {
  const common::testing::TempDir directory;
  const std::string file = (directory.path() / "key").string();
  const std::string variable = "STREAM_AUTH_HS256_KEY_FILE=" + file;
  EXPECT_THAT(Stream(variable, "").output, HasSubstr("_FILE: the file cannot be read"));
  std::ofstream(file) << "short\n";
  EXPECT_THAT(Stream(variable, "").output, HasSubstr("_AUTH_HS256_KEY: at least 32 bytes"));
  std::ofstream(file) << kAuthKey << "\n";
  EXPECT_EQ(Stream(variable + " STREAM_TYPO=1", "--strict").output,
            "error: STREAM_TYPO: no such setting\n");
}

TEST(CommandLine, TheSettingsInForceArePrintedWithoutSecrets) {
  const Ended ended =
      Stream(kKey + " STREAM_THREADS=3 STREAM_NATS_URL=nats://me:hunter2@here", "--print-config");
  EXPECT_EQ(ended.exit_code, 0);
  for (const char* line :
       {"STREAM_THREADS=3\n", "STREAM_QUEUE_MAX=512\n", "STREAM_AUTH_HS256_KEY=[secret]\n",
        "STREAM_NATS_URL=[secret]\n", "STREAM_REDIS_PASSWORD=[unset]\n"}) {
    EXPECT_THAT(ended.output, HasSubstr(line));
  }
  EXPECT_THAT(ended.output, Not(HasSubstr(kAuthKey)));
  EXPECT_THAT(ended.output, Not(HasSubstr("hunter2")));
}

TEST(CommandLine, AllSettingsAreExplained) {
  const Ended docs = Stream("", "--print-config-docs");
  EXPECT_EQ(docs.exit_code, 0);
  EXPECT_THAT(docs.output,
              HasSubstr("| `STREAM_ENABLED` | `false` | Whether the service works at all"));
  EXPECT_THAT(Stream("", "--help").output, HasSubstr(docs.output));
}

}  // namespace
}  // namespace story
