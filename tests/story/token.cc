#include "tests/story/token.h"

#include <openssl/hmac.h>

#include "libs/common/base/time.h"
#include "libs/common/crypto/encoding.h"

namespace story {
namespace {

constexpr std::chrono::seconds kTokenLife{3600};

std::string Signature(const std::string& body, std::string_view key, const std::string& algorithm) {
  if (algorithm == "none") return "";
  const EVP_MD* const digest = algorithm == "HS384"   ? EVP_sha384()
                               : algorithm == "HS512" ? EVP_sha512()
                                                      : EVP_sha256();
  std::string signature(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(),
       reinterpret_cast<unsigned char*>(signature.data()), &size);
  signature.resize(size);
  return signature;
}

}  // namespace

nlohmann::json Claims(const common::Uuid& account, const std::vector<std::string>& roles,
                      const std::vector<std::string>& states) {
  const auto now = std::chrono::floor<std::chrono::seconds>(common::Now()).time_since_epoch();
  return {{"iss", "bannou"},    {"aud", "bannou-streaming"},         {"sub", account.ToString()},
          {"iat", now.count()}, {"exp", (now + kTokenLife).count()}, {"roles", roles},
          {"states", states}};
}

std::string Sign(const nlohmann::json& claims, std::string_view key, const std::string& algorithm) {
  const nlohmann::json header{{"alg", algorithm}, {"typ", "JWT"}};
  const std::string body = common::crypto::Base64UrlEncode(header.dump()) + "." +
                           common::crypto::Base64UrlEncode(claims.dump());
  return body + "." + common::crypto::Base64UrlEncode(Signature(body, key, algorithm));
}

}  // namespace story
