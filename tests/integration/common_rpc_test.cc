// The edge over a real connection: what a client sees of identity, permission, validation, load and
// faults. The service is one of the contract; its handlers are the test's.
#include <future>

#include <bannou/stream/v1/admin.grpc.pb.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpc/health/v1/health.pb.h>
#include <gtest/gtest.h>
#include <jwt/jwt.hpp>

#include "libs/common/rpc/server.h"
#include "libs/common/rpc/service.h"

namespace common::rpc {
namespace {

namespace v1 = bannou::stream::v1;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
constexpr const char* kAccount = "11111111-2222-4333-8444-555555555555";

class AdminRpc final : public Service<v1::StreamAdminService> {
 public:
  explicit AdminRpc(const Edge& edge) : Service(edge) {}
  BANNOU_UNARY_LATER(GetLatestPulse, v1::LatestPulseRequest, v1::SentimentPulse)
  BANNOU_UNARY(TestSentimentProcessing, v1::TestSentimentRequest, v1::TestSentimentResponse)

  std::function<absl::Status()> behaviour = [] { return absl::OkStatus(); };
};
absl::Status AdminRpc::TestSentimentProcessing(CallContext&, const v1::TestSentimentRequest&,
                                               v1::TestSentimentResponse&) {
  return behaviour();
}

std::string Token(const nlohmann::json& roles) {
  const int64_t now = ToMicros(Now()) / 1'000'000;
  jwt::jwt_object token{jwt::params::algorithm("HS256"), jwt::params::secret(kKey)};
  token.add_claim("iss", "iss").add_claim("aud", "aud").add_claim("sub", kAccount);
  token.add_claim("exp", now + 60).add_claim("roles", roles);
  return token.signature();
}

class RpcTest : public testing::Test {
 protected:
  void Start(EdgeSettings settings = {.domain = "test"}, size_t threads = 2, size_t queue = 16,
             bool open = true) {
    executor_ = std::make_unique<executor::Executor>(threads, queue);
    edge_ = std::make_unique<Edge>(settings, verifier_, *executor_, metrics_);
    if (open) edge_->Open();
    service_ = std::make_unique<AdminRpc>(*edge_);
    ASSERT_TRUE(service_->ReadContract().ok());
    auto server = Server::Start({.address = "127.0.0.1:0"}, {service_.get()}, {AdminRpc::Name()});
    ASSERT_TRUE(server.ok());
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
    stub_ = v1::StreamAdminService::NewStub(channel_);
  }

  // As an App ends: nobody runs a handler any more when the parts die.
  void TearDown() override {
    server_ = nullptr;
    executor_->Stop();
  }

  static void SetUp(grpc::ClientContext& context, const std::string& token) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  }

  grpc::Status Call(const std::string& token, const std::string& sample = "hello") {
    grpc::ClientContext context;
    SetUp(context, token);
    v1::TestSentimentRequest request;
    if (!sample.empty()) request.add_sample_messages(sample);
    v1::TestSentimentResponse response;
    return stub_->TestSentimentProcessing(&context, request, &response);
  }

  static std::string Reason(const grpc::Status& status) {
    google::rpc::Status packed;
    packed.ParseFromString(status.error_details());
    google::rpc::ErrorInfo info;
    for (const auto& any : packed.details()) any.UnpackTo(&info);
    return info.reason();
  }

