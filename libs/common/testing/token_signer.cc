#include "libs/common/testing/token_signer.h"

#include <functional>
#include <stdexcept>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"

namespace common::testing {
namespace {

constexpr int kCoordinateBytes = 32;

void Require(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL refused to make a test's key or signature");
}

// A number of the key, base64url, with `size` bytes or as few as it needs.
std::string NumberOf(EVP_PKEY* pair, const char* name, int size = 0) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(pair, name, &number) == 1);
  std::string bytes(static_cast<size_t>(size == 0 ? BN_num_bytes(number) : size), '\0');
  const int written = BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  BN_free(number);
  Require(written == static_cast<int>(bytes.size()));
  return crypto::Base64UrlEncode(bytes);
}

// What `write` writes to a BIO.
std::string Written(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  Require(write(memory.get()) == 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// RFC 7518 section 3.4: the two numbers of 32 bytes each.
std::string RawEcdsa(const std::string& der) {
  const auto* in = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
      d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())), &ECDSA_SIG_free);
  Require(pair != nullptr);
  std::string raw(2 * kCoordinateBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  Require(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, kCoordinateBytes) > 0);
  Require(BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + kCoordinateBytes, kCoordinateBytes) > 0);
  return raw;
}

}  // namespace

TokenSigner::TokenSigner(std::string algorithm, std::string shared_key, EVP_PKEY* pair)
    : algorithm_(std::move(algorithm)),
      shared_key_(std::move(shared_key)),
      pair_(pair, &EVP_PKEY_free) {
  Require(pair != nullptr || algorithm_ == "HS256");
}

TokenSigner TokenSigner::Shared(std::string key) { return {"HS256", std::move(key), nullptr}; }
TokenSigner TokenSigner::Rsa(unsigned bits) { return {"RS256", "", EVP_RSA_gen(bits)}; }
TokenSigner TokenSigner::P256() { return {"ES256", "", EVP_EC_gen("P-256")}; }

nlohmann::json TokenSigner::Jwk() const {
  if (pair_ == nullptr) return {{"kty", "oct"}, {"k", crypto::Base64UrlEncode(shared_key_)}};
  if (algorithm_ == "RS256") {
    return {{"kty", "RSA"},
            {"n", NumberOf(pair_.get(), OSSL_PKEY_PARAM_RSA_N)},
            {"e", NumberOf(pair_.get(), OSSL_PKEY_PARAM_RSA_E)}};
  }
  return {{"kty", "EC"},
          {"crv", "P-256"},
          {"x", NumberOf(pair_.get(), OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes)},
          {"y", NumberOf(pair_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes)}};
}

std::string TokenSigner::PublicPem() const {
  return Written([this](BIO* out) { return PEM_write_bio_PUBKEY(out, pair_.get()); });
}

std::string TokenSigner::PrivatePem() const {
  return Written([this](BIO* out) {
    return PEM_write_bio_PrivateKey(out, pair_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string TokenSigner::PublicDer() const {
  return Written([this](BIO* out) { return i2d_PUBKEY_bio(out, pair_.get()); });
}

std::string TokenSigner::RawToken(std::string_view header, std::string_view claims) const {
  const std::string text = crypto::Base64UrlEncode(header) + "." + crypto::Base64UrlEncode(claims);
  return text + "." + crypto::Base64UrlEncode(Sign(text));
}

std::string TokenSigner::Token(const nlohmann::json& claims, const std::string& kid) const {
  nlohmann::json header{{"alg", algorithm_}, {"typ", "JWT"}};
  if (!kid.empty()) header["kid"] = kid;
  return RawToken(header.dump(), claims.dump());
}

std::string TokenSigner::Sign(std::string_view data) const {
  if (pair_ == nullptr) return crypto::HmacSha256(config::Secret(shared_key_), {data});
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  Require(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pair_.get()) == 1);
  size_t size = 0;
  Require(EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) == 1);
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  Require(EVP_DigestSign(context.get(), out, &size, bytes, data.size()) == 1);
  signature.resize(size);
  return algorithm_ == "ES256" ? RawEcdsa(signature) : signature;
}

std::string JoinToken(std::string_view header, std::string_view claims,
                      std::string_view signature) {
  return crypto::Base64UrlEncode(header) + "." + crypto::Base64UrlEncode(claims) + "." +
         crypto::Base64UrlEncode(signature);
}

}  // namespace common::testing
