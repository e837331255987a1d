#include "libs/common/rpc/bearer.h"

#include "libs/common/errors/errors.h"
#include "libs/common/http/message.h"

namespace common::rpc {

absl::StatusOr<Identity> Authenticate(std::string_view authorization, const TokenVerifier& verifier,
                                      Time now) {
  constexpr std::string_view kScheme = "Bearer ";  // in any case, RFC 9110 section 11.1
  if (!http::EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) {
    return errors::Make(errors::kTokenMissing, "send authorization: Bearer <token>");
  }
  return verifier.Verify(authorization.substr(kScheme.size()), now);
}

}  // namespace common::rpc
