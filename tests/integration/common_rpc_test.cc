// The edge over a real connection: what a client sees of identity, permission, validation, load and
// faults. The service is one of the contract; its handlers are the test's.
#include <future>
#include <map>

#include <bannou/stream/v1/admin.grpc.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/deadline.h"
#include "libs/common/errors/errors.h"
#include "libs/common/rpc/server.h"
#include "libs/common/rpc/service.h"
#include "tests/story/token.h"
#include "tests/story/wire.h"
#include "tests/tools/generic_call.h"

namespace common::rpc {
namespace {

namespace v1 = bannou::stream::v1;
using story::DetailOf;
using story::FieldsOf;
using story::ReasonOf;

constexpr const char* kMethod = "/bannou.stream.v1.StreamAdminService/TestSentimentProcessing";
constexpr const char* kAccount = "11111111-2222-4333-8444-555555555555";

class AdminRpc final : public Service {
 public:
  explicit AdminRpc(const Edge& edge) : Service(edge, v1::StreamAdminService::service_full_name()) {
    Handle("TestSentimentProcessing", &AdminRpc::TestSentimentProcessing);
  }

  std::function<absl::Status()> behaviour = [] { return absl::OkStatus(); };

 private:
  absl::Status TestSentimentProcessing(CallContext&, const v1::TestSentimentRequest&,
                                       v1::TestSentimentResponse&) {
    return behaviour();
  }
};

std::string Token(const std::vector<std::string>& roles) {
  return story::Sign(story::Claims(*Uuid::Parse(kAccount), roles));
}

class RpcTest : public testing::Test {
 protected:
  void Start(EdgeSettings settings = {.domain = "test"}, size_t threads = 2, size_t queue = 16,
             bool open = true) {
    executor_ = std::make_unique<executor::Executor>(threads, queue);
    edge_ = std::make_unique<Edge>(settings, verifier_, *executor_, metrics_);
    if (rate_limit_) edge_->LimitRate(rate_limit_);
    if (open) edge_->Open();
    service_ = std::make_unique<AdminRpc>(*edge_);
    ASSERT_TRUE(service_->ReadContract().ok());
    auto server = Server::Start({.address = "127.0.0.1:0"}, {service_.get()}, {service_->name()});
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

  // The same method, told `bytes` in place of a message.
  grpc::Status CallRaw(const std::string& token, const std::string& bytes) {
    grpc::ClientContext context;
    SetUp(context, token);
    return tools::GenericCall(channel_, &context, kMethod, bytes, [](const std::string&) {});
  }

  // Calls that are held inside their handler until Release.
  void HoldHandler() {
    service_->behaviour = [this, open = gate_.get_future().share()] {
      std::call_once(entered_once_, [this] { entered_.set_value(); });
      open.wait();
      return absl::OkStatus();
    };
  }
  void AwaitHeld() { entered_.get_future().wait(); }
  void Release() { gate_.set_value(); }

  metrics::Registry metrics_;
  TokenVerifier verifier_{{.hs256_key = config::Secret(story::kAuthKey),
                           .issuer = "bannou",
                           .audience = "bannou-streaming"}};
  std::unique_ptr<executor::Executor> executor_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<AdminRpc> service_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::StreamAdminService::Stub> stub_;
  RateLimit rate_limit_;
  std::promise<void> entered_, gate_;
  std::once_flag entered_once_;
};

TEST_F(RpcTest, IdentityAndPermissionComeBeforeTheHandler) {
  Start();
  int calls = 0;
  service_->behaviour = [&] {
    ++calls;
    return absl::OkStatus();
  };
  EXPECT_EQ(ReasonOf(Call("")), "TOKEN_MISSING");
  EXPECT_EQ(ReasonOf(Call("a.b.c")), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(Call(Token({"user"}))), "PERMISSION_DENIED");
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
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS");
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
  EXPECT_EQ(ReasonOf(status), "NOT_IMPLEMENTED");
  EXPECT_FALSE(status.error_message().empty());
}

TEST_F(RpcTest, AServiceThatIsOffSaysSo) {
  Start({.domain = "test", .enabled = false});
  EXPECT_EQ(ReasonOf(Call(Token({"developer"}))), "SERVICE_DISABLED");
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
  HoldHandler();
  constexpr int kCalls = 8;
  std::vector<std::future<grpc::Status>> calls;
  std::atomic<int> refused = 0;
  const std::string token = Token({"developer"});
  calls.push_back(std::async(std::launch::async, [&] { return Call(token); }));
  AwaitHeld();
  for (int i = 1; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      grpc::Status status = Call(token);
      if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) ++refused;
      return status;
    }));
  }
  // One runs and two wait; the others must have their answer while the first is still held.
  while (refused < kCalls - 3) std::this_thread::yield();
  Release();
  int served = 0;
  for (auto& call : calls) {
    const grpc::Status status = call.get();
    served += status.ok();
    EXPECT_TRUE(status.ok() || DetailOf<google::rpc::RetryInfo>(status).has_retry_delay());
  }
  EXPECT_EQ(served, 3);
  EXPECT_NE(metrics_.Text().find("grpc_code=\"RESOURCE_EXHAUSTED\""), std::string::npos);
}

