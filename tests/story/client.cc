#include "tests/story/client.h"

#include <cstdlib>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/base/time.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

namespace story {
namespace {

constexpr std::chrono::seconds kCallTimeout{10};
constexpr std::chrono::seconds kTokenLife{3600};

// The channel to a daemon that does not run fails its calls; that is what a caller would see.
std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
  return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
}

}  // namespace

absl::StatusOr<Stack> StackFromEnvironment() {
  const auto read = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  Stack stack{.stream_grpc = read("STREAM_GRPC_ADDR"),
              .streaming_grpc = read("STREAMING_GRPC_ADDR"),
              .platform_sim = read("PLATFORM_SIM_ADDR"),
              .auth_key = common::config::Secret(read("AUTH_HS256_KEY"))};
  if (stack.streaming_grpc.empty() || stack.auth_key.empty()) {
    return absl::InvalidArgumentError("STREAMING_GRPC_ADDR and AUTH_HS256_KEY must be set");
  }
  return stack;
}

std::string MakeToken(const Stack& stack, const common::Uuid& account,
                      const std::vector<std::string>& roles,
                      const std::vector<std::string>& states) {
  const auto now = std::chrono::floor<std::chrono::seconds>(common::Now()).time_since_epoch();
  const nlohmann::json header{{"alg", "HS256"}, {"typ", "JWT"}};
  const nlohmann::json claims{{"iss", stack.issuer},
                              {"aud", stack.audience},
                              {"sub", account.ToString()},
                              {"iat", now.count()},
                              {"exp", (now + kTokenLife).count()},
                              {"roles", roles},
                              {"states", states}};
  const std::string body = common::crypto::Base64UrlEncode(header.dump()) + "." +
                           common::crypto::Base64UrlEncode(claims.dump());
  return body + "." +
         common::crypto::Base64UrlEncode(common::crypto::HmacSha256(stack.auth_key, {body}));
}

Stubs::Stubs(const Stack& stack) {
  namespace stream = bannou::stream::v1;
  namespace streaming = bannou::streaming::v1;
  const auto platform_side = Channel(stack.stream_grpc);
  platforms = stream::PlatformService::NewStub(platform_side);
  platform_sessions = stream::PlatformSessionService::NewStub(platform_side);
  stream_admin = stream::StreamAdminService::NewStub(platform_side);
  const auto game_side = Channel(stack.streaming_grpc);
  pools = streaming::AudiencePoolService::NewStub(game_side);
  sessions = streaming::StreamSessionService::NewStub(game_side);
  audiences = streaming::AudienceService::NewStub(game_side);
  hype = streaming::HypeService::NewStub(game_side);
  careers = streaming::CareerService::NewStub(game_side);
  follows = streaming::FollowService::NewStub(game_side);
}

void Caller::Prepare(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  context.AddMetadata("authorization", "Bearer " + token_);
}

absl::Status Caller::ToAbslStatus(const grpc::Status& status) {
  google::rpc::Status packed;
  packed.ParseFromString(status.error_details());
  google::rpc::ErrorInfo info;
  for (const auto& any : packed.details()) any.UnpackTo(&info);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      common::ToAbsl(status.error_message() + " [" + info.reason() + "]"));
}

}  // namespace story
