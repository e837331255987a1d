// The one edge that every RPC passes, in this order: trace, deadline, switched on, identity,
// permission, field rules, handler, error mapping, metrics, log. Permissions and field rules stand
// in the .proto files; a method without them does not start.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/identity.h"
#include "libs/common/rpc/token.h"

namespace common::rpc {

// What a handler knows of its call.
struct CallContext {
  Identity identity;
  Time now;       // when the call was admitted
  Time deadline;  // the caller's, capped by the server
  std::function<bool()> cancelled;
};

// A method as the contract describes it, with its metrics.
class Method {
 public:
  Method(const google::protobuf::MethodDescriptor& descriptor, metrics::Registry& metrics);

  const std::string& name() const { return descriptor_.name(); }
  const std::string& full_name() const { return descriptor_.full_name(); }
  const bannou::common::v1::Access& access() const { return access_; }
  // The request's field that names the account acted for, or null.
  const google::protobuf::FieldDescriptor* owner() const { return owner_; }

  void Observe(grpc::StatusCode code, Duration duration) const;

 private:
  static constexpr size_t kCodes = 17;

  const google::protobuf::MethodDescriptor& descriptor_;
  const bannou::common::v1::Access& access_;
  const google::protobuf::FieldDescriptor* owner_ = nullptr;
  metrics::Registry& metrics_;
  metrics::Histogram& seconds_;
  // Made when a code first occurs, so that the page lists only what happened.
  mutable std::array<std::atomic<metrics::Counter*>, kCodes> handled_{};
};

struct EdgeSettings {
  std::string domain;  // the daemon's name, for ErrorInfo
  bool enabled = true;
  bool insecure = false;  // AUTH_MODE=insecure: every caller is an admin
  Duration deadline_max = std::chrono::seconds(10);
};

class Edge {
 public:
  // All arguments outlive the edge.
  Edge(EdgeSettings settings, const TokenVerifier& verifier, executor::Executor& executor,
       metrics::Registry& metrics);

  // From now on calls reach their handlers; before, they answer UNAVAILABLE.
  void Open() { open_ = true; }

  // The methods of a service of the linked contract. FAILED_PRECONDITION when one of them states no
  // permission.
  absl::StatusOr<std::vector<std::unique_ptr<Method>>> Describe(std::string_view service) const;

  // Everything before the handler.
  absl::StatusOr<CallContext> Admit(const Method& method,
                                    const grpc::CallbackServerContext& context,
                                    const google::protobuf::Message& request) const;

  executor::Executor& executor() const { return executor_; }
  const std::string& domain() const { return settings_.domain; }

 private:
  absl::StatusOr<Identity> Identify(const Method& method,
                                    const grpc::CallbackServerContext& context) const;
  absl::Status Authorize(const Method& method, const Identity& identity,
                         const google::protobuf::Message& request) const;

  const EdgeSettings settings_;
  const TokenVerifier& verifier_;
  executor::Executor& executor_;
  metrics::Registry& metrics_;
  std::atomic<bool> open_{false};
};

}  // namespace common::rpc
