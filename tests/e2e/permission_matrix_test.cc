// Every RPC of both daemons, called by every kind of caller. What must come out is computed from
// the options of the contract and the lattice of roles, nothing else.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <google/rpc/status.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/crypto/encoding.h"
#include "tests/e2e/both_daemons.h"
#include "tests/story/contract.h"

namespace story {
namespace {

using common::Uuid;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using nlohmann::json;

// What the edge made of a call: a reason of its own, or "" when the call got through to the
// validator or the handler, whatever these said then.
const std::string kAdmitted;
const std::map<std::string, grpc::StatusCode> kRefusals = {
    {"TOKEN_MISSING", grpc::StatusCode::UNAUTHENTICATED},
    {"TOKEN_INVALID", grpc::StatusCode::UNAUTHENTICATED},
    {"PERMISSION_DENIED", grpc::StatusCode::PERMISSION_DENIED},
    {"NOT_OWNER", grpc::StatusCode::PERMISSION_DENIED}};

struct Someone {
  std::string name;
  std::string authorization;  // the header's value, "" = no header
  std::string refusal;        // that the token alone deserves, "" = it is a good one
  std::set<std::string> roles;
  std::set<std::string> states;
};

const Uuid& Account() {
  static const Uuid account = Uuid::V4();
  return account;
}

Someone Holder(const std::string& name, const std::vector<std::string>& roles,
               const std::vector<std::string>& states = {}) {
  return {.name = name,
          .authorization = "Bearer " + Sign(Claims(Account(), roles, states)),
          .roles = {roles.begin(), roles.end()},
          .states = {states.begin(), states.end()}};
}

Someone Forger(const std::string& name, const std::string& token) {
  return {.name = name, .authorization = "Bearer " + token, .refusal = "TOKEN_INVALID"};
}

// An admin's claims but for one, signed as they are.
std::string AdminBut(const std::string& claim, const json& value) {
  json claims = Claims(Account(), {"admin"}, {"in_game"});
  claims[claim] = value;
  if (value.is_null()) claims.erase(claim);
  return Sign(claims);
}

// A player's token with an admin's payload under the player's signature.
std::string Tampered() {
  const std::string player = Sign(Claims(Account(), {"user"}, {"in_game"}));
  const std::string admin = Sign(Claims(Account(), {"admin"}));
  return admin.substr(0, admin.rfind('.')) + player.substr(player.rfind('.'));
}

std::vector<Someone> Everyone() {
  const json admin = Claims(Account(), {"admin"}, {"in_game"});
  const int64_t now = common::ToMicros(common::Now()) / 1'000'000;
  const std::string good = Sign(admin);
  const std::string unsigned_token = good.substr(0, good.rfind('.') + 1);
  return {
      {.name = "nobody", .authorization = "", .refusal = "TOKEN_MISSING"},
      {.name = "another scheme", .authorization = "Basic " + good, .refusal = "TOKEN_MISSING"},
      {.name = "no scheme", .authorization = good, .refusal = "TOKEN_MISSING"},
      Holder("a user in the game", {"user"}, {"in_game"}),
      Holder("a user outside the game", {"user"}),
      Holder("a user in another state", {"user"}, {"in_lobby", "IN_GAME"}),
      Holder("a developer in the game", {"developer"}, {"in_game"}),
      Holder("a developer outside the game", {"developer"}),
      Holder("an admin", {"admin"}),
      Holder("a service", {"service"}),
      Holder("a service that is a user too", {"user", "service"}),
      Holder("a token without roles", {}, {"in_game"}),
      Holder("a role nobody knows", {"root", "Admin", "ADMIN", ""}, {"in_game"}),
      Forger("garbage", "garbage"),
      Forger("no token behind the scheme", ""),
      Forger("garbage in three parts", "a.b.c"),
      Forger("expired", AdminBut("exp", now - 60)),
      Forger("no expiry", AdminBut("exp", nullptr)),
      Forger("an expiry that is no number", AdminBut("exp", "never")),
      Forger("not yet valid", AdminBut("nbf", now + 600)),
      Forger("from the future", AdminBut("iat", now + 600)),
      Forger("another issuer", AdminBut("iss", "somebody")),
      Forger("no issuer", AdminBut("iss", nullptr)),
      Forger("for another audience", AdminBut("aud", "another-service")),
      Forger("for no audience", AdminBut("aud", nullptr)),
      Forger("roles that are no list of words", AdminBut("roles", json{{"admin", 1}, {"x", 2}})),
      Forger("another key", Sign(admin, "fedcba9876543210fedcba9876543210")),
      Forger("an empty key", Sign(admin, "")),
      Forger("tampered", Tampered()),
      Forger("signature cut off", unsigned_token),
      Forger("signature shortened", good.substr(0, good.size() - 4)),
      Forger("alg none", Sign(admin, kAuthKey, "none")),
      Forger("alg none, yet signed", Sign(admin, kAuthKey, "None")),
      Forger("alg HS384", Sign(admin, kAuthKey, "HS384")),
      Forger("alg HS512", Sign(admin, kAuthKey, "HS512")),
      Forger("alg RS256 with the shared key", Sign(admin, kAuthKey, "RS256")),
      Forger("alg ES256 with the shared key", Sign(admin, kAuthKey, "ES256")),
      Forger("no alg", Sign(admin, kAuthKey, "")),
  };
}

// The lattice: what having a role makes of one.
const std::map<std::string, std::set<bannou::common::v1::Role>> kSatisfies = {
    {"user", {bannou::common::v1::ROLE_USER}},
    {"developer", {bannou::common::v1::ROLE_USER, bannou::common::v1::ROLE_DEVELOPER}},
    {"service",
     {bannou::common::v1::ROLE_USER, bannou::common::v1::ROLE_DEVELOPER,
      bannou::common::v1::ROLE_SERVICE}},
    {"admin",
     {bannou::common::v1::ROLE_USER, bannou::common::v1::ROLE_DEVELOPER,
      bannou::common::v1::ROLE_SERVICE, bannou::common::v1::ROLE_ADMIN}}};

const FieldDescriptor* OwnerOf(const MethodDescriptor& method) {
  for (int i = 0; i < method.input_type()->field_count(); ++i) {
    const FieldDescriptor* const field = method.input_type()->field(i);
    if (RulesOf(*field).owner_account()) return field;
  }
  return nullptr;
}

// What the options promise. `owner` is the account that the request names, if it names one.
std::string Expected(const MethodDescriptor& method, const Someone& caller,
                     const std::optional<Uuid>& owner) {
  const auto& access = AccessOf(method);
  if (access.anonymous()) return kAdmitted;
  if (!caller.refusal.empty()) return caller.refusal;
  const bool privileged = caller.roles.contains("admin") || caller.roles.contains("service");
  const bool has_role =
      std::any_of(caller.roles.begin(), caller.roles.end(), [&access](const std::string& role) {
        const auto satisfied = kSatisfies.find(role);
        return satisfied != kSatisfies.end() && satisfied->second.contains(access.role());
      });
  if (!has_role) return "PERMISSION_DENIED";
  for (const std::string& state : access.states()) {
    if (!privileged && !caller.states.contains(state)) return "PERMISSION_DENIED";
  }
  if (owner && *owner != Account() && !privileged) return "NOT_OWNER";
  return kAdmitted;
}

class PermissionMatrix : public BothDaemons {
 protected:
  // What the call met, having checked what holds for every answer.
  static std::string Refusal(const MethodDescriptor& method, const Answer& answer) {
    const grpc::StatusCode code = answer.status.error_code();
    EXPECT_TRUE(answer.status.ok() || !answer.reason().empty())
        << "an error without a reason: " << code << " " << answer.status.error_message();
    EXPECT_NE(code, grpc::StatusCode::INTERNAL) << answer.status.error_message();
    EXPECT_NE(code, grpc::StatusCode::UNAVAILABLE) << answer.status.error_message();
    EXPECT_NE(code, grpc::StatusCode::DEADLINE_EXCEEDED) << answer.status.error_message();
    const auto refusal = kRefusals.find(answer.reason());
    if (refusal == kRefusals.end()) return kAdmitted;
    EXPECT_EQ(code, refusal->second) << answer.reason();
    EXPECT_TRUE(answer.messages.empty()) << method.full_name() << " answered a refused call";
    return answer.reason();
  }

