#include "libs/common/errors/errors.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/support/error_details.h>

#include "libs/common/base/status.h"

namespace common::errors {
namespace {

constexpr std::string_view kTypePrefix = "type.googleapis.com/";
// gRPC turns an answer with more than 8 KiB of metadata into another error; stay well below.
constexpr size_t kMaxViolations = 24;
constexpr size_t kMaxDescription = 80;
constexpr Duration kDefaultRetryAfter = std::chrono::milliseconds(500);

template <class Detail>
void Attach(absl::Status& status, const Detail& detail) {
  status.SetPayload(ToAbsl(std::string(kTypePrefix) + Detail::descriptor()->full_name()),
                    absl::Cord(detail.SerializeAsString()));
}

template <class Detail>
std::optional<Detail> Extract(const absl::Status& status) {
  const auto payload =
      status.GetPayload(ToAbsl(std::string(kTypePrefix) + Detail::descriptor()->full_name()));
  Detail detail;
  if (!payload || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

// What a status that no Reason made means to the outside.
const Reason& FallbackReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return kUnavailable;
    case absl::StatusCode::kResourceExhausted:
      return kOverloaded;
    case absl::StatusCode::kAborted:
      return kConflict;
    case absl::StatusCode::kDeadlineExceeded:
      return kDeadlineExceeded;
    case absl::StatusCode::kCancelled:
      return kCancelled;
    case absl::StatusCode::kUnimplemented:
      return kNotImplemented;
    default:
      return kInternal;
  }
}

absl::Status WithReason(const absl::Status& status) {
  if (ReasonOf(status)) return status;
  const Reason& reason = FallbackReason(status.code());
  const bool retryable = reason.code == absl::StatusCode::kUnavailable ||
                         reason.code == absl::StatusCode::kResourceExhausted ||
                         reason.code == absl::StatusCode::kAborted;
  return retryable ? MakeRetryable(reason, reason.meaning, kDefaultRetryAfter)
                   : Make(reason, reason.meaning);
}

}  // namespace

std::vector<Reason> CommonReasons() {
  return {kTokenMissing,   kTokenInvalid,     kPermissionDenied, kNotOwner,
          kInvalidFields,  kMalformedRequest, kRequestIdReused,  kServiceDisabled,
          kNotImplemented, kOverloaded,       kRateLimited,      kDraining,
          kUnavailable,    kConflict,         kDeadlineExceeded, kCancelled,
          kInternal};
}

absl::Status Make(const Reason& reason, std::string_view message) {
  return MakeWith(reason, message, {});
}

absl::Status MakeRetryable(const Reason& reason, std::string_view message, Duration retry_after) {
  absl::Status status = Make(reason, message);
  google::rpc::RetryInfo retry;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(retry_after);
  retry.mutable_retry_delay()->set_seconds(seconds.count());
  retry.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(std::chrono::nanoseconds(retry_after - seconds).count()));
  Attach(status, retry);
  return status;
}

absl::Status MakeWith(const Reason& reason, std::string_view message,
                      const std::vector<std::pair<std::string_view, std::string>>& metadata) {
  absl::Status status(reason.code, ToAbsl(message));
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason.name));
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[std::string(key)] = value;
  Attach(status, info);
  return status;
}

absl::Status InvalidFields(const std::vector<FieldViolation>& violations) {
  absl::Status status = Make(kInvalidFields, "the request breaks the rules of its fields");
  google::rpc::BadRequest bad_request;
  for (const FieldViolation& violation : violations) {
    if (bad_request.field_violations_size() == static_cast<int>(kMaxViolations)) break;
    auto* entry = bad_request.add_field_violations();
    entry->set_field(violation.field.substr(0, kMaxDescription));
    entry->set_description(violation.description.substr(0, kMaxDescription));
  }
  Attach(status, bad_request);
  return status;
}

std::optional<std::string> ReasonOf(const absl::Status& status) {
  const auto info = Extract<google::rpc::ErrorInfo>(status);
  if (!info) return std::nullopt;
  return info->reason();
}

std::optional<std::string> MetadataOf(const absl::Status& status, std::string_view key) {
  const auto info = Extract<google::rpc::ErrorInfo>(status);
  if (!info) return std::nullopt;
  const auto found = info->metadata().find(std::string(key));
  return found == info->metadata().end() ? std::nullopt : std::optional(found->second);
}

grpc::Status ToGrpc(const absl::Status& status, std::string_view domain) {
  if (status.ok()) return grpc::Status::OK;
  absl::Status with_reason = WithReason(status);
  auto info = *Extract<google::rpc::ErrorInfo>(with_reason);
  info.set_domain(std::string(domain));
  Attach(with_reason, info);

  google::rpc::Status packed;
  packed.set_code(static_cast<int>(with_reason.code()));
  packed.set_message(std::string(ToStd(with_reason.message())));
  with_reason.ForEachPayload([&packed](absl::string_view type_url, const absl::Cord& payload) {
    auto* detail = packed.add_details();
    detail->set_type_url(std::string(ToStd(type_url)));
    detail->set_value(std::string(payload));
  });
  grpc::Status out(static_cast<grpc::StatusCode>(packed.code()), packed.message());
  grpc::SetErrorDetails(packed, &out);
  // SetErrorDetails replaces the status by one of the packed code and message.
  return out;
}

}  // namespace common::errors
