#include "libs/common/config/settings.h"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace common::config {
namespace {

struct Part {
  std::string address;
};
struct Settings {
  int count = 0;
  double rate = 0;
  bool on = false;
  std::chrono::seconds interval{};
  Secret key;
  std::vector<std::string> names;
  Part part;
};

Table<Settings> Rows() {
  return {
      {"APP_COUNT", "3", "How many | items.", Into(&Settings::count, 1, 10)},
      {"APP_RATE", "0.5", "A share.", Into(&Settings::rate, 0, 1)},
      {"APP_ON", "false", "A switch.", Into(&Settings::on)},
      {"APP_INTERVAL_SECONDS", "60", "A pause.", Into(&Settings::interval, 1, 3600)},
      {"APP_KEY", "", "A key.", Into(&Settings::key), true},
      {"APP_NAMES", "", "A list.", Into(&Settings::names)},
      {"APP_ADDR", "127.0.0.1:1", "An address.", Into(&Settings::part, &Part::address)},
  };
}

TEST(Settings, DefaultsComeFromTheRows) {
  Settings settings;
  EXPECT_TRUE(Load(settings, Rows(), "APP_", {}).errors.empty());
  EXPECT_EQ(settings.count, 3);
  EXPECT_EQ(settings.interval, std::chrono::minutes(1));
  EXPECT_EQ(settings.part.address, "127.0.0.1:1");
}

TEST(Settings, EveryProblemIsReportedAtOnceAndNoValueIsEchoed) {
  Settings settings;
  const auto report = Load(settings, Rows(), "APP_",
                           {{"APP_COUNT", "11"},
                            {"APP_RATE", "hunter2"},
                            {"APP_ON", "yes"},
                            {"APP_INTERVAL_SECONDS", "0"},
                            {"APP_NAMES", "a,,b"},
                            {"APP_TYPO", "1"},
                            {"OTHER", "1"}});
  EXPECT_EQ(report.errors.size(), 5u);
  for (const std::string& error : report.errors) {
    EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
  }
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(report.warnings[0], "APP_TYPO: no such setting");
}

TEST(Settings, WhatIsWrongLeavesTheDefaultAndIsToldOnce) {
  Settings settings;
  auto report = Load(settings, Rows(), "APP_", {{"APP_COUNT", "11"}});
  EXPECT_EQ(settings.count, 3);
  AddErrors(report, {"APP_COUNT: must be odd", "APP_NAMES: are required"});
  ASSERT_EQ(report.errors.size(), 2u);
  EXPECT_EQ(report.errors[1], "APP_NAMES: are required");
}

TEST(Settings, ASecretComesFromAFileAndIsNeverPrinted) {
  const std::string path = testing::TempDir() + "/secret_" + std::to_string(getpid());
  std::ofstream(path) << "hush\n";
  Settings settings;
  const Environment environment{{"APP_KEY_FILE", path}};
  const auto report = Load(settings, Rows(), "APP_", environment);
  EXPECT_TRUE(report.errors.empty());
  EXPECT_TRUE(report.warnings.empty());
  EXPECT_EQ(settings.key.Reveal(), "hush");
  EXPECT_EQ(Print(Rows(), environment).find("hush"), std::string::npos);
  EXPECT_NE(Print(Rows(), environment).find("APP_KEY=[secret]"), std::string::npos);
  std::remove(path.c_str());

  EXPECT_EQ(Load(settings, Rows(), "APP_", environment).errors.size(), 1u);
}

TEST(Settings, ListsSplitAtCommas) {
  Settings settings;
  EXPECT_TRUE(Load(settings, Rows(), "APP_", {{"APP_NAMES", "a,b"}}).errors.empty());
  EXPECT_EQ(settings.names, (std::vector<std::string>{"a", "b"}));
}

TEST(Settings, TheDocumentHasARowForEach) {
  const std::string text = Document(Rows());
  for (const auto& row : Rows()) EXPECT_NE(text.find(row.env), std::string::npos);
  EXPECT_NE(text.find("How many \\| items."), std::string::npos);
}

}  // namespace
}  // namespace common::config
