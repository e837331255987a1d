// Who sends a request, by its `authorization`: the same for RPCs and for HTTP.
#pragma once
#include <string_view>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/rpc/identity.h"
#include "libs/common/rpc/token.h"

namespace common::rpc {

// `authorization` is the header's value, "" without one. TOKEN_MISSING unless it is a bearer token,
// TOKEN_INVALID as TokenVerifier.
absl::StatusOr<Identity> Authenticate(std::string_view authorization, const TokenVerifier& verifier,
                                      Time now);

}  // namespace common::rpc
