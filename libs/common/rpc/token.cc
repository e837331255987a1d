#include "libs/common/rpc/token.h"

#include <algorithm>
#include <optional>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/errors/errors.h"
#include "libs/common/rpc/strict_json.h"

namespace common::rpc {
namespace {

using nlohmann::json;

constexpr size_t kMaxTokenBytes = 4096;
constexpr size_t kMaxStates = 32;

struct Token {
  std::string header;  // JSON, as are the claims
  std::string claims;
  std::string signature;
  std::string_view signed_text;  // what the signature covers, as it was sent
};

// nullopt for what is too long, not of three parts, or not the one spelling of its bytes.
std::optional<Token> Decode(std::string_view text) {
  if (text.size() > kMaxTokenBytes || std::count(text.begin(), text.end(), '.') != 2) {
    return std::nullopt;
  }
  const size_t first = text.find('.');
  const size_t second = text.rfind('.');
  auto header = crypto::Base64UrlDecode(text.substr(0, first));
  auto claims = crypto::Base64UrlDecode(text.substr(first + 1, second - first - 1));
  auto signature = crypto::Base64UrlDecode(text.substr(second + 1));
  if (!header || !claims || !signature) return std::nullopt;
  return Token{.header = *std::move(header),
               .claims = *std::move(claims),
               .signature = *std::move(signature),
               .signed_text = text.substr(0, second)};
}

// The header's `alg` and `kid` choose among our keys; keys that a token brings along or points to
// (`jwk`, `jku`, `x5c`, `x5u`) mean nothing here.
bool IsAuthentic(const Token& token, const JwkSet& keys) {
  const auto header = ParseStrictObject(token.header);
  if (!header || header->contains("crit")) return false;
  const auto algorithm = ParseTokenAlgorithm(TextMember(*header, "alg").value_or(""));
  const auto key_id = TextMember(*header, "kid");
  if (!algorithm || (header->contains("kid") && !key_id)) return false;
  return keys.Verifies(*algorithm, key_id, token.signed_text, token.signature);
}

// The instant of a claim; nullopt when it is absent or no number of seconds since 1970.
std::optional<Time> Instant(const json& claims, const char* name) {
  const auto claim = claims.find(name);
  if (claim == claims.end() || !claim->is_number()) return std::nullopt;
  constexpr double kLatest = 253'402'300'799;  // year 9999: beyond it microseconds overflow
  const auto seconds = claim->get<double>();
  if (!(seconds >= 0 && seconds <= kLatest)) return std::nullopt;
  return Time{std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds))};
}

// From when until when a token's claims are good; nullopt when they do not say it.
struct Validity {
  Time from;
  Time until;
};
std::optional<Validity> ValidityOf(const json& claims, Duration skew) {
  const auto expires = Instant(claims, "exp");
  if (!expires) return std::nullopt;
  Validity validity{.from = Time::min(), .until = *expires + skew};
  for (const char* name : {"iat", "nbf"}) {
    if (!claims.contains(name)) continue;
    const auto instant = Instant(claims, name);
    if (!instant) return std::nullopt;
    validity.from = std::max(validity.from, *instant - skew);
  }
  return validity;
}

// A claim that is a list of texts, or absent, which is an empty one; nullopt for anything else.
std::optional<std::vector<std::string>> TextList(const json& claims, const char* name) {
  const json list = claims.value(name, json::array());
  const auto is_text = [](const json& item) { return item.is_string(); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text)) return std::nullopt;
  return list.get<std::vector<std::string>>();
}

bool HasAudience(const json& claims, const std::string& audience) {
  if (const auto text = TextMember(claims, "aud")) return *text == audience;
  const auto list = TextList(claims, "aud");
  return list && std::find(list->begin(), list->end(), audience) != list->end();
}

// nullopt for a claim of the wrong form: a token that says something odd says nothing.
std::optional<Identity> ReadIdentity(const json& claims) {
  Identity identity;
  const auto subject = TextMember(claims, "sub");
  const auto roles = TextList(claims, "roles");
  auto states = TextList(claims, "states");
  if ((!subject && claims.contains("sub")) || !roles || !states || states->size() > kMaxStates) {
    return std::nullopt;
  }
  if (subject) identity.account = Uuid::Parse(*subject);
  for (const std::string& role : *roles) {
    identity.user |= role == "user";
    identity.developer |= role == "developer";
    identity.admin |= role == "admin";
    identity.service |= role == "service";
  }
  for (std::string& state : *states) identity.states.insert(std::move(state));
  return identity;
}

}  // namespace

TokenVerifier::TokenVerifier(TokenSettings settings) : settings_(std::move(settings)) {
  UseKeys({});
}

void TokenVerifier::UseKeys(JwkSet keys) {
  if (!settings_.hs256_key.empty()) {
    keys.Add({.algorithm = TokenAlgorithm::kHs256, .material = settings_.hs256_key});
  }
  auto next = std::make_shared<const JwkSet>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_.swap(next);  // what was in force dies outside the lock
}

std::shared_ptr<const JwkSet> TokenVerifier::Keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

// The claims are not parsed before the signature is known to be good.
std::optional<TokenVerifier::Verified> TokenVerifier::Read(std::string_view text) const {
  const auto keys = Keys();
  const auto token = Decode(text);
  if (!token || !IsAuthentic(*token, *keys)) return std::nullopt;
  const auto claims = ParseStrictObject(token->claims);
  if (!claims || TextMember(*claims, "iss") != settings_.issuer ||
      !HasAudience(*claims, settings_.audience)) {
    return std::nullopt;
  }
  const auto validity = ValidityOf(*claims, settings_.clock_skew);
  auto identity = ReadIdentity(*claims);
  if (!validity || !identity) return std::nullopt;
  return Verified{.identity = *std::move(identity),
                  .from = validity->from,
                  .until = validity->until,
                  .keys = keys};
}

absl::StatusOr<Identity> TokenVerifier::Verify(std::string_view token, Time now) const {
  const auto invalid = [] {
    return errors::Make(errors::kTokenInvalid, "the bearer token is not valid");
  };
  if (token.size() > kMaxTokenBytes) return invalid();
  const std::string digest = crypto::Sha256(token);
  auto known = verified_.Find(digest);
  if (!known || (*known)->keys.lock() != Keys()) {
    auto read = Read(token);
    if (!read) return invalid();
    known = std::make_shared<const Verified>(*std::move(read));
    verified_.Put(digest, *known);
  }
  if (now < (*known)->from || now >= (*known)->until) return invalid();
  return (*known)->identity;
}

}  // namespace common::rpc
