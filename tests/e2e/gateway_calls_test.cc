// Calls through the gateway: what passes, what does not, and what is said then.
#include <bannou/streaming/v1/pool.pb.h>
#include <bannou/streaming/v1/session.grpc.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/both_daemons.h"
#include "tests/e2e/gateway_stack.h"
#include "tests/story/watching.h"

namespace story {
namespace {

using common::testing::Eventually;
using google::protobuf::MethodDescriptor;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kListPath = "/bannou.streaming.v1.StreamSessionService/ListStreamSessions";

class GatewayCalls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    stack_ = std::make_unique<GatewayStack>(
        std::vector<std::string>{}, std::vector<std::string>{"AUDIENCE_UPDATE_INTERVAL_SECONDS=1"});
  }
  static void TearDownTestSuite() { stack_ = nullptr; }

  static Gateway& gateway() { return stack_->gateway(); }
  static const Daemon& GameSide() { return *stack_->streamings().front().daemon; }
  static const Daemon& InstanceOf(const MethodDescriptor& method) {
    const bool platform_side = method.file()->package() == "bannou.stream.v1";
    return *(platform_side ? stack_->streams() : stack_->streamings()).front().daemon;
  }
  // The same call, straight to an instance.
  static Answer Direct(const MethodDescriptor& method, const std::string& bytes,
                       const std::string& authorization) {
    const std::string address = InstanceOf(method).grpc_address();
    return Wire(address, address).Call(method, bytes, authorization);
  }
  // An RPC that any user may call and that changes nothing.
  static std::string ListRequest() {
    bannou::streaming::v1::ListStreamSessionsRequest request;
    request.set_game_service_id(common::Uuid::V4().ToString());
    return request.SerializeAsString();
  }
  static void ExpectSame(const Answer& through, const Answer& direct) {
    EXPECT_EQ(through.status.error_code(), direct.status.error_code())
        << through.status.error_message();
    EXPECT_EQ(through.reason(), direct.reason());
    EXPECT_EQ(through.fields(), direct.fields());
    EXPECT_EQ(through.messages.size(), direct.messages.size());
  }
  // What curl makes of it; `words` are its further options and what follows the gateway's URL.
  static std::string Curl(const std::string& options, const std::string& path) {
    return RunToEnd("curl -s -i -m 10 --cacert " + gateway().ca_file() + " " + options + " '" +
                    gateway().url() + path + "'")
        .output;
  }
  static std::string Handshake(const std::string& options) {
    return RunToEnd("echo | openssl s_client -connect " + gateway().address() + " -CAfile " +
                    gateway().ca_file() + " " + options)
        .output;
  }

  const Person admin_ = MakePerson({"admin"}, {"in_game"});
  const SecureWire wire_{gateway().Channel()};

 private:
  static inline std::unique_ptr<GatewayStack> stack_;
};

TEST_F(GatewayCalls, EveryRpcIsAnsweredAsByTheDaemonItself) {
  int calls = 0;
  for (const MethodDescriptor* method : ContractMethods()) {
    SCOPED_TRACE(method->full_name());
    const auto both = [&](const std::string& bytes, const std::string& other_bytes,
                          const std::string& authorization) {
      const Answer through = wire_.Call(*method, bytes, authorization);
      ExpectSame(through, Direct(*method, other_bytes, authorization));
      EXPECT_TRUE(through.status.ok() || !through.reason().empty());
    };
    const auto good = [&] { return GoodMessage(*method->input_type())->SerializeAsString(); };
    both("\xff\xff\xff", "\xff\xff\xff", admin_.authorization);
    both("", "", admin_.authorization);  // what is missing is told by field
    both(good(), good(), admin_.authorization);
    both("", "", "");
    ++calls;
  }
  EXPECT_GT(calls, 40);
}

