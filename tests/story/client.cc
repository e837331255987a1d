#include "tests/story/client.h"

#include <cstdlib>

#include "libs/common/base/status.h"
#include "tests/story/token.h"
#include "tests/story/wire.h"

namespace story {
namespace {

constexpr std::chrono::seconds kCallTimeout{10};

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
  nlohmann::json claims = Claims(account, roles, states);
  claims["iss"] = stack.issuer;
  claims["aud"] = stack.audience;
  return Sign(claims, stack.auth_key.Reveal());
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
  economy = streaming::EconomyService::NewStub(game_side);
}

void Caller::Prepare(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  context.AddMetadata("authorization", "Bearer " + token_);
  if (!traceparent_.empty()) context.AddMetadata("traceparent", traceparent_);
}

absl::Status Caller::ToAbslStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      common::ToAbsl(status.error_message() + " [" + ReasonOf(status) + "]"));
}

}  // namespace story
