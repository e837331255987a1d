// An error as HTTP carries it: the reason is that of RPCs.
#pragma once
#include <absl/status/status.h>

#include "libs/common/http/message.h"

namespace common::rpc {

// `{"reason":"TOKEN_INVALID","message":"…"}` with the HTTP status of the error's code. `status` is
// not OK. One that no Reason made gets the reason of its code, and loses its text, which may quote
// anything.
http::Response RefusalOf(const absl::Status& status);

}  // namespace common::rpc
