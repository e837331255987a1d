// A caller of both daemons, as a game server, a player's client or an admin's tool would be.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <bannou/stream/v1/admin.grpc.pb.h>
#include <bannou/stream/v1/platform.grpc.pb.h>
#include <bannou/stream/v1/session.grpc.pb.h>
#include <bannou/streaming/v1/audience.grpc.pb.h>
#include <bannou/streaming/v1/career.grpc.pb.h>
#include <bannou/streaming/v1/economy.grpc.pb.h>
#include <bannou/streaming/v1/follow.grpc.pb.h>
#include <bannou/streaming/v1/hype.grpc.pb.h>
#include <bannou/streaming/v1/pool.grpc.pb.h>
#include <bannou/streaming/v1/session.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/base/status.h"
#include "libs/common/base/uuid.h"
#include "libs/common/config/secret.h"

namespace story {

// The value; throws the message of an error, which a test reports.
template <class T>
T ValueOf(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(std::string(common::ToStd(value.status().message())));
  return *std::move(value);
}

// Where a stack listens, and the key that its tokens are signed with.
struct Stack {
  std::string stream_grpc;     // host:port; empty = the stream daemon does not run
  std::string streaming_grpc;  // host:port
  std::string platform_sim;    // host:port
  common::config::Secret auth_key;
  std::string issuer = "bannou";
  std::string audience = "bannou-streaming";
};
// The variables that `./dev` exports. INVALID_ARGUMENT names one that is missing.
absl::StatusOr<Stack> StackFromEnvironment();

// A bearer token that is valid for an hour.
std::string MakeToken(const Stack& stack, const common::Uuid& account,
                      const std::vector<std::string>& roles,
                      const std::vector<std::string>& states);

// One channel a daemon, shared by all callers.
class Stubs {
 public:
  explicit Stubs(const Stack& stack);

  std::unique_ptr<bannou::stream::v1::PlatformService::Stub> platforms;
  std::unique_ptr<bannou::stream::v1::PlatformSessionService::Stub> platform_sessions;
  std::unique_ptr<bannou::stream::v1::StreamAdminService::Stub> stream_admin;
  std::unique_ptr<bannou::streaming::v1::AudiencePoolService::Stub> pools;
  std::unique_ptr<bannou::streaming::v1::StreamSessionService::Stub> sessions;
  std::unique_ptr<bannou::streaming::v1::AudienceService::Stub> audiences;
  std::unique_ptr<bannou::streaming::v1::HypeService::Stub> hype;
  std::unique_ptr<bannou::streaming::v1::CareerService::Stub> careers;
  std::unique_ptr<bannou::streaming::v1::FollowService::Stub> follows;
  std::unique_ptr<bannou::streaming::v1::EconomyService::Stub> economy;
};

class Caller {
 public:
  // `traceparent`: of every call; "" = none.
  explicit Caller(std::string token, std::string traceparent = "")
      : token_(std::move(token)), traceparent_(std::move(traceparent)) {}

  // caller.Call(stubs.hype, &HypeService::Stub::GetHypeStatus, request): the answer, or the error
  // with its message and reason.
  template <class Stub, class Interface, class Request, class Response>
  absl::StatusOr<Response> Call(const std::unique_ptr<Stub>& stub,
                                grpc::Status (Interface::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                                const Request& request) const {
    grpc::ClientContext context;
    Prepare(context);
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return ToAbslStatus(status);
    return response;
  }

 private:
  void Prepare(grpc::ClientContext& context) const;
  static absl::Status ToAbslStatus(const grpc::Status& status);

  std::string token_;
  std::string traceparent_;
};

}  // namespace story
