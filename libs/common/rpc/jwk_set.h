// The keys that verify tokens, and JSON Web Key Sets (RFC 7517, RFC 7518 section 6), which tell
// them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"
#include "libs/common/crypto/public_key.h"

namespace common::rpc {

enum class TokenAlgorithm { kHs256, kRs256, kEs256 };

// The algorithm of that name, in RFC 7518's spelling only; nullopt for all others.
std::optional<TokenAlgorithm> ParseTokenAlgorithm(std::string_view name);

// A key is good for the one algorithm that it was made for, whatever a token says.
struct TokenKey {
  static constexpr size_t kSharedBytesMin = 32;  // RFC 7518 section 3.2

  TokenAlgorithm algorithm;
  std::optional<std::string> id;                             // the JWK's `kid`
  std::variant<config::Secret, crypto::PublicKey> material;  // a Secret for kHs256 only

  bool Verifies(std::string_view data, std::string_view signature) const;
};

class JwkSet {
 public:
  static constexpr size_t kBytesMax = 256 * 1024;
  static constexpr size_t kKeysMax = 64;

  JwkSet() = default;

  // The usable keys of a set. A key that is not for verifying signatures, or that we cannot use, is
  // left out, as RFC 7517 section 5 advises, and named in skipped(). INVALID_ARGUMENT, saying what
  // is wrong but quoting nothing: a text that is no set, more than kBytesMax or kKeysMax, the
  // private half of a key pair anywhere in it, no usable key.
  static absl::StatusOr<JwkSet> Parse(std::string_view text);

  void Add(TokenKey key) { keys_.push_back(std::move(key)); }
  size_t size() const { return keys_.size(); }
  // "keys[1]: …" for each key that was left out.
  const std::vector<std::string>& skipped() const { return skipped_; }

  // Whether any key of that algorithm signed the data. Only keys whose id is `id` are tried, and
  // those without one; no id matches only those without.
  bool Verifies(TokenAlgorithm algorithm, const std::optional<std::string>& id,
                std::string_view data, std::string_view signature) const;

 private:
  std::vector<TokenKey> keys_;
  std::vector<std::string> skipped_;
};

}  // namespace common::rpc
