#include <random>

#include <bannou/stream/v1/admin.pb.h>
#include <bannou/stream/v1/platform.pb.h>
#include <bannou/stream/v1/webhook.pb.h>
#include <bannou/streaming/v1/audience.pb.h>
#include <gtest/gtest.h>
#include <jwt/jwt.hpp>

#include "libs/common/errors/errors.h"
#include "libs/common/rpc/edge.h"
#include "libs/common/rpc/token.h"
#include "libs/common/rpc/validator.h"

namespace common::rpc {
namespace {

namespace params = jwt::params;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";
constexpr const char* kAccount = "11111111-2222-4333-8444-555555555555";

TokenVerifier Verifier() {
  return TokenVerifier({.hs256_key = config::Secret(kKey), .issuer = "iss", .audience = "aud"});
}

nlohmann::json GoodClaims(Time now) {
  const int64_t seconds = ToMicros(now) / 1'000'000;
  return {{"iss", "iss"},        {"aud", "aud"},      {"sub", kAccount},      {"iat", seconds},
          {"exp", seconds + 60}, {"roles", {"user"}}, {"states", {"in_game"}}};
}

std::string Sign(const nlohmann::json& claims, const char* key = kKey,
                 const char* algorithm = "HS256") {
  jwt::jwt_object object{params::algorithm(algorithm), params::secret(key)};
  for (const auto& [name, value] : claims.items()) object.add_claim(name, value);
  return object.signature();
}

TEST(Token, GivesTheIdentityOfItsClaims) {
  const Time now = Now();
  const auto identity = Verifier().Verify(Sign(GoodClaims(now)), now);
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->account, Uuid::Parse(kAccount));
  EXPECT_TRUE(identity->user);
  EXPECT_FALSE(identity->admin);
  EXPECT_TRUE(identity->states.contains("in_game"));
}

TEST(Token, RefusesEveryOtherClaimKeyAndAlgorithm) {
  const Time now = Now();
  std::vector<std::string> bad = {"",
                                  ".",
                                  "..",
                                  "a.b.c",
                                  std::string(5000, 'a'),
                                  Sign(GoodClaims(now), "another key of at least 32 bytes"),
                                  Sign(GoodClaims(now), kKey, "HS384"),
                                  Sign(GoodClaims(now), "", "none")};
  for (const char* claim : {"iss", "aud", "exp"}) {
    auto claims = GoodClaims(now);
    claims.erase(claim);
    bad.push_back(Sign(claims));
    claims[claim] = "other";
    bad.push_back(Sign(claims));
  }
  auto expired = GoodClaims(now);
  expired["exp"] = ToMicros(now) / 1'000'000 - 1;
  bad.push_back(Sign(expired));
  auto premature = GoodClaims(now);
  premature["nbf"] = ToMicros(now) / 1'000'000 + 300;
  bad.push_back(Sign(premature));
  auto odd = GoodClaims(now);
  odd["roles"] = {1};
  bad.push_back(Sign(odd));
  for (const std::string& token : bad) {
    EXPECT_TRUE(errors::Is(Verifier().Verify(token, now).status(), errors::kTokenInvalid)) << token;
  }
}

TEST(Token, NoMutationOfATokenPasses) {
  const Time now = Now();
  const std::string good = Sign(GoodClaims(now));
  const auto verifier = Verifier();
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string token = good;
    const size_t at = random() % token.size();
    const char before = token[at];
    token[at] = static_cast<char>(random());
    // The last character of a base64 group may carry unused bits; a change there is no change.
    const bool unused_bits = at + 1 == token.size() || token[at + 1] == '.';
    if (token[at] == before || unused_bits) continue;
    EXPECT_FALSE(verifier.Verify(token, now).ok()) << i;
  }
}

TEST(Identity, RolesFormTheLattice) {
  using namespace bannou::common::v1;
  const Identity user{.user = true}, developer{.developer = true}, admin{.admin = true},
      service{.service = true}, nobody{};
  const auto row = [](const Identity& who) {
    return std::array{who.Satisfies(ROLE_USER), who.Satisfies(ROLE_DEVELOPER),
                      who.Satisfies(ROLE_ADMIN), who.Satisfies(ROLE_SERVICE)};
  };
  EXPECT_EQ(row(nobody), (std::array{false, false, false, false}));
  EXPECT_EQ(row(user), (std::array{true, false, false, false}));
  EXPECT_EQ(row(developer), (std::array{true, true, false, false}));
  EXPECT_EQ(row(admin), (std::array{true, true, true, true}));
  EXPECT_EQ(row(service), (std::array{true, true, false, true}));
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
