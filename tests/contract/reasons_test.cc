// The reasons of errors that the comments of the contract promise, against those that the code has.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/stream/errors.h"
#include "services/streaming/errors.h"
#include "tests/story/contract.h"

namespace story {
namespace {

using common::errors::Reason;

// Promised by RPCs, or ways to call them, that answer NOT_IMPLEMENTED so far.
const std::set<std::string> kLater = {};

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

bool IsCode(const std::string& word) {
  for (int code = 1; code <= 16; ++code) {
    if (word == CodeName(static_cast<absl::StatusCode>(code))) return true;
  }
  return false;
}

bool IsReason(const std::string& word) {
  return absl::StrContains(word, "_") && !IsCode(word) &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// The words of a file's comments; "" where a comment ends.
std::vector<std::string> CommentWords(const std::string& file) {
  std::vector<std::string> words;
  std::ifstream in("proto/" + file);
  for (std::string line; std::getline(in, line);) {
    const size_t comment = line.find("//");
    if (comment == std::string::npos) {
      words.emplace_back();
      continue;
    }
    std::replace_if(
        line.begin(), line.end(), [](char c) { return std::ispunct(c) != 0 && c != '_'; }, ' ');
    std::istringstream text(line.substr(comment));
    for (std::string word; text >> word;) words.push_back(word);
  }
  return words;
}

// The list of one daemon, with what both share.
std::map<std::string, Reason> ReasonsOf(const std::string& file) {
  std::map<std::string, Reason> reasons;
  const auto add = [&reasons](const std::vector<Reason>& list) {
    for (const Reason& reason : list) reasons.emplace(reason.name, reason);
  };
  add(common::errors::CommonReasons());
  if (absl::StartsWith(file, "bannou/stream/")) add(stream::Reasons());
  if (absl::StartsWith(file, "bannou/streaming/")) add(streaming::Reasons());
  return reasons;
}

// "NOT_FOUND LINK_NOT_FOUND, …": a reason has the code that stands before it.
TEST(Reasons, WhatACommentPromisesIsInTheListWithItsCode) {
  int promises = 0;
  for (const std::string& file : ContractFiles()) {
    const auto reasons = ReasonsOf(file);
    std::string code;
    for (const std::string& word : CommentWords(file)) {
      if (word.empty() || IsCode(word)) code = word;
      if (!IsReason(word) || kLater.contains(word)) continue;
      ++promises;
      const auto reason = reasons.find(word);
      ASSERT_NE(reason, reasons.end()) << file << " promises " << word;
      EXPECT_EQ(code, CodeName(reason->second.code)) << file << " on " << word;
    }
  }
  EXPECT_GT(promises, 30);
}

TEST(Reasons, WhatIsInTheListIsPromisedSomewhere) {
  std::map<std::string, std::set<std::string>> words;  // by area: common, stream, streaming
  for (const std::string& file : ContractFiles()) {
    const auto in_file = CommentWords(file);
    words[file.substr(0, file.find("/v1/"))].insert(in_file.begin(), in_file.end());
  }
  const auto expect = [&words](const std::string& area, const std::vector<Reason>& list) {
    for (const Reason& reason : list) {
      EXPECT_TRUE(words[area].contains(std::string(reason.name)))
          << "no comment in " << area << " names " << reason.name;
    }
  };
  expect("bannou/common", common::errors::CommonReasons());
  expect("bannou/stream", stream::Reasons());
  expect("bannou/streaming", streaming::Reasons());
}

TEST(Reasons, ALaterOneIsStillToCome) {
  std::set<std::string> promised;
  for (const std::string& file : ContractFiles()) {
    const auto words = CommentWords(file);
    promised.insert(words.begin(), words.end());
    for (const auto& [name, reason] : ReasonsOf(file)) {
      EXPECT_FALSE(kLater.contains(name)) << name << " is here: take it off the list";
    }
  }
  for (const std::string& name : kLater) EXPECT_TRUE(promised.contains(name)) << name;
}

}  // namespace
}  // namespace story
