#include "libs/common/rpc/method.h"

#include <algorithm>

namespace common::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

constexpr const char* kCodeNames[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

size_t IndexOf(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < std::size(kCodeNames) ? index : static_cast<size_t>(grpc::StatusCode::UNKNOWN);
}

const FieldDescriptor* FindOwner(const Descriptor& request) {
  for (int i = 0; i < request.field_count(); ++i) {
    const auto& rules = request.field(i)->options().GetExtension(bannou::common::v1::rules);
    if (rules.owner_account()) return request.field(i);
  }
  return nullptr;
}

// The names that go-grpc-prometheus uses, so that its dashboards fit.
metrics::Labels LabelsOf(const MethodDescriptor& method) {
  return {{"grpc_service", method.service()->full_name()}, {"grpc_method", method.name()}};
}

}  // namespace

const char* CodeName(grpc::StatusCode code) { return kCodeNames[IndexOf(code)]; }

Method::Method(const MethodDescriptor& descriptor, metrics::Registry& metrics)
    : descriptor_(descriptor),
      path_("/" + descriptor.service()->full_name() + "/" + descriptor.name()),
      access_(descriptor.options().GetExtension(bannou::common::v1::access)),
      owner_(FindOwner(*descriptor.input_type())),
      metrics_(metrics),
      started_(metrics.GetCounter("grpc_server_started_total", "Calls that arrived.",
                                  LabelsOf(descriptor))),
      seconds_(metrics.GetTimer("grpc_server_handling_seconds",
                                "Time from the arrival of a call to its answer.",
                                LabelsOf(descriptor))) {}

bool Method::StatesPermission() const {
  return access_.anonymous() || access_.role() != bannou::common::v1::ROLE_UNSPECIFIED;
}

void Method::ObserveEnd(grpc::StatusCode code, Duration duration) const {
  auto& slot = handled_[IndexOf(code)];
  metrics::Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    auto labels = LabelsOf(descriptor_);
    labels.emplace("grpc_code", CodeName(code));
    counter = &metrics_.GetCounter("grpc_server_handled_total", "Calls answered, by code.", labels);
    slot.store(counter, std::memory_order_release);
  }
  counter->Increment();
  seconds_.Observe(ToSeconds(duration));
}

}  // namespace common::rpc
