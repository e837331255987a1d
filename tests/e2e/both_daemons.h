// Both daemons as processes on real servers, one pair for the tests of a suite.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/story/processes.h"
#include "tests/story/wire.h"

namespace story {

// Who calls.
struct Person {
  common::Uuid account;
  std::string authorization;
};

inline Person MakePerson(const std::vector<std::string>& roles,
                         const std::vector<std::string>& states = {}) {
  const common::Uuid account = common::Uuid::V4();
  return {account, "Bearer " + Sign(Claims(account, roles, states))};
}

class BothDaemons : public testing::Test {
 protected:
  static void SetUpTestSuite() { stack_ = std::make_unique<Stack>(); }
  static void TearDownTestSuite() { stack_ = nullptr; }

  static const PlatformSide& platform_side() { return stack_->platform_side; }
  static const Wire& wire() { return stack_->wire; }
  static Answer Ask(const Person& person, const google::protobuf::Message& request) {
    return wire().Call(request, person.authorization);
  }

 private:
  struct Stack {
    PlatformSide platform_side;
    GameSide game_side{{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "FOLLOW_CONVERSION_SESSION_COUNT=1",
                        "INTEREST_THRESHOLD_FOR_FOLLOW=0"}};
    Wire wire{platform_side.daemon.grpc_address(), game_side.daemon.grpc_address()};
  };
  static inline std::unique_ptr<Stack> stack_;
};

}  // namespace story