  static std::unique_ptr<Message> Empty(const MethodDescriptor& method) {
    return Parse(*method.input_type(), "");
  }
  static std::unique_ptr<Message> GoodRequest(const MethodDescriptor& method, const Uuid& owner) {
    auto request = GoodMessage(*method.input_type());
    Own(method, owner, *request);
    return request;
  }
  static void Own(const MethodDescriptor& method, const Uuid& owner, Message& request) {
    const FieldDescriptor* const field = OwnerOf(method);
    if (field != nullptr) {
      request.GetReflection()->SetString(&request, field, owner.ToString());
    }
  }
};

TEST_F(PermissionMatrix, TheContractHasWhatTheMatrixIsAbout) {
  std::set<const google::protobuf::Descriptor*> requests;
  std::set<bannou::common::v1::Role> roles;
  int anonymous = 0, owned = 0, streams = 0;
  for (const MethodDescriptor* method : ContractMethods()) {
    ASSERT_TRUE(method->options().HasExtension(bannou::common::v1::access)) << method->full_name();
    const auto& access = AccessOf(*method);
    EXPECT_EQ(access.anonymous(), access.role() == bannou::common::v1::ROLE_UNSPECIFIED)
        << method->full_name() << " must state a role or be anonymous";
    EXPECT_TRUE(requests.insert(method->input_type()).second) << method->input_type()->full_name();
    roles.insert(access.role());
    anonymous += access.anonymous();
    owned += OwnerOf(*method) != nullptr;
    streams += method->server_streaming();
  }
  EXPECT_EQ(roles.size(), 5u) << "all four, and none";
  EXPECT_GT(anonymous, 0);
  EXPECT_GT(owned, 0);
  EXPECT_GT(streams, 0);
}

TEST_F(PermissionMatrix, EveryRpcAnswersEveryCallerAsItsOptionsSay) {
  for (const MethodDescriptor* method : ContractMethods()) {
    const bool owned = OwnerOf(*method) != nullptr;
    for (const Someone& caller : Everyone()) {
      SCOPED_TRACE(method->full_name() + ", called by " + caller.name);
      const Answer own = wire().Call(*GoodRequest(*method, Account()), caller.authorization);
      EXPECT_EQ(Refusal(*method, own), Expected(*method, caller, Account())) << own.reason();
      EXPECT_EQ(own.fields(), std::vector<std::string>{}) << "a good request was refused";
      if (!owned) continue;
      const Uuid other = Uuid::V4();
      const Answer others = wire().Call(*GoodRequest(*method, other), caller.authorization);
      EXPECT_EQ(Refusal(*method, others), Expected(*method, caller, other)) << others.reason();
    }
  }
}

// Nothing is parsed for a caller without permission.
TEST_F(PermissionMatrix, PermissionIsJudgedBeforeTheBytes) {
  for (const MethodDescriptor* method : ContractMethods()) {
    for (const Someone& caller : Everyone()) {
      SCOPED_TRACE(method->full_name() + ", called with garbage by " + caller.name);
      const Answer answer = wire().Call(*method, "\xff\xff\xff", caller.authorization);
      const std::string expected = Expected(*method, caller, std::nullopt);
      EXPECT_EQ(Refusal(*method, answer), expected) << answer.reason();
      EXPECT_EQ(answer.reason() == "MALFORMED_REQUEST", expected == kAdmitted);
    }
  }
}

// Who may not call learns nothing about what a request must look like.
TEST_F(PermissionMatrix, PermissionIsJudgedBeforeTheRequest) {
  for (const MethodDescriptor* method : ContractMethods()) {
    std::vector<std::string> required;
    for (int i = 0; i < method->input_type()->field_count(); ++i) {
      const FieldDescriptor& field = *method->input_type()->field(i);
      if (RulesOf(field).required()) required.push_back(field.name());
    }
    for (const Someone& caller : Everyone()) {
      SCOPED_TRACE(method->full_name() + ", called with nothing by " + caller.name);
      const Answer answer = wire().Call(*Empty(*method), caller.authorization);
      const std::string expected = Expected(*method, caller, std::nullopt);
      EXPECT_EQ(Refusal(*method, answer), expected) << answer.reason();
      if (expected != kAdmitted || required.empty()) continue;
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_EQ(answer.reason(), "INVALID_FIELDS");
      for (const std::string& name : required) {
        const auto fields = answer.fields();
        EXPECT_NE(std::find(fields.begin(), fields.end(), name), fields.end()) << name;
      }
    }
  }
}

TEST_F(PermissionMatrix, AnotherAccountIsRefusedWhateverElseIsWrong) {
  for (const MethodDescriptor* method : ContractMethods()) {
    if (OwnerOf(*method) == nullptr) continue;
    for (const Someone& caller : Everyone()) {
      SCOPED_TRACE(method->full_name() + ", called by " + caller.name);
      const Uuid other = Uuid::V4();
      const auto request = Empty(*method);
      Own(*method, other, *request);
      const Answer answer = wire().Call(*request, caller.authorization);
      EXPECT_EQ(Refusal(*method, answer), Expected(*method, caller, other)) << answer.reason();
    }
  }
}

}  // namespace
}  // namespace story
