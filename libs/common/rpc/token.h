// Verifies bearer tokens: signed JSON Web Tokens (RFC 7519, RFC 7515 in compact form).
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "libs/common/base/recently_used.h"
#include "libs/common/base/time.h"
#include "libs/common/config/secret.h"
#include "libs/common/rpc/identity.h"
#include "libs/common/rpc/jwk_set.h"

namespace common::rpc {

struct TokenSettings {
  config::Secret hs256_key;             // at least 32 bytes; empty: only the keys of UseKeys
  std::string issuer;                   // required `iss`
  std::string audience;                 // required in `aud`
  std::chrono::seconds clock_skew{30};  // between the issuer's clock and ours, at most
};

class TokenVerifier {
 public:
  explicit TokenVerifier(TokenSettings settings);

  // The identity of a token whose signature, `exp`, `iss` and `aud` are good, and whose `nbf` and
  // `iat`, if any, are not to come. TOKEN_INVALID otherwise, without saying what was wrong. What
  // was found good is remembered by its digest, so that the next call with it costs a digest; its
  // times are looked at always, and it is judged anew when the keys have changed. Any thread.
  absl::StatusOr<Identity> Verify(std::string_view token, Time now) const;

  // From now on these keys verify tokens, beside the shared one of the settings. Any thread.
  void UseKeys(JwkSet keys);
  size_t key_count() const { return Keys()->size(); }

 private:
  struct Verified {
    Identity identity;
    Time from;                         // when it is good
    Time until;                        // when it is not any more
    std::weak_ptr<const JwkSet> keys;  // that were in force
  };

  std::shared_ptr<const JwkSet> Keys() const;
  std::optional<Verified> Read(std::string_view token) const;

  const TokenSettings settings_;
  // Held to copy the pointer only. gcc 12's atomic<shared_ptr> would race: it gives its own lock
  // back in relaxed order.
  mutable std::mutex mutex_;
  std::shared_ptr<const JwkSet> keys_;
  // By the token's SHA-256; a few hundred bytes each.
  static constexpr size_t kVerified = 10'000;
  mutable RecentlyUsed<std::string, std::shared_ptr<const Verified>> verified_{kVerified};
};

}  // namespace common::rpc
