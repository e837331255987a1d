#include "libs/common/rpc/edge.h"

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/rpc/bearer.h"
#include "libs/common/rpc/request.h"
#include "libs/common/rpc/validator.h"

namespace common::rpc {
namespace {

using bannou::common::v1::Access;
using google::protobuf::Message;

// gRPC's metadata of the first `name`, empty when absent.
std::string_view Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto& headers = context.client_metadata();
  const auto found = headers.find(name);
  if (found == headers.end()) return {};
  return {found->second.data(), found->second.size()};
}

// The caller's deadline, but no later than `latest`.
Time DeadlineOf(const grpc::CallbackServerContext& context, Time latest) {
  const auto asked = context.deadline();
  return asked >= latest ? latest : std::chrono::time_point_cast<Duration>(asked);
}

}  // namespace

Edge::Edge(EdgeSettings settings, const TokenVerifier& verifier, executor::Executor& executor,
           metrics::Registry& metrics)
    : settings_(std::move(settings)), verifier_(verifier), executor_(executor), metrics_(metrics) {
  auto& in_flight = metrics_.GetGauge("grpc_server_in_flight", "Calls that wait or are handled.");
  metrics_.OnScrape([this, &in_flight] { in_flight.Set(in_flight_); });
}

absl::StatusOr<std::vector<std::unique_ptr<Method>>> Edge::Describe(
    std::string_view service) const {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const auto* descriptor = pool->FindServiceByName(std::string(service));
  if (descriptor == nullptr) return absl::FailedPreconditionError("the service is not linked");
  std::vector<std::unique_ptr<Method>> methods;
  for (int i = 0; i < descriptor->method_count(); ++i) {
    methods.push_back(std::make_unique<Method>(*descriptor->method(i), metrics_));
    if (!methods.back()->StatesPermission()) {
      return absl::FailedPreconditionError(methods.back()->full_name() + " states no permission");
    }
  }
  return methods;
}

bool Edge::Enter() const {
  // Counted first, so that a drain that begins now waits for this call or this call sees it.
  ++in_flight_;
  if (!draining_) return true;
  Leave();
  return false;
}

void Edge::Leave() const {
  if (--in_flight_ > 0 || !draining_) return;
  const std::lock_guard lock(mutex_);
  left_.notify_all();
}

bool Edge::Drain(Duration grace) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  return left_.wait_for(lock, grace, [this] { return in_flight_ == 0; });
}

absl::StatusOr<CallContext> Edge::Admit(const Method& method,
                                        const grpc::CallbackServerContext& context) const {
  const Time now = Now();
  const Time deadline = DeadlineOf(context, now + settings_.deadline_max);
  if (deadline <= now) {
    return errors::Make(errors::kDeadlineExceeded, errors::kDeadlineExceeded.meaning);
  }
  if (!settings_.enabled) {
    return errors::Make(errors::kServiceDisabled, "the service is switched off");
  }
  if (!open_) {
    return errors::MakeRetryable(errors::kUnavailable, "the daemon is starting",
                                 std::chrono::seconds(1));
  }
  ASSIGN_OR_RETURN(Identity identity, Identify(method, context));
  RETURN_IF_ERROR(Permit(method, identity));
  if (rate_limit_ && !method.access().anonymous() && !identity.IsPrivileged()) {
    const DeadlineScope scope(deadline - now);
    RETURN_IF_ERROR(rate_limit_(identity.account.value_or(Uuid())));
  }
  return CallContext{
      .identity = std::move(identity), .now = now, .deadline = deadline, .cancelled = [&context] {
        return context.IsCancelled();
      }};
}

absl::Status Edge::Read(const Method& method, const Identity& identity,
                        const grpc::ByteBuffer& bytes, Message& request) const {
  std::vector<errors::FieldViolation> violations;
  RETURN_IF_ERROR(Decode(bytes, request, violations));
  RETURN_IF_ERROR(CheckOwner(method, identity, request));
  for (auto& violation : Validate(request)) violations.push_back(std::move(violation));
  return violations.empty() ? absl::OkStatus() : errors::InvalidFields(violations);
}

absl::StatusOr<Identity> Edge::Identify(const Method& method,
                                        const grpc::CallbackServerContext& context) const {
  if (method.access().anonymous()) return Identity{};
  if (settings_.insecure) {
    Identity everyone;
    everyone.admin = true;
    return everyone;
  }
  return Authenticate(Header(context, "authorization"), verifier_, Now());
}

absl::Status Edge::Permit(const Method& method, const Identity& identity) const {
  const Access& access = method.access();
  if (access.anonymous()) return absl::OkStatus();
  if (!identity.Satisfies(access.role())) {
    return errors::Make(errors::kPermissionDenied, "the caller's role does not allow this call");
  }
  if (!identity.HasStates(access.states())) {
    return errors::Make(errors::kPermissionDenied, "the caller is not in the state for this call");
  }
  return absl::OkStatus();
}

absl::Status Edge::CheckOwner(const Method& method, const Identity& identity,
                              const Message& request) const {
  if (method.owner() == nullptr || method.access().anonymous()) return absl::OkStatus();
  const auto owner = Uuid::Parse(request.GetReflection()->GetString(request, method.owner()));
  // A malformed id is the validator's to report.
  if (owner && !identity.MayActFor(*owner)) {
    return errors::Make(errors::kNotOwner, "the account is not the caller's");
  }
  return absl::OkStatus();
}

}  // namespace common::rpc