  metrics::Registry metrics_;
  TokenVerifier verifier_{{.hs256_key = config::Secret(kKey), .issuer = "iss", .audience = "aud"}};
  std::unique_ptr<executor::Executor> executor_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<AdminRpc> service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::StreamAdminService::Stub> stub_;
};

TEST_F(RpcTest, IdentityAndPermissionComeBeforeTheHandler) {
  Start();
  int calls = 0;
  service_->behaviour = [&] {
    ++calls;
    return absl::OkStatus();
  };
  EXPECT_EQ(Reason(Call("")), "TOKEN_MISSING");
  EXPECT_EQ(Reason(Call("a.b.c")), "TOKEN_INVALID");
  EXPECT_EQ(Reason(Call(Token({"user"}))), "PERMISSION_DENIED");
  EXPECT_EQ(Call(Token({"user"}), "").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(Call(Token({"developer"})).ok());
  EXPECT_TRUE(Call(Token({"admin"})).ok());
  EXPECT_EQ(calls, 2);
}

TEST_F(RpcTest, ABadRequestNamesItsFields) {
  Start();
  const grpc::Status status = Call(Token({"developer"}), std::string(501, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Reason(status), "INVALID_FIELDS");
}

TEST_F(RpcTest, AnExceptionIsAnInternalErrorWithoutItsText) {
  Start();
  service_->behaviour = []() -> absl::Status { throw std::runtime_error("private"); };
  const grpc::Status status = Call(Token({"developer"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message().find("private"), std::string::npos);
}

TEST_F(RpcTest, AFeatureOfALaterVersionSaysSoAfterItsPermission) {
  Start();
  grpc::ClientContext anonymous, admin;
  SetUp(anonymous, "");
  SetUp(admin, Token({"admin"}));
  v1::LatestPulseRequest request;
  request.set_platform_session_id(kAccount);
  v1::SentimentPulse response;
  EXPECT_EQ(stub_->GetLatestPulse(&anonymous, request, &response).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  const grpc::Status status = stub_->GetLatestPulse(&admin, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Reason(status), "NOT_IMPLEMENTED");
  EXPECT_FALSE(status.error_message().empty());
}

TEST_F(RpcTest, AServiceThatIsOffSaysSo) {
  Start({.domain = "test", .enabled = false});
  EXPECT_EQ(Reason(Call(Token({"developer"}))), "SERVICE_DISABLED");
}

TEST_F(RpcTest, ACallBeforeTheStartIsDoneIsAskedToComeAgain) {
  Start({.domain = "test"}, 2, 16, false);
  const grpc::Status status = Call(Token({"developer"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  edge_->Open();
  EXPECT_TRUE(Call(Token({"developer"})).ok());
}

TEST_F(RpcTest, WhatFindsNoPlaceIsRefusedAtOnce) {
  Start({.domain = "test"}, 1, 2);
  std::promise<void> entered, gate;
  std::shared_future<void> open = gate.get_future().share();
  std::once_flag first;
  service_->behaviour = [&, open] {
    std::call_once(first, [&] { entered.set_value(); });
    open.wait();
    return absl::OkStatus();
  };
  constexpr int kCalls = 8;
  std::vector<std::future<grpc::Status>> calls;
  std::atomic<int> refused = 0;
  const std::string token = Token({"developer"});
  calls.push_back(std::async(std::launch::async, [&] { return Call(token); }));
  entered.get_future().wait();
  for (int i = 1; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      grpc::Status status = Call(token);
      if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) ++refused;
      return status;
    }));
  }
  // One runs and two wait; the others must have their answer while the first is still held.
  while (refused < kCalls - 3) std::this_thread::yield();
  gate.set_value();
  int served = 0;
  for (auto& call : calls) served += call.get().ok();
  EXPECT_EQ(served, 3);
  EXPECT_NE(metrics_.Text().find("grpc_code=\"RESOURCE_EXHAUSTED\""), std::string::npos);
}

TEST_F(RpcTest, StopWaitsForTheCallInFlight) {
  Start();
  std::promise<void> entered, gate;
  std::shared_future<void> open = gate.get_future().share();
  service_->behaviour = [&entered, open] {
    entered.set_value();
    open.wait();
    return absl::OkStatus();
  };
  auto call = std::async(std::launch::async, [&] { return Call(Token({"developer"})); });
  entered.get_future().wait();
  auto stop = std::async(std::launch::async, [&] { server_->Stop(std::chrono::seconds(20)); });
  gate.set_value();
  EXPECT_TRUE(call.get().ok());
  stop.get();
}

}  // namespace
}  // namespace common::rpc