TEST_F(GatewayCalls, NothingElseOfTheDaemonsIsReached) {
  for (const char* path : {"/grpc.health.v1.Health/Check",
                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                           "/bannou.other.v1.A/B", "/", "/stream/webhook/twitch"}) {
    const Answer answer = wire_.Call(path, "", admin_.authorization);
    if (std::string_view(path).starts_with("/stream")) {
      EXPECT_FALSE(answer.status.ok()) << path;
      continue;
    }
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << path;
    EXPECT_THAT(answer.status.error_message(), HasSubstr("the gateway")) << path;
  }
  const Answer unknown = wire_.Call("/bannou.streaming.v1.NoService/NoMethod", "", "");
  EXPECT_EQ(unknown.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  for (const char* path : {"/metrics", "/healthz", "/readyz", "/", "/nginx_status", "/stream/",
                           "/bannou.other.v1.A/B", "/stream/webhook/../../metrics"}) {
    const std::string answer = Curl("", path);
    EXPECT_THAT(answer, HasSubstr("404")) << path;
    EXPECT_THAT(answer, Not(HasSubstr("# HELP"))) << path;
  }
}

TEST_F(GatewayCalls, WhatIsNoCallIsToldSo) {
  const std::string grpc = "-H 'content-type: application/grpc' -d x ";
  EXPECT_THAT(Curl("--http1.1 " + grpc, kListPath), HasSubstr("HTTP/1.1 415"));
  EXPECT_THAT(Curl("--http1.1 " + grpc, kListPath), HasSubstr("gRPC over HTTP/2"));
  EXPECT_THAT(Curl("--http2 -H 'content-type: application/json' -d '{}'", kListPath),
              HasSubstr("HTTP/2 415"));
  EXPECT_THAT(Curl("--http2 -H 'content-type: application/grpc-web' -d x", kListPath),
              HasSubstr("HTTP/2 415"));
  EXPECT_THAT(Curl("--http2", kListPath), HasSubstr("HTTP/2 415"));
  const std::string junk =
      RunToEnd("printf 'JUNK\\r\\n\\r\\n' | openssl s_client -quiet -connect " +
               gateway().address() + " -CAfile " + gateway().ca_file())
          .output;
  EXPECT_THAT(junk, HasSubstr("400 Bad Request"));
}

TEST_F(GatewayCalls, SpeaksTlsOfOurTimes) {
  EXPECT_THAT(Handshake("-tls1_3"), HasSubstr("Verify return code: 0 (ok)"));
  EXPECT_THAT(Handshake("-tls1_2"), HasSubstr("Verify return code: 0 (ok)"));
  EXPECT_THAT(Handshake("-tls1_1"), HasSubstr("alert protocol version"));
  EXPECT_THAT(Handshake("-tls1_2 -cipher AES128-SHA"), HasSubstr("alert handshake failure"));
  EXPECT_THAT(Handshake("-alpn h2"), HasSubstr("ALPN protocol: h2"));
}

TEST_F(GatewayCalls, TooMuchIsRefusedClearly) {
  const std::string request = ListRequest();
  const std::string& token = admin_.authorization;
  std::multimap<std::string, std::string> headers;
  for (const char* name : {"x-a", "x-b", "x-c", "x-d"})
    headers.emplace(name, std::string(9'000, '~'));
  // nginx ends the connection then, which gRPC reads as it comes.
  const Answer large = wire_.Call(kListPath, request, token, headers);
  EXPECT_TRUE(large.status.error_code() == grpc::StatusCode::UNAVAILABLE ||
              large.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
      << large.status.error_message();
  EXPECT_TRUE(
      wire_.Call(kListPath, request, token, {{"x-a", std::string(9'000, '~')}}).status.ok());
  for (const size_t bytes : {size_t{2'500'000}, size_t{6'000'000}}) {
    const Answer body = wire_.Call(kListPath, std::string(bytes, '\n'), token);
    EXPECT_EQ(body.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
        << bytes << " " << body.status.error_message();
  }
  EXPECT_TRUE(wire_.Call(kListPath, request, token).status.ok());
  std::ofstream(gateway().directory() / "large") << std::string(300'000, 'x');
  EXPECT_THAT(Curl("--data-binary @" + (gateway().directory() / "large").string(),
                   "/stream/webhook/twitch/x"),
              HasSubstr("HTTP/2 413"));
  std::filesystem::remove(gateway().directory() / "large");
}

TEST_F(GatewayCalls, OneAddressHasSoManyOpenCalls) {
  const Gateway narrow({.streaming_grpc = {GameSide().grpc_address()}}, {"REQUESTS_PER_ADDRESS=1"});
  const auto channel = narrow.Channel();
  // A call that never sends its message is open.
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto open = stub.PrepareCall(&context, kListPath, &queue);
  open->StartCall(nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_TRUE(Eventually([&] {
    const Answer answer = SecureWire(channel).Call(kListPath, ListRequest(), admin_.authorization);
    return answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
           answer.status.error_message().find("too many calls") != std::string::npos;
  }));
  context.TryCancel();
  grpc::Status status;
  open->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  EXPECT_TRUE(Eventually([&] {
    return SecureWire(channel).Call(kListPath, ListRequest(), admin_.authorization).status.ok();
  }));
}

TEST_F(GatewayCalls, EachHasAnIdAndKeepsItsTrace) {
  const auto id_of = [&](const std::multimap<std::string, std::string>& headers) {
    std::multimap<std::string, std::string> answered;
    wire_.Call(kListPath, ListRequest(), admin_.authorization, headers, &answered);
    EXPECT_EQ(answered.count("x-request-id"), 1u);
    return answered.find("x-request-id")->second;
  };
  EXPECT_EQ(id_of({{"x-request-id", "an-id-of-my-own"}}), "an-id-of-my-own");
  EXPECT_EQ(id_of({}).size(), 32u);
  EXPECT_EQ(id_of({{"x-request-id", "what is \"this\"?"}}).size(), 32u);
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  // A refusal is logged by the daemon, under the caller's trace.
  wire_.Call(kListPath, "\xff", admin_.authorization,
             {{"traceparent", "00-" + trace + "-b7ad6b7169203331-01"}});
  EXPECT_TRUE(Eventually([&] { return gateway().Log().find(trace) != std::string::npos; }));
}

// What a daemon breaks off because of what strangers send takes no instance away from others.
TEST_F(GatewayCalls, HostileCallsHurtNobodyElse) {
  for (int i = 0; i < 10; ++i) {
    for (const char* header : {"x-bin: ###", "grpc-timeout: junk", "grpc-encoding: junk",
                               "te: junk", "grpc-accept-encoding: \"", "x: \x01"}) {
      Curl("--http2 -H 'content-type: application/grpc' -H '" + std::string(header) +
               "' --data-binary x",
           kListPath);
    }
    const Answer answer = wire_.Call(kListPath, ListRequest(), admin_.authorization);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
}

TEST_F(GatewayCalls, WithoutInstancesCallsAreUnavailable) {
  const Gateway lonely;
  const SecureWire wire(lonely.Channel());
  for (const char* path : {kListPath, "/bannou.stream.v1.PlatformService/ListPlatforms"}) {
    const Answer answer = wire.Call(path, "", admin_.authorization);
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(answer.status.error_message(), "no instance answered");
  }
  common::http::Client browser({.ca_file = lonely.ca_file()});
  EXPECT_EQ(browser.Send({.url = lonely.url() + "/stream/oauth/callback/twitch?code=x"})->status,
            502);
}

TEST_F(GatewayCalls, AWatchPassesAsItHappens) {
  bannou::streaming::v1::SeedAudiencePoolRequest seed;
  const std::string game = common::Uuid::V4().ToString();
  seed.set_game_service_id(game);
  seed.set_count(500);
  ASSERT_TRUE(wire_.Call(seed, admin_.authorization).status.ok());
  bannou::streaming::v1::CreateStreamSessionRequest create;
  create.set_game_service_id(game);
  create.set_streamer_id(common::Uuid::V4().ToString());
  create.set_streamer_type(bannou::streaming::v1::STREAMER_ENTITY_TYPE_ACTOR);
  const std::string session = wire_.Call(create, admin_.authorization)
                                  .As<bannou::streaming::v1::StreamSessionDetail>()
                                  .session_id();
  bannou::streaming::v1::StartStreamSessionRequest start;
  start.set_session_id(session);
  ASSERT_TRUE(wire_.Call(start, admin_.authorization).status.ok());
  const Watching watching(gateway().Channel(), admin_.authorization, session);
  EXPECT_TRUE(watching.Has(Watching::Event::kAudienceUpdate, 2));
}

}  // namespace
}  // namespace story
