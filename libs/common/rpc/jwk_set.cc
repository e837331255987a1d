#include "libs/common/rpc/jwk_set.h"

#include <algorithm>
#include <array>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/rpc/strict_json.h"

namespace common::rpc {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, TokenAlgorithm>, 3> kAlgorithms = {
    {{"HS256", TokenAlgorithm::kHs256},
     {"RS256", TokenAlgorithm::kRs256},
     {"ES256", TokenAlgorithm::kEs256}}};

absl::Status Unusable(std::string_view problem) {
  return absl::InvalidArgumentError(ToAbsl(problem));
}

// RFC 7518 sections 6.2.2 and 6.3.2; `d` is the one of RFC 8037 too.
bool HasPrivateHalf(const json& jwk) {
  if (jwk.value("kty", json()) == "oct") return false;
  constexpr std::array kMembers = {"d", "p", "q", "dp", "dq", "qi", "oth"};
  return std::any_of(kMembers.begin(), kMembers.end(),
                     [&](const char* name) { return jwk.contains(name); });
}

// The algorithm that type and curve imply.
absl::StatusOr<TokenAlgorithm> ImpliedAlgorithm(const json& jwk) {
  const auto type = TextMember(jwk, "kty");
  if (type == "oct") return TokenAlgorithm::kHs256;
  if (type == "RSA") return TokenAlgorithm::kRs256;
  if (type == "EC" && TextMember(jwk, "crv") == "P-256") return TokenAlgorithm::kEs256;
  return Unusable("the kty is not oct, RSA, or EC on P-256");
}

// What the members that restrict a key's purpose say against it.
absl::Status CheckPurpose(const json& jwk, TokenAlgorithm implied) {
  if (jwk.contains("use") && TextMember(jwk, "use") != "sig") {
    return Unusable("the use is not sig");
  }
  const json operations = jwk.value("key_ops", json::array({"verify"}));
  if (!operations.is_array() ||
      std::find(operations.begin(), operations.end(), "verify") == operations.end()) {
    return Unusable("the key_ops do not say verify");
  }
  if (jwk.contains("alg") && ParseTokenAlgorithm(TextMember(jwk, "alg").value_or("")) != implied) {
    return Unusable("the alg is not HS256 for oct, RS256 for RSA, ES256 for EC");
  }
  if (jwk.contains("kid") && !TextMember(jwk, "kid")) return Unusable("the kid is no text");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Bytes(const json& jwk, const char* name) {
  const auto text = TextMember(jwk, name);
  auto bytes = text ? crypto::Base64UrlDecode(*text) : std::nullopt;
  if (!bytes) return Unusable(absl::StrCat(name, " is absent or no base64url"));
  return *std::move(bytes);
}

absl::StatusOr<TokenKey> ReadKey(const json& jwk) {
  if (!jwk.is_object()) return Unusable("a key must be an object");
  ASSIGN_OR_RETURN(const TokenAlgorithm algorithm, ImpliedAlgorithm(jwk));
  RETURN_IF_ERROR(CheckPurpose(jwk, algorithm));
  TokenKey key{.algorithm = algorithm, .id = TextMember(jwk, "kid")};
  if (algorithm == TokenAlgorithm::kHs256) {
    ASSIGN_OR_RETURN(std::string k, Bytes(jwk, "k"));
    if (k.size() < TokenKey::kSharedBytesMin) return Unusable("k must have at least 32 bytes");
    key.material.emplace<config::Secret>(std::move(k));
  } else if (algorithm == TokenAlgorithm::kRs256) {
    ASSIGN_OR_RETURN(const std::string n, Bytes(jwk, "n"));
    ASSIGN_OR_RETURN(const std::string e, Bytes(jwk, "e"));
    ASSIGN_OR_RETURN(key.material, crypto::PublicKey::Rsa(n, e));
  } else {
    ASSIGN_OR_RETURN(const std::string x, Bytes(jwk, "x"));
    ASSIGN_OR_RETURN(const std::string y, Bytes(jwk, "y"));
    ASSIGN_OR_RETURN(key.material, crypto::PublicKey::P256(x, y));
  }
  return key;
}

}  // namespace

std::optional<TokenAlgorithm> ParseTokenAlgorithm(std::string_view name) {
  for (const auto& [known, algorithm] : kAlgorithms) {
    if (name == known) return algorithm;
  }
  return std::nullopt;
}

bool TokenKey::Verifies(std::string_view data, std::string_view signature) const {
  if (const auto* secret = std::get_if<config::Secret>(&material)) {
    return crypto::ConstantTimeEquals(crypto::HmacSha256(*secret, {data}), signature);
  }
  return std::get<crypto::PublicKey>(material).Verifies(data, signature);
}

absl::StatusOr<JwkSet> JwkSet::Parse(std::string_view text) {
  if (text.size() > kBytesMax) return Unusable("a key set may have 256 KiB");
  const auto object = ParseStrictObject(text);
  if (!object) return Unusable("no JSON object, or one with a repeated name");
  const json list = object->value("keys", json());
  if (!list.is_array()) return Unusable("no JWK Set: keys must be a list");
  if (list.size() > kKeysMax) return Unusable("a key set may have 64 keys");
  JwkSet set;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string name = absl::StrCat("keys[", i, "]: ");
    // Whoever can read this file could sign tokens: that is to be repaired, not to be ignored.
    if (list[i].is_object() && HasPrivateHalf(list[i])) {
      return Unusable(name + "holds a private key; give the daemon the public half only");
    }
    auto key = ReadKey(list[i]);
    if (key.ok()) {
      set.Add(*std::move(key));
    } else {
      set.skipped_.push_back(name + std::string(ToStd(key.status().message())));
    }
  }
  if (set.size() == 0) {
    return Unusable("no usable key. " + absl::StrJoin(set.skipped_, "; "));
  }
  return set;
}

bool JwkSet::Verifies(TokenAlgorithm algorithm, const std::optional<std::string>& id,
                      std::string_view data, std::string_view signature) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const TokenKey& key) {
    return key.algorithm == algorithm && (!key.id || key.id == id) && key.Verifies(data, signature);
  });
}

}  // namespace common::rpc
