// Instances come and go behind a gateway while work goes on through it: nothing that was
// acknowledged is lost, nothing is done twice, and callers who retry as docs/gateway.md says notice
// nothing.
#include <gtest/gtest.h>

#include "tests/e2e/gateway_traffic.h"

namespace story {
namespace {

using common::testing::Eventually;
using Counts = std::map<std::string, int>;

class GatewayInstances : public testing::Test {
 protected:
  ~GatewayInstances() override {
    RecordProperty("resends", testing::PrintToString(traffic_.resends()));
    RecordProperty("watch_ends", testing::PrintToString(traffic_.watch_ends()));
  }

  static double CallsOf(const GatewayStack::Instance& instance) {
    const std::string text = instance.daemon->Get("/metrics").body;
    double calls = 0;
    for (size_t at = 0; (at = text.find("\ngrpc_server_handled_total{", at)) != std::string::npos;
         ++at) {
      calls += std::stod(text.substr(text.find("} ", at) + 2));
    }
    return calls;
  }
  // A platform sends again what was not taken; nobody else may notice anything.
  void ExpectNobodyNoticed() {
    traffic_.Stop();
    EXPECT_EQ(traffic_.failures(), Counts());
    traffic_.ExpectEffects();
  }

  static void SetUpTestSuite() {
    stack_ = std::make_unique<GatewayStack>(
        std::vector<std::string>{},
        std::vector<std::string>{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1",
                                 "FOLLOW_CONVERSION_SESSION_COUNT=1",
                                 "INTEREST_THRESHOLD_FOR_FOLLOW=0", "HYPE_TRAIN_COOLDOWN_SECONDS=0",
                                 "HYPE_TRAIN_LEVELS=2", "AUDIENCE_UPDATE_INTERVAL_SECONDS=1"});
  }
  static void TearDownTestSuite() { stack_ = nullptr; }

  static inline std::unique_ptr<GatewayStack> stack_;
  GatewayTraffic traffic_{*stack_};
};

TEST_F(GatewayInstances, ARollingRestartIsNotNoticed) {
  traffic_.Proceed();
  for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
    for (GatewayStack::Instance& instance : *instances) {
      stack_->Restart(instance);
      EXPECT_EQ(instance.daemon->exit_code(), 0);
      traffic_.Proceed();
    }
  }
  ExpectNobodyNoticed();
}

TEST_F(GatewayInstances, OneThatStopsWhileItIsListedIsNotNoticed) {
  for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
    traffic_.Proceed();
    instances->front().daemon->Stop();
    traffic_.Proceed();
    instances->front().daemon->Start();
  }
  traffic_.Proceed();
  ExpectNobodyNoticed();
}

TEST_F(GatewayInstances, CrashesLoseAndDoubleNothing) {
  for (int round = 0; round < 2; ++round) {
    for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
      auto& instance = round == 0 ? instances->front() : instances->back();
      traffic_.Proceed();
      instance.daemon->Kill();
      traffic_.Proceed();
      instance.daemon->Start();
    }
  }
  traffic_.Proceed();
  traffic_.Stop();
  // What an instance was answering when it died.
  for (const auto& [what, count] : traffic_.failures()) {
    std::cout << "noticed: " << count << " x " << what << "\n";
    EXPECT_TRUE(what.find("RST_STREAM") != std::string::npos) << what;
    EXPECT_LE(count, 4) << what;
  }
  traffic_.ExpectEffects();
}

TEST_F(GatewayInstances, OnesThatComeGetWorkAndGoAgain) {
  traffic_.Proceed();
  stack_->AddStream();
  const auto& newcomer = stack_->AddStreaming();
  stack_->Route();
  EXPECT_TRUE(Eventually([&] { return CallsOf(newcomer) > 10; }));
  traffic_.Proceed();
  for (auto* instances : {&stack_->streams(), &stack_->streamings()}) {
    EXPECT_EQ(stack_->TakeAway(*instances), 0);
    traffic_.Proceed();
  }
  ExpectNobodyNoticed();
}

}  // namespace
}  // namespace story
