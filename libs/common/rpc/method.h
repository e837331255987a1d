// A method as the contract describes it, with its metrics.
#pragma once
#include <array>
#include <atomic>
#include <string>

#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/support/status.h>

#include "libs/common/base/time.h"
#include "libs/common/metrics/metrics.h"

namespace common::rpc {

// The code's canonical name, "OK" or "NOT_FOUND"; "UNKNOWN" for what is none.
const char* CodeName(grpc::StatusCode code);

class Method {
 public:
  // Both outlive the method.
  Method(const google::protobuf::MethodDescriptor& descriptor, metrics::Registry& metrics);

  const google::protobuf::MethodDescriptor& descriptor() const { return descriptor_; }
  const std::string& full_name() const { return descriptor_.full_name(); }
  const std::string& path() const { return path_; }  // "/package.Service/Method"
  const bannou::common::v1::Access& access() const { return access_; }
  // Whether the contract says who may call: a role, or anybody.
  bool StatesPermission() const;
  // The request's field that names the account acted for, or null.
  const google::protobuf::FieldDescriptor* owner() const { return owner_; }

  void ObserveStart() const { started_.Increment(); }
  void ObserveEnd(grpc::StatusCode code, Duration duration) const;

 private:
  static constexpr size_t kCodes = 17;

  const google::protobuf::MethodDescriptor& descriptor_;
  const std::string path_;
  const bannou::common::v1::Access& access_;
  const google::protobuf::FieldDescriptor* const owner_;
  metrics::Registry& metrics_;
  metrics::Counter& started_;
  metrics::Histogram& seconds_;
  // Made when a code first occurs, so that the page lists only what happened.
  mutable std::array<std::atomic<metrics::Counter*>, kCodes> handled_{};
};

}  // namespace common::rpc