TEST_F(RpcTest, NothingIsParsedForACallerWithoutPermission) {
  Start();
  EXPECT_EQ(ReasonOf(CallRaw("", "\xff\xff\xff")), "TOKEN_MISSING");
  EXPECT_EQ(ReasonOf(CallRaw(Token({"user"}), "\xff\xff\xff")), "PERMISSION_DENIED");
}

TEST_F(RpcTest, BytesThatAreNoMessageAreSaidToBeMalformed) {
  Start();
  for (const char* bytes : {"\xff\xff\xff", "\x0a\x7f", "\x0a\x01", "\x08", "\x0b", "nonsense"}) {
    const grpc::Status status = CallRaw(Token({"developer"}), bytes);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bytes;
    EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST") << bytes;
  }
}

TEST_F(RpcTest, TextThatIsNotUtf8IsReportedWithEveryOtherViolation) {
  Start();
  // sample_messages: "ok", a bad one, one that is too long, and two bad ones.
  std::string bytes = "\x0a\x02ok\x0a\x02\xc3(";
  bytes += "\x0a\xf5\x03" + std::string(501, 'x');
  bytes += std::string("\x0a\x03\xed\xa0\x80\x0a\x01\xff");
  const grpc::Status status = CallRaw(Token({"developer"}), bytes);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS");
  EXPECT_THAT(FieldsOf(status),
              testing::UnorderedElementsAre("sample_messages[1]", "sample_messages[2]",
                                            "sample_messages[3]", "sample_messages[4]"));
}

TEST_F(RpcTest, TheHandlersWorkHasTheCallersDeadline) {
  Start({.domain = "test", .deadline_max = std::chrono::seconds(5)});
  std::optional<TimePoint> seen;
  service_->behaviour = [&] {
    seen = CurrentDeadline();
    return absl::OkStatus();
  };
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(Call(Token({"developer"})).ok());
  ASSERT_TRUE(seen);
  EXPECT_GT(*seen, before + std::chrono::seconds(4));
  EXPECT_LT(*seen, std::chrono::steady_clock::now() + std::chrono::seconds(6));
  EXPECT_FALSE(CurrentDeadline());
}

TEST_F(RpcTest, ARateLimitHoldsForAccountsButNotForServices) {
  std::map<Uuid, int> asked;
  rate_limit_ = [&](const Uuid& account) {
    ++asked[account];
    return errors::MakeRetryable(errors::kRateLimited, "too many", std::chrono::seconds(3));
  };
  Start();
  const grpc::Status status = Call(Token({"developer"}));
  EXPECT_EQ(ReasonOf(status), "RATE_LIMITED");
  EXPECT_EQ(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 3);
  EXPECT_EQ(ReasonOf(Call(Token({"user"}))), "PERMISSION_DENIED") << "before it is counted";
  EXPECT_TRUE(Call(Token({"admin"})).ok());
  EXPECT_TRUE(Call(Token({"service"})).ok());
  EXPECT_EQ(asked, (std::map<Uuid, int>{{*Uuid::Parse(kAccount), 1}}));
}

