// Tests that give a daemon other settings than the default and look at what it does.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/common/testing/servers.h"

namespace story {

// A server that says nothing while this lives.
class Silence {
 public:
  explicit Silence(common::testing::Server& server) : server_(server) { server_.Pause(); }
  ~Silence() { server_.Resume(); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  common::testing::Server& server_;
};

using Values = std::map<std::string, std::string>;  // of settings, by name without the prefix

inline std::vector<std::string> Lines(const Values& values) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : values) lines.push_back(name + "=" + value);
  return lines;
}

// The tests of one suite share a process, `Side`, which is started with the GivenValues() of the
// suite.
template <class Suite, class Side>
class SettingsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { side_ = std::make_unique<Side>(Lines(Suite::GivenValues())); }
  static void TearDownTestSuite() { side_ = nullptr; }

  static Side& side() { return *side_; }
  // What the suite gives a setting.
  static std::string Text(const std::string& setting) { return Suite::GivenValues().at(setting); }
  static int Number(const std::string& setting) { return std::stoi(Text(setting)); }

 private:
  static inline std::unique_ptr<Side> side_;
};

}  // namespace story
