#include "libs/common/crypto/public_key.h"

#include <string>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace common::crypto {
namespace {

constexpr size_t kCoordinateBytes = 32;
constexpr int kExponentBitsMax = 32;

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

// A refused key or signature leaves entries in the thread's error queue, where a TLS connection
// that is served by the same thread would take them for its own.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() = default;
  ~ErrorQueueGuard() { ERR_clear_error(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number ToNumber(std::string_view big_endian) {
  return Number(BN_bin2bn(Bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

// Null for parameters that are no key, or not a sound one.
std::shared_ptr<EVP_PKEY> MakeKey(const char* type, OSSL_PARAM* parameters) {
  const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  std::shared_ptr<EVP_PKEY> key(made, Free<EVP_PKEY_free>());
  const KeyContext checker(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  return checker && EVP_PKEY_public_check(checker.get()) == 1 ? key : nullptr;
}

// OpenSSL wants the two numbers in DER. Empty for a signature of another length.
std::string EcdsaToDer(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return {};
  Number r = ToNumber(signature.substr(0, kCoordinateBytes));
  Number s = ToNumber(signature.substr(kCoordinateBytes));
  const EcdsaSignature pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the pair owns them now
  (void)s.release();
  std::string der(static_cast<size_t>(std::max(i2d_ECDSA_SIG(pair.get(), nullptr), 0)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::Rsa(std::string_view modulus, std::string_view exponent) {
  const ErrorQueueGuard guard;
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  if (!n || BN_num_bits(n.get()) < kRsaBitsMin || BN_num_bits(n.get()) > kRsaBitsMax) {
    return absl::InvalidArgumentError("the RSA modulus must have 2048 to 8192 bits");
  }
  if (!e || BN_num_bits(e.get()) > kExponentBitsMax) {
    return absl::InvalidArgumentError("the RSA exponent must have at most 32 bits");
  }
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return absl::InternalError("the RSA key cannot be built");
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  auto key = MakeKey("RSA", parameters.get());
  if (key == nullptr) return absl::InvalidArgumentError("modulus and exponent are no RSA key");
  return PublicKey(std::move(key), true);
}

absl::StatusOr<PublicKey> PublicKey::P256(std::string_view x, std::string_view y) {
  const ErrorQueueGuard guard;
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return absl::InvalidArgumentError("the coordinates must have 32 bytes each");
  }
  std::string group = "prime256v1";
  std::string point = "\x04";  // uncompressed, SEC 1 section 2.3.3
  point.append(x).append(y);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  auto key = MakeKey("EC", parameters);
  if (key == nullptr) return absl::InvalidArgumentError("the point is not on the curve");
  return PublicKey(std::move(key), false);
}

bool PublicKey::Verifies(std::string_view data, std::string_view signature) const {
  const ErrorQueueGuard guard;
  const std::string der = is_rsa_ ? std::string() : EcdsaToDer(signature);
  if (!is_rsa_) signature = der;
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(data),
                          data.size()) == 1;
}

}  // namespace common::crypto