TEST_F(RpcTest, CallsAreCountedWhenTheyArriveAndWhenTheyAreAnswered) {
  Start();
  EXPECT_TRUE(Call(Token({"developer"})).ok());
  EXPECT_FALSE(Call("").ok());
  const std::string labels =
      "{grpc_method=\"TestSentimentProcessing\",grpc_service=\"bannou.stream.v1."
      "StreamAdminService\"}";
  EXPECT_THAT(metrics_.Text(), testing::HasSubstr("grpc_server_started_total" + labels + " 2"));
  EXPECT_THAT(metrics_.Text(), testing::HasSubstr("grpc_code=\"UNAUTHENTICATED\""));
}

TEST_F(RpcTest, ADrainAnswersWhatIsInFlightAndRefusesWhatIsNew) {
  Start();
  HoldHandler();
  const std::string token = Token({"developer"});
  auto held = std::async(std::launch::async, [&] { return Call(token); });
  AwaitHeld();
  auto drained =
      std::async(std::launch::async, [&] { return edge_->Drain(std::chrono::seconds(20)); });
  grpc::Status refused;
  while ((refused = Call("")).error_code() != grpc::StatusCode::UNAVAILABLE) {
  }
  EXPECT_EQ(ReasonOf(refused), "DRAINING");
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused).has_retry_delay());
  Release();
  EXPECT_TRUE(held.get().ok());
  EXPECT_TRUE(drained.get());
}

TEST_F(RpcTest, ADrainGivesUpOnACallThatDoesNotEnd) {
  Start();
  HoldHandler();
  auto held = std::async(std::launch::async, [&] { return Call(Token({"developer"})); });
  AwaitHeld();
  EXPECT_FALSE(edge_->Drain(std::chrono::milliseconds(10)));
  Release();
  held.get();
}

TEST_F(RpcTest, StopWaitsForTheCallInFlight) {
  Start();
  HoldHandler();
  auto call = std::async(std::launch::async, [&] { return Call(Token({"developer"})); });
  AwaitHeld();
  auto stop = std::async(std::launch::async, [&] { server_->Stop(std::chrono::seconds(20)); });
  Release();
  EXPECT_TRUE(call.get().ok());
  stop.get();
}

// Handlers that do not fit the contract.
class WrongName final : public Service {
 public:
  explicit WrongName(const Edge& edge)
      : Service(edge, v1::StreamAdminService::service_full_name()) {
    Handle("TestSentiment", &WrongName::Work);
  }

 private:
  absl::Status Work(CallContext&, const v1::TestSentimentRequest&, v1::TestSentimentResponse&) {
    return absl::OkStatus();
  }
};
class WrongTypes final : public Service {
 public:
  explicit WrongTypes(const Edge& edge)
      : Service(edge, v1::StreamAdminService::service_full_name()) {
    Handle("TestSentimentProcessing", &WrongTypes::Work);
  }

 private:
  absl::Status Work(CallContext&, const v1::LatestPulseRequest&, v1::TestSentimentResponse&) {
    return absl::OkStatus();
  }
};
// A service of another contract, whose methods say nothing about permissions.
class NoPermission final : public Service {
 public:
  explicit NoPermission(const Edge& edge) : Service(edge, "grpc.health.v1.Health") {}
};

TEST_F(RpcTest, AServiceThatIsNotTheContractsDoesNotStart) {
  Start();
  for (const absl::Status& status :
       {WrongName(*edge_).ReadContract(), WrongTypes(*edge_).ReadContract(),
        NoPermission(*edge_).ReadContract()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  }
}

}  // namespace
}  // namespace common::rpc
