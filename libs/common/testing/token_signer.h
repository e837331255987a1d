// Makes signed tokens for tests: good ones, and those that no honest issuer would make.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <openssl/types.h>

namespace common::testing {

class TokenSigner {
 public:
  // HS256 with that key.
  static TokenSigner Shared(std::string key);
  // RS256 and ES256 with a new key pair.
  static TokenSigner Rsa(unsigned bits = 2048);
  static TokenSigner P256();

  const std::string& algorithm() const { return algorithm_; }
  // What verifies the tokens, as a JWK without `alg`, `use` and `kid`.
  nlohmann::json Jwk() const;
  // Of a key pair.
  std::string PublicPem() const;
  std::string PrivatePem() const;
  std::string PublicDer() const;

  // A token of header and claims as they are, be they JSON or not.
  std::string RawToken(std::string_view header, std::string_view claims) const;
  // With the header that belongs to the key; an empty `kid` is left out of it.
  std::string Token(const nlohmann::json& claims, const std::string& kid = "") const;
  // The bytes of a signature as a token carries them.
  std::string Sign(std::string_view data) const;

 private:
  TokenSigner(std::string algorithm, std::string shared_key, EVP_PKEY* pair);

  std::string algorithm_;
  std::string shared_key_;
  std::shared_ptr<EVP_PKEY> pair_;
};

// Three parts as the text of a token.
std::string JoinToken(std::string_view header, std::string_view claims, std::string_view signature);

}  // namespace common::testing
