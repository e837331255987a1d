// What a stranger with a reflection tool sees: every service of both daemons, every method and
// every message, health included.
#include <sstream>

#include <gtest/gtest.h>

#include "tests/story/processes.h"

namespace story {
namespace {

// What `call <address> <words…>` prints; empty when it fails.
std::string Ask(const std::string& address, const std::string& words) {
  const Ended ended = RunToEnd(Program("call") + " " + address + " " + words);
  return ended.exit_code == 0 ? ended.output : "";
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void ExpectDescribed(const std::string& address, const std::vector<std::string>& expected) {
  const std::string services = Ask(address, "list");
  for (const std::string& service : expected) {
    EXPECT_NE(services.find(service), std::string::npos) << service;
  }
  for (const std::string& service : Lines(services)) {
    const std::string text = Ask(address, "describe " + service);
    EXPECT_NE(text.find("rpc "), std::string::npos) << service << "\n" << text;
  }
}

TEST(Reflection, ListsAndDescribesEveryServiceOfBothDaemons) {
  const PlatformSide platform_side;
  const GameSide game_side;
  ExpectDescribed(platform_side.daemon.grpc_address(),
                  {"grpc.health.v1.Health", "bannou.stream.v1.PlatformService",
                   "bannou.stream.v1.PlatformSessionService", "bannou.stream.v1.StreamAdminService",
                   "bannou.stream.v1.WebhookService"});
  ExpectDescribed(game_side.daemon.grpc_address(),
                  {"grpc.health.v1.Health", "bannou.streaming.v1.AudiencePoolService",
                   "bannou.streaming.v1.AudienceService", "bannou.streaming.v1.CareerService",
                   "bannou.streaming.v1.EconomyService", "bannou.streaming.v1.FollowService",
                   "bannou.streaming.v1.HypeService", "bannou.streaming.v1.StreamSessionService"});
}

}  // namespace
}  // namespace story
