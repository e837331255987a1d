// Verifies bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256.
#pragma once
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/config/secret.h"
#include "libs/common/rpc/identity.h"

namespace common::rpc {

struct TokenSettings {
  config::Secret hs256_key;  // at least 32 bytes
  std::string issuer;        // required `iss`
  std::string audience;      // required `aud`
};

class TokenVerifier {
 public:
  explicit TokenVerifier(TokenSettings settings) : settings_(std::move(settings)) {}

  // The identity of a token whose signature, `exp`, `iss` and `aud` are good. `iat` and `nbf` may
  // lie up to 30 s ahead. TOKEN_INVALID otherwise, without saying what was wrong.
  absl::StatusOr<Identity> Verify(std::string_view token, Time now) const;

 private:
  TokenSettings settings_;
};

}  // namespace common::rpc
