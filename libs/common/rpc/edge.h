// The one edge that every RPC passes, in this order: trace, room, deadline, switched on, identity,
// permission, rate, decoding, owner, field rules, handler, error mapping, metrics, log. Permissions
// and field rules stand in the .proto files; a method without a permission does not start.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/base/time.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/identity.h"
#include "libs/common/rpc/method.h"
#include "libs/common/rpc/token.h"

namespace common::rpc {

// What a handler knows of its call.
struct CallContext {
  Identity identity;
  Time now;       // when the call was admitted
  Time deadline;  // the caller's, capped by the server
  std::function<bool()> cancelled;
};

struct EdgeSettings {
  std::string domain;  // the daemon's name, for ErrorInfo
  bool enabled = true;
  bool insecure = false;  // AUTH_MODE=insecure: every caller is an admin
  Duration deadline_max = std::chrono::seconds(10);
};

// Says whether an account may make one more call now; OK or RATE_LIMITED with a pause.
using RateLimit = std::function<absl::Status(const Uuid& account)>;

class Edge {
 public:
  // All arguments outlive the edge.
  Edge(EdgeSettings settings, const TokenVerifier& verifier, executor::Executor& executor,
       metrics::Registry& metrics);

  // Before the server starts. Applies to everybody but admins and services; the nil account stands
  // for tokens without one.
  void LimitRate(RateLimit limit) { rate_limit_ = std::move(limit); }

  // From now on calls reach their handlers; before, they answer UNAVAILABLE.
  void Open() { open_ = true; }
  // From now on calls are refused with DRAINING. Waits up to `grace` for those in flight; true when
  // all have their answers.
  bool Drain(Duration grace);

  // The methods of a service of the linked contract, in the contract's order. FAILED_PRECONDITION
  // when one of them states no permission.
  absl::StatusOr<std::vector<std::unique_ptr<Method>>> Describe(std::string_view service) const;

  // Counts a call in until it leaves; false, and nothing to leave, while the daemon drains.
  bool Enter() const;
  void Leave() const;

  // What is judged before the request is looked at.
  absl::StatusOr<CallContext> Admit(const Method& method,
                                    const grpc::CallbackServerContext& context) const;
  // Makes the empty `request` from its bytes, and judges owner and fields.
  absl::Status Read(const Method& method, const Identity& identity, const grpc::ByteBuffer& bytes,
                    google::protobuf::Message& request) const;

  executor::Executor& executor() const { return executor_; }
  const std::string& domain() const { return settings_.domain; }

 private:
  absl::StatusOr<Identity> Identify(const Method& method,
                                    const grpc::CallbackServerContext& context) const;
  absl::Status Permit(const Method& method, const Identity& identity) const;
  absl::Status CheckOwner(const Method& method, const Identity& identity,
                          const google::protobuf::Message& request) const;

  const EdgeSettings settings_;
  const TokenVerifier& verifier_;
  executor::Executor& executor_;
  metrics::Registry& metrics_;
  RateLimit rate_limit_;
  std::atomic<bool> open_{false};
  std::atomic<bool> draining_{false};
  mutable std::atomic<int> in_flight_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable left_;
};

}  // namespace common::rpc
