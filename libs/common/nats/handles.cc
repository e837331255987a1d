#include "libs/common/nats/handles.h"

#include <absl/strings/str_cat.h>

namespace common::nats {
namespace {

absl::StatusCode CodeOf(natsStatus status, jsErrCode code) {
  switch (code) {
    case JSStreamStoreFailedErr:
    case JSInsufficientResourcesErr:
    case JSMemoryResourcesExceededErr:
    case JSStorageResourcesExceededErr:
      return absl::StatusCode::kResourceExhausted;
    case JSStreamMessageExceedsMaximumErr:
      return absl::StatusCode::kInvalidArgument;
    case JSStreamNotFoundErr:
    case JSConsumerNotFoundErr:
      return absl::StatusCode::kNotFound;
    default:
      break;
  }
  switch (status) {
    case NATS_OK:
      return absl::StatusCode::kOk;
    case NATS_IO_ERROR:
    case NATS_CONNECTION_CLOSED:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_NO_SERVER:
    case NATS_STALE_CONNECTION:
    case NATS_NOT_YET_CONNECTED:
    case NATS_DRAINING:
    case NATS_TIMEOUT:
    case NATS_NO_RESPONDERS:
    case NATS_INSUFFICIENT_BUFFER:
    case NATS_SSL_ERROR:
      return absl::StatusCode::kUnavailable;
    case NATS_MAX_PAYLOAD:
      return absl::StatusCode::kInvalidArgument;
    case NATS_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status MapError(natsStatus status, jsErrCode code) {
  if (status == NATS_OK) return absl::OkStatus();
  return absl::Status(CodeOf(status, code),
                      absl::StrCat("nats error ", static_cast<int>(status), "/",
                                   static_cast<int>(code), ": ", natsStatus_GetText(status)));
}

std::optional<std::string> HeaderOf(natsMsg& message, const std::string& name) {
  const char* value = nullptr;
  if (natsMsgHeader_Get(&message, name.c_str(), &value) != NATS_OK) return std::nullopt;
  return value;
}

void ReleaseMemoryAtThreadExit() {
  struct Release {
    ~Release() { nats_ReleaseThreadMemory(); }
  };
  thread_local Release release;
  static_cast<void>(&release);
}

}  // namespace common::nats
