// The error model. Inside, every failure is an absl::Status made from a Reason; at the edge
// ToGrpc turns it into a grpc::Status with google.rpc details. The reason's name and the code are
// the API; the message is for developers and never quotes input, SQL or another tenant's ids.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

#include "libs/common/base/time.h"

namespace common::errors {

// One row of the list of errors; docs/errors.md is generated from all of them.
struct Reason {
  std::string_view name;  // stable, UPPER_SNAKE
  absl::StatusCode code;
  std::string_view meaning;  // what happened and what the caller can do, one sentence
};

inline constexpr Reason kTokenMissing{"TOKEN_MISSING", absl::StatusCode::kUnauthenticated,
                                      "The call carries no bearer token in its authorization."};
inline constexpr Reason kTokenInvalid{
    "TOKEN_INVALID", absl::StatusCode::kUnauthenticated,
    "The token is malformed, expired, signed by an unknown key, or not meant for this service."};
inline constexpr Reason kPermissionDenied{"PERMISSION_DENIED", absl::StatusCode::kPermissionDenied,
                                          "The caller's roles or states do not allow this call."};
inline constexpr Reason kNotOwner{"NOT_OWNER", absl::StatusCode::kPermissionDenied,
                                  "The call acts on something that belongs to another account."};
inline constexpr Reason kInvalidFields{
    "INVALID_FIELDS", absl::StatusCode::kInvalidArgument,
    "One or more fields break their rules; BadRequest lists every one of them."};
inline constexpr Reason kMalformedRequest{
    "MALFORMED_REQUEST", absl::StatusCode::kInvalidArgument,
    "The bytes of the request are no protobuf message of its type."};
inline constexpr Reason kRequestIdReused{
    "REQUEST_ID_REUSED", absl::StatusCode::kInvalidArgument,
    "The request id was used before with another request; use a new one."};
inline constexpr Reason kServiceDisabled{"SERVICE_DISABLED", absl::StatusCode::kFailedPrecondition,
                                         "The service is switched off by its master setting."};
inline constexpr Reason kNotImplemented{"NOT_IMPLEMENTED", absl::StatusCode::kUnimplemented,
                                        "This version does not have the feature yet."};
inline constexpr Reason kOverloaded{"OVERLOADED", absl::StatusCode::kResourceExhausted,
                                    "The server has no free capacity; try again after a pause."};
inline constexpr Reason kRateLimited{
    "RATE_LIMITED", absl::StatusCode::kResourceExhausted,
    "The account makes too many calls; wait for as long as RetryInfo says."};
inline constexpr Reason kDraining{"DRAINING", absl::StatusCode::kUnavailable,
                                  "The instance is shutting down; another one answers."};
inline constexpr Reason kUnavailable{
    "DEPENDENCY_UNAVAILABLE", absl::StatusCode::kUnavailable,
    "A store or the message bus does not answer; try again after a pause."};
inline constexpr Reason kConflict{"CONFLICT", absl::StatusCode::kAborted,
                                  "Another change came first; repeat the whole operation."};
inline constexpr Reason kDeadlineExceeded{"DEADLINE_EXCEEDED", absl::StatusCode::kDeadlineExceeded,
                                          "The call's time was used up before it was done."};
inline constexpr Reason kCancelled{"CANCELLED", absl::StatusCode::kCancelled,
                                   "The caller went away before the work began."};
inline constexpr Reason kInternal{"INTERNAL", absl::StatusCode::kInternal,
                                  "A defect of the server; its log has the trace id."};

// The reasons above, for the generated documentation.
std::vector<Reason> CommonReasons();

absl::Status Make(const Reason& reason, std::string_view message);
// As Make, with the pause after which a retry makes sense.
absl::Status MakeRetryable(const Reason& reason, std::string_view message, Duration retry_after);

// As Make, with what a program needs to know to go on: ErrorInfo.metadata, under constant keys.
absl::Status MakeWith(const Reason& reason, std::string_view message,
                      const std::vector<std::pair<std::string_view, std::string>>& metadata);

struct FieldViolation {
  std::string field;  // path from the request, for example "items[2].count"
  std::string description;
};
// INVALID_FIELDS with every violation. The list is cut so that the details stay below 4 KiB.
absl::Status InvalidFields(const std::vector<FieldViolation>& violations);

// The reason's name, or nullopt for a status that was not made here.
std::optional<std::string> ReasonOf(const absl::Status& status);
// What MakeWith put under this key; nullopt when there is none.
std::optional<std::string> MetadataOf(const absl::Status& status, std::string_view key);
inline bool Is(const absl::Status& status, const Reason& reason) {
  return ReasonOf(status) == reason.name;
}

// The status as it leaves the process. `domain` names the daemon in ErrorInfo. A status without a
// reason gets the one of its code (a bare INTERNAL loses its text: it may quote anything).
grpc::Status ToGrpc(const absl::Status& status, std::string_view domain);

}  // namespace common::errors
