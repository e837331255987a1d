#include "libs/common/rpc/service.h"

#include "libs/common/log/log.h"
#include "libs/common/trace/trace.h"

namespace common::rpc {
namespace {

trace::Context TraceOf(const grpc::CallbackServerContext& context) {
  const auto& headers = context.client_metadata();
  const auto found = headers.find("traceparent");
  if (found != headers.end()) {
    if (const auto parent = trace::Parse({found->second.data(), found->second.size()})) {
      return trace::ChildOf(*parent);
    }
  }
  return trace::NewRoot();
}

// No exception may leave a reaction: gRPC would turn it into a hang or a wrong code.
absl::Status Call(const std::function<absl::Status(CallContext&)>& handler, CallContext& call) {
  try {
    return handler(call);
  } catch (...) {
    return errors::Make(errors::kInternal, "internal error");
  }
}

bool IsServerFault(grpc::StatusCode code) {
  return code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DATA_LOSS;
}

void LogEnd(const Method& method, const absl::Status& status, const grpc::Status& answer,
            Duration duration) {
  const auto level = answer.ok()                          ? log::Level::kDebug
                     : IsServerFault(answer.error_code()) ? log::Level::kWarning
                                                          : log::Level::kInfo;
  log::Write(level, "rpc.handled",
             {{"rpc", method.full_name()},
              {"code", static_cast<int>(answer.error_code())},
              {"reason", errors::ReasonOf(status).value_or("")},
              {"duration_ms", ToSeconds(duration) * 1e3}});
}

}  // namespace

grpc::Status Serve(const Edge& edge, const Method& method,
                   const grpc::CallbackServerContext& context,
                   const google::protobuf::Message& request, Time arrived,
                   const std::function<absl::Status(CallContext&)>& handler) {
  const trace::Scope scope(TraceOf(context));
  auto call = edge.Admit(method, context, request);
  const absl::Status status = call.ok() ? Call(handler, *call) : call.status();
  grpc::Status answer = errors::ToGrpc(status, edge.domain());
  const Duration duration = Now() - arrived;
  method.Observe(answer.error_code(), duration);
  LogEnd(method, status, answer, duration);
  return answer;
}

grpc::Status Refuse(const Edge& edge, const Method& method, Time arrived) {
  constexpr Duration kRetryAfter = std::chrono::milliseconds(200);
  grpc::Status answer = errors::ToGrpc(
      errors::MakeRetryable(errors::kOverloaded, "the server is at capacity", kRetryAfter),
      edge.domain());
  method.Observe(answer.error_code(), Now() - arrived);
  return answer;
}

}  // namespace common::rpc
