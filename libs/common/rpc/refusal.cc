#include "libs/common/rpc/refusal.h"

#include <nlohmann/json.hpp>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"

namespace common::rpc {
namespace {

int HttpStatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    // Switched off, away, too slow or too busy: another time it is answered.
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return 503;
    default:
      return 500;
  }
}

const errors::Reason& ReasonOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return errors::kUnavailable;
    case absl::StatusCode::kDeadlineExceeded:
      return errors::kDeadlineExceeded;
    case absl::StatusCode::kResourceExhausted:
      return errors::kOverloaded;
    default:
      return errors::kInternal;
  }
}

}  // namespace

http::Response RefusalOf(const absl::Status& status) {
  const errors::Reason& fallback = ReasonOfCode(status.code());
  const auto reason = errors::ReasonOf(status);
  const nlohmann::json body{
      {"reason", reason.value_or(std::string(fallback.name))},
      {"message", reason ? std::string(ToStd(status.message())) : std::string(fallback.meaning)}};
  http::Response response = http::JsonResponse(HttpStatusOf(status.code()), body.dump());
  response.headers.emplace_back("Cache-Control", "no-store");
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace common::rpc
