// Every event that the contract declares has a stream that takes it, an identity, and somebody who
// makes it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <absl/strings/match.h>
#include <gtest/gtest.h>

#include "tests/story/contract.h"

namespace story {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

std::vector<const FileDescriptor*> Files() {
  std::vector<const FileDescriptor*> files;
  for (const std::string& name : ContractFiles()) {
    files.push_back(DescriptorPool::generated_pool()->FindFileByName(name));
    if (files.back() == nullptr) throw std::runtime_error(name + " is not linked");
  }
  return files;
}

const bannou::common::v1::EventInfo& InfoOf(const Descriptor& message) {
  return message.options().GetExtension(bannou::common::v1::event);
}

// What is stored in a JetStream stream: all but client events.
std::vector<const Descriptor*> StoredEvents() {
  std::vector<const Descriptor*> events;
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const Descriptor* message = file->message_type(i);
      if (message->options().HasExtension(bannou::common::v1::event) &&
          InfoOf(*message).client_event().empty()) {
        events.push_back(message);
      }
    }
  }
  return events;
}

// Whether the message is one of ours, and not what others tell us.
bool IsOurs(const Descriptor& message) {
  return !absl::StartsWith(message.full_name(), "bannou.common.");
}

bool Takes(const std::string& pattern, const std::string& subject) {
  if (!absl::EndsWith(pattern, ">")) return pattern == subject;
  return absl::StartsWith(subject, pattern.substr(0, pattern.size() - 1));
}

TEST(EventContract, EverySubjectIsTakenByItsStream) {
  std::multimap<std::string, std::string> patterns;
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->options().ExtensionSize(bannou::common::v1::jetstream); ++i) {
      const auto& stream = file->options().GetExtension(bannou::common::v1::jetstream, i);
      for (const std::string& subject : stream.subjects()) patterns.emplace(stream.name(), subject);
    }
  }
  std::set<std::string> subjects;
  for (const Descriptor* event : StoredEvents()) {
    const auto& info = InfoOf(*event);
    const auto [begin, end] = patterns.equal_range(info.jetstream());
    EXPECT_TRUE(std::any_of(begin, end,
                            [&](const auto& entry) { return Takes(entry.second, info.subject()); }))
        << event->full_name() << ": stream '" << info.jetstream() << "' does not take '"
        << info.subject() << "'";
    EXPECT_TRUE(subjects.insert(info.subject()).second) << info.subject() << " is declared twice";
  }
  EXPECT_GE(subjects.size(), 30u);
}

// An event says which it is and when it happened, a command which it is.
TEST(EventContract, EveryEventHasAnIdentity) {
  const std::set<std::string> ids = {"event_id", "pulse_id", "idempotency_key"};
  for (const Descriptor* event : StoredEvents()) {
    if (!IsOurs(*event)) continue;
    const std::string& first = event->FindFieldByNumber(1)->name();
    EXPECT_TRUE(ids.contains(first)) << event->full_name() << " begins with " << first;
    const bool has_time = event->FindFieldByName("timestamp") != nullptr;
    EXPECT_TRUE(has_time || first == "idempotency_key")
        << event->full_name() << " has no timestamp";
  }
}

// A message named ...Event or ...Command without the option would be published nowhere.
TEST(EventContract, WhatIsCalledAnEventIsOne) {
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const Descriptor& message = *file->message_type(i);
      if (message.full_name() == "bannou.streaming.v1.ClientEvent") continue;  // holds one of them
      if (absl::EndsWith(message.name(), "Event") || absl::EndsWith(message.name(), "Command")) {
        EXPECT_TRUE(message.options().HasExtension(bannou::common::v1::event))
            << message.full_name();
      }
    }
  }
}

// By its name in the daemon's code: what is declared and never made is a promise not kept.
TEST(EventContract, EveryEventIsMadeBySomebody) {
  std::map<std::string, std::string> code;  // by daemon
  for (const char* daemon : {"stream", "streaming"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(std::string("services/") + daemon)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() != ".cc" || absl::EndsWith(name, "_test.cc")) continue;
      std::ifstream file(entry.path());
      code[daemon].append(std::istreambuf_iterator<char>(file), {});
    }
  }
  for (const Descriptor* event : StoredEvents()) {
    if (!IsOurs(*event)) continue;
    const bool platform_side = absl::StartsWith(event->full_name(), "bannou.stream.");
    EXPECT_TRUE(
        absl::StrContains(code[platform_side ? "stream" : "streaming"], "v1::" + event->name()))
        << "nothing makes " << event->full_name();
  }
}

}  // namespace
}  // namespace story
