#include "libs/common/rpc/token.h"

#include <algorithm>

#include <jwt/jwt.hpp>

#include "libs/common/errors/errors.h"

namespace common::rpc {
namespace {

constexpr size_t kMaxTokenBytes = 4096;
constexpr std::chrono::seconds kClockSkew{30};
constexpr size_t kMaxStates = 32;

// The JWT library reads outside its base64 table for bytes above 0x7f, so nothing but the alphabet
// of a token may reach it.
bool LooksLikeToken(std::string_view token) {
  const auto in_alphabet = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return token.size() <= kMaxTokenBytes && std::count(token.begin(), token.end(), '.') == 2 &&
         std::all_of(token.begin(), token.end(), in_alphabet);
}

absl::Status Invalid() {
  return errors::Make(errors::kTokenInvalid, "the bearer token is not valid");
}

// The instant of a numeric claim; nullopt when it is absent or no number.
std::optional<Time> Instant(const nlohmann::json& claims, const char* name) {
  const auto claim = claims.find(name);
  if (claim == claims.end() || !claim->is_number_integer()) return std::nullopt;
  constexpr int64_t kLatest = 253'402'300'799;  // year 9999: beyond it microseconds overflow
  const int64_t seconds = std::clamp<int64_t>(claim->get<int64_t>(), 0, kLatest);
  return Time{std::chrono::seconds{seconds}};
}

bool IsFresh(const nlohmann::json& claims, Time now) {
  const auto expires = Instant(claims, "exp");
  if (!expires || *expires <= now) return false;
  for (const char* name : {"iat", "nbf"}) {
    if (!claims.contains(name)) continue;
    const auto instant = Instant(claims, name);
    if (!instant || *instant > now + kClockSkew) return false;
  }
  return true;
}

bool HasAudience(const nlohmann::json& claims, const std::string& audience) {
  const auto claim = claims.find("aud");
  if (claim == claims.end()) return false;
  if (claim->is_string()) return *claim == audience;
  return claim->is_array() && std::find(claim->begin(), claim->end(), audience) != claim->end();
}

bool IsText(const nlohmann::json& claims, const char* name, const std::string& expected) {
  const auto claim = claims.find(name);
  return claim != claims.end() && claim->is_string() && *claim == expected;
}

// False for a claim of the wrong form: a token that says something odd says nothing.
bool ReadIdentity(const nlohmann::json& claims, Identity& identity) {
  const auto subject = claims.find("sub");
  if (subject != claims.end()) {
    if (!subject->is_string()) return false;
    identity.account = Uuid::Parse(subject->get<std::string>());
  }
  for (const auto& role : claims.value("roles", nlohmann::json::array())) {
    if (!role.is_string()) return false;
    identity.user |= role == "user";
    identity.developer |= role == "developer";
    identity.admin |= role == "admin";
    identity.service |= role == "service";
  }
  for (const auto& state : claims.value("states", nlohmann::json::array())) {
    if (!state.is_string() || identity.states.size() == kMaxStates) return false;
    identity.states.insert(state.get<std::string>());
  }
  return true;
}

}  // namespace

absl::StatusOr<Identity> TokenVerifier::Verify(std::string_view token, Time now) const {
  if (!LooksLikeToken(token)) return Invalid();
  try {
    namespace params = jwt::params;
    std::error_code error;
    // Times are checked below, against the caller's clock and with `exp` required.
    const auto decoded =
        jwt::decode(jwt::string_view(token.data(), token.size()), params::algorithms({"HS256"}),
                    error, params::secret(settings_.hs256_key.Reveal()), params::verify(true),
                    params::validate_iat(false), params::leeway(UINT32_MAX / 2));
    if (error) return Invalid();
    const nlohmann::json& claims = decoded.payload().create_json_obj();
    Identity identity;
    if (!claims.is_object() || !IsFresh(claims, now) || !IsText(claims, "iss", settings_.issuer) ||
        !HasAudience(claims, settings_.audience) || !ReadIdentity(claims, identity)) {
      return Invalid();
    }
    return identity;
  } catch (const std::exception&) {
    return Invalid();
  }
}

}  // namespace common::rpc
