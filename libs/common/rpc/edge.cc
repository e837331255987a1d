#include "libs/common/rpc/edge.h"

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/http/message.h"
#include "libs/common/rpc/validator.h"

namespace common::rpc {
namespace {

using bannou::common::v1::Access;
using google::protobuf::FieldDescriptor;

const FieldDescriptor* FindOwner(const google::protobuf::Descriptor& request) {
  for (int i = 0; i < request.field_count(); ++i) {
    const auto& rules = request.field(i)->options().GetExtension(bannou::common::v1::rules);
    if (rules.owner_account()) return request.field(i);
  }
  return nullptr;
}

const char* CodeName(size_t code) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  return kNames[code];
}

// gRPC's metadata of the first `name`, empty when absent.
std::string_view Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto& headers = context.client_metadata();
  const auto found = headers.find(name);
  if (found == headers.end()) return {};
  return {found->second.data(), found->second.size()};
}

}  // namespace

Method::Method(const google::protobuf::MethodDescriptor& descriptor, metrics::Registry& metrics)
    : descriptor_(descriptor),
      access_(descriptor.options().GetExtension(bannou::common::v1::access)),
      owner_(FindOwner(*descriptor.input_type())),
      metrics_(metrics),
      seconds_(metrics.GetTimer("grpc_server_handling_seconds",
                                "Time from the arrival of a call to its answer.",
                                {{"grpc_service", descriptor.service()->full_name()},
                                 {"grpc_method", descriptor.name()}})) {}

void Method::Observe(grpc::StatusCode code, Duration duration) const {
  const size_t index = std::min(static_cast<size_t>(code), kCodes - 1);
  metrics::Counter* counter = handled_[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &metrics_.GetCounter("grpc_server_handled_total", "Calls answered, by code.",
                                   {{"grpc_service", descriptor_.service()->full_name()},
                                    {"grpc_method", descriptor_.name()},
                                    {"grpc_code", CodeName(index)}});
    handled_[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
  seconds_.Observe(ToSeconds(duration));
}

Edge::Edge(EdgeSettings settings, const TokenVerifier& verifier, executor::Executor& executor,
           metrics::Registry& metrics)
    : settings_(std::move(settings)), verifier_(verifier), executor_(executor), metrics_(metrics) {}

absl::StatusOr<std::vector<std::unique_ptr<Method>>> Edge::Describe(
    std::string_view service) const {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const auto* descriptor = pool->FindServiceByName(std::string(service));
  if (descriptor == nullptr) return absl::FailedPreconditionError("the service is not linked");
  std::vector<std::unique_ptr<Method>> methods;
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const auto& method = *descriptor->method(i);
    if (!method.options().HasExtension(bannou::common::v1::access)) {
      return absl::FailedPreconditionError(method.full_name() + " states no permission");
    }
    methods.push_back(std::make_unique<Method>(method, metrics_));
  }
  return methods;
}

absl::StatusOr<CallContext> Edge::Admit(const Method& method,
                                        const grpc::CallbackServerContext& context,
                                        const google::protobuf::Message& request) const {
  const Time now = Now();
  const Time deadline =
      std::min(now + settings_.deadline_max,
               std::chrono::time_point_cast<Duration>(
                   std::min(context.deadline(),
                            std::chrono::system_clock::time_point(now + settings_.deadline_max))));
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
  RETURN_IF_ERROR(Authorize(method, identity, request));
  if (const auto violations = Validate(request); !violations.empty()) {
    return errors::InvalidFields(violations);
  }
  return CallContext{
      .identity = std::move(identity), .now = now, .deadline = deadline, .cancelled = [&context] {
        return context.IsCancelled();
      }};
}

absl::StatusOr<Identity> Edge::Identify(const Method& method,
                                        const grpc::CallbackServerContext& context) const {
  if (method.access().anonymous()) return Identity{};
  if (settings_.insecure) {
    Identity everyone;
    everyone.admin = true;
    return everyone;
  }
  constexpr std::string_view kScheme = "Bearer ";  // in any case, RFC 9110 section 11.1
  const std::string_view authorization = Header(context, "authorization");
  if (!http::EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) {
    return errors::Make(errors::kTokenMissing, "send authorization: Bearer <token>");
  }
  return verifier_.Verify(authorization.substr(kScheme.size()), Now());
}

absl::Status Edge::Authorize(const Method& method, const Identity& identity,
                             const google::protobuf::Message& request) const {
  const Access& access = method.access();
  if (access.anonymous()) return absl::OkStatus();
  if (!identity.Satisfies(access.role())) {
    return errors::Make(errors::kPermissionDenied, "the caller's role does not allow this call");
  }
  if (!identity.HasStates(access.states())) {
    return errors::Make(errors::kPermissionDenied, "the caller is not in the state for this call");
  }
  if (method.owner() == nullptr) return absl::OkStatus();
  const auto owner = Uuid::Parse(request.GetReflection()->GetString(request, method.owner()));
  // A malformed id is the validator's to report.
  if (owner && !identity.MayActFor(*owner)) {
    return errors::Make(errors::kNotOwner, "the account is not the caller's");
  }
  return absl::OkStatus();
}

}  // namespace common::rpc
