#include "libs/common/crypto/digest.h"

#include <cstdlib>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "libs/common/crypto/encoding.h"

namespace common::crypto {
namespace {

void Require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

struct FreeMacContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

std::string Hmac(const char* digest, size_t size, const config::Secret& key,
                 std::initializer_list<std::string_view> parts) {
  // Fetching an algorithm takes locks and searches by name, so it is done once a process.
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  Require(mac != nullptr);
  const std::unique_ptr<EVP_MAC_CTX, FreeMacContext> context(EVP_MAC_CTX_new(mac));
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
      OSSL_PARAM_construct_end()};
  const std::string& bytes = key.Reveal();
  Require(context && EVP_MAC_init(context.get(), Bytes(bytes), bytes.size(), params) == 1);
  for (const std::string_view part : parts) {
    Require(EVP_MAC_update(context.get(), Bytes(part), part.size()) == 1);
  }
  std::string out(size, '\0');
  size_t written = 0;
  Require(EVP_MAC_final(context.get(), Bytes(out), &written, size) == 1 && written == size);
  return out;
}

}  // namespace

std::string Sha256(std::string_view data) {
  std::string out(32, '\0');
  Require(EVP_Digest(data.data(), data.size(), Bytes(out), nullptr, EVP_sha256(), nullptr) == 1);
  return out;
}

std::string HmacSha256(const config::Secret& key, std::initializer_list<std::string_view> parts) {
  return Hmac("SHA256", 32, key, parts);
}

std::string HmacSha1(const config::Secret& key, std::initializer_list<std::string_view> parts) {
  return Hmac("SHA1", 20, key, parts);
}

bool ConstantTimeEquals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomBytes(size_t size) {
  std::string out(size, '\0');
  Require(RAND_bytes(Bytes(out), static_cast<int>(size)) == 1);
  return out;
}

uint64_t RandomBits() {
  uint64_t bits = 0;
  Require(RAND_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits) == 1);
  return bits;
}

std::string PkceS256Challenge(const config::Secret& verifier) {
  return Base64UrlEncode(Sha256(verifier.Reveal()));
}

}  // namespace common::crypto
