// Public keys and the signatures that they verify, over OpenSSL.
#pragma once
#include <memory>
#include <string_view>

#include <absl/status/statusor.h>
#include <openssl/types.h>

namespace common::crypto {

class PublicKey {
 public:
  static constexpr int kRsaBitsMin = 2048;
  static constexpr int kRsaBitsMax = 8192;  // a verification stays below a millisecond

  // The numbers and coordinates are unsigned and big-endian. INVALID_ARGUMENT, in a few words and
  // without the input, for what is no sound key: a modulus outside the bounds above, an exponent
  // that is even, 1 or longer than 32 bits, coordinates of other than 32 bytes, a point that is not
  // on the curve.
  static absl::StatusOr<PublicKey> Rsa(std::string_view modulus, std::string_view exponent);
  static absl::StatusOr<PublicKey> P256(std::string_view x, std::string_view y);

  // Whether `signature` is one of `data` under SHA-256: RSASSA-PKCS1-v1_5 for an RSA key; ECDSA as
  // r and s of 32 bytes each, the form of RFC 7518 section 3.4, for a key on P-256. Any thread.
  bool Verifies(std::string_view data, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<EVP_PKEY> key, bool is_rsa) : key_(std::move(key)), is_rsa_(is_rsa) {}

  std::shared_ptr<EVP_PKEY> key_;
  bool is_rsa_;
};

}  // namespace common::crypto
