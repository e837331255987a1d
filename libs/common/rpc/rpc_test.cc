#include <bannou/stream/v1/admin.pb.h>
#include <bannou/stream/v1/platform.pb.h>
#include <bannou/stream/v1/webhook.pb.h>
#include <bannou/streaming/v1/audience.pb.h>
#include <gtest/gtest.h>

#include "libs/common/rpc/edge.h"
#include "libs/common/rpc/token.h"
#include "libs/common/rpc/validator.h"

namespace common::rpc {
namespace {

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
constexpr const char* kAccount = "11111111-2222-4333-8444-555555555555";

TokenVerifier Verifier() {
  return TokenVerifier({.hs256_key = config::Secret(kKey), .issuer = "iss", .audience = "aud"});
}

std::vector<std::string> Fields(const google::protobuf::Message& message) {
  std::vector<std::string> fields;
  for (const auto& violation : Validate(message)) fields.push_back(violation.field);
  return fields;
}

TEST(Validator, ReportsEveryViolationAtOnce) {
  bannou::streaming::v1::TriggerReactionRequest request;
  request.set_session_id("nonsense");
  request.set_significance(1.5f);
  request.set_request_id("x");
  request.set_description(std::string(501, 'x'));
  EXPECT_EQ(Fields(request), (std::vector<std::string>{"session_id", "event_type", "significance",
                                                       "description", "request_id"}));
}

TEST(Validator, AcceptsWhatTheContractAllows) {
  bannou::streaming::v1::TriggerReactionRequest request;
  request.set_session_id(kAccount);
  request.set_event_type(bannou::streaming::v1::REACTION_EVENT_TYPE_LEVEL_UP);
  // 500 code points of two bytes each.
  std::string description;
  for (int i = 0; i < 500; ++i) description += "\xc3\xa4";
  request.set_description(description);
  EXPECT_TRUE(Fields(request).empty());
}

TEST(Validator, RefusesUnknownEnumsAndNumbersThatAreNone) {
  bannou::streaming::v1::TriggerReactionRequest request;
  request.set_session_id(kAccount);
  request.set_event_type(static_cast<bannou::streaming::v1::ReactionEventType>(99));
  request.set_significance(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(Fields(request), (std::vector<std::string>{"event_type", "significance"}));
}

TEST(Validator, LooksIntoLists) {
  bannou::stream::v1::TestSentimentRequest request;
  for (int i = 0; i < 101; ++i) request.add_sample_messages("x");
  EXPECT_EQ(Fields(request), (std::vector<std::string>{"sample_messages"}));
}

TEST(Validator, LooksIntoMaps) {
  bannou::stream::v1::TwitchWebhookPayload request;
  (*request.mutable_headers())["name"] = std::string(100'000, 'x');
  const auto fields = Fields(request);
  EXPECT_NE(std::find(fields.begin(), fields.end(), "headers"), fields.end());
}

TEST(Edge, EveryMethodOfTheContractStatesItsPermission) {
  metrics::Registry metrics;
  executor::Executor executor(1, 1);
  const TokenVerifier verifier = Verifier();
  const Edge edge({.domain = "test"}, verifier, executor, metrics);
  // Naming a message links its file, and with it the file's services.
  bannou::stream::v1::LinkPlatformRequest::descriptor();
  EXPECT_TRUE(edge.Describe("bannou.stream.v1.PlatformService").ok());
  EXPECT_FALSE(edge.Describe("grpc.health.v1.Health").ok());
}

}  // namespace
}  // namespace common::rpc
