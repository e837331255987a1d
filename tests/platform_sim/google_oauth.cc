#include "tests/platform_sim/google_oauth.h"

#include <algorithm>

#include "libs/common/crypto/digest.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {
namespace {

using common::Time;
using common::config::Secret;
using common::http::FormEncode;
using common::http::Params;
using common::http::Response;

constexpr std::chrono::minutes kCodeLife{10};
constexpr std::string_view kGone = "Token has been expired or revoked.";

Response InvalidGrant(std::string_view description) {
  return GoogleOAuthError(400, "invalid_grant", description);
}

// Why the platform shows an error page and sends nobody back; nullopt when it goes on.
std::optional<Response> Refusal(const Params& query, const App* app) {
  if (app == nullptr) {
    return GoogleOAuthError(401, "invalid_client", "The OAuth client was not found.");
  }
  if (!IsRegistered(*app, Get(query, "redirect_uri"))) {
    return GoogleOAuthError(400, "redirect_uri_mismatch", "The redirect URI does not match.");
  }
  if (Get(query, "response_type") != "code") {
    return GoogleOAuthError(400, "unsupported_response_type", "Only code is supported.");
  }
  if (SplitWords(Get(query, "scope")).empty()) {
    return GoogleOAuthError(400, "invalid_request", "Missing required parameter: scope");
  }
  const std::string method = Get(query, "code_challenge_method");
  if (method != "" && method != "plain" && method != "S256") {
    return GoogleOAuthError(400, "invalid_request", "Invalid code_challenge_method");
  }
  if (method == "S256" && Get(query, "code_challenge").size() != 43) {
    return GoogleOAuthError(400, "invalid_request", "Invalid code_challenge");
  }
  return std::nullopt;
}

}  // namespace

Response GoogleOAuth::Authorize(const Params& query, const User* user, Time now) {
  const std::string client_id = Get(query, "client_id");
  if (const auto refusal = Refusal(query, apps_.Find(client_id))) return *refusal;
  const std::string redirect = Get(query, "redirect_uri");
  const std::string state = Get(query, "state");
  if (Get(query, "deny") == "1") {
    return RedirectTo(redirect, FormEncode({{"error", "access_denied"}, {"state", state}}));
  }
  if (user == nullptr) return GoogleOAuthError(400, "invalid_request", "no such user");
  if (Full()) return GoogleOAuthError(503, "temporarily_unavailable", "too many tokens");
  const std::string scope = Get(query, "scope");
  const Token token{.client_id = client_id,
                    .user_id = user->id,
                    .login = user->login,
                    .scopes = SplitWords(scope)};
  // Without prompt=consent only the first consent brings a refresh token.
  const bool consents = SplitWords(Get(query, "prompt")) == std::vector<std::string>{"consent"};
  const bool offline =
      Get(query, "access_type") == "offline" && (consents || !HasRefreshToken(token));
  std::string code = "4/0A" + RandomToken(60);
  codes_[code] = {.token = token,
                  .redirect = redirect,
                  .challenge = Get(query, "code_challenge"),
                  .plain = Get(query, "code_challenge_method") != "S256",
                  .offline = offline,
                  .expires_at = now + kCodeLife};
  return RedirectTo(redirect, FormEncode({{"state", state}, {"code", code}, {"scope", scope}}));
}

Response GoogleOAuth::IssueToken(const Params& form, Time now) {
  const App* const app = apps_.Find(Get(form, "client_id"));
  if (app == nullptr || !common::crypto::ConstantTimeEquals(Get(form, "client_secret"),
                                                            app->client_secret.Reveal())) {
    return GoogleOAuthError(401, "invalid_client", "Unauthorized");
  }
  if (Full()) return GoogleOAuthError(503, "temporarily_unavailable", "too many tokens");
  const std::string grant = Get(form, "grant_type");
  if (grant == "authorization_code") return RedeemCode(*app, form, now);
  if (grant == "refresh_token") return RedeemRefresh(*app, form, now);
  return GoogleOAuthError(400, "unsupported_grant_type", "Invalid grant_type: " + grant);
}

Response GoogleOAuth::RedeemCode(const App& app, const Params& form, Time now) {
  const auto found = codes_.find(Get(form, "code"));
  if (found == codes_.end() || found->second.expires_at <= now ||
      found->second.token.client_id != app.client_id) {
    return InvalidGrant("Malformed auth code.");
  }
  // Spent by any attempt, also one with the wrong verifier.
  const Code code = std::move(found->second);
  codes_.erase(found);
  if (Get(form, "redirect_uri") != code.redirect) {
    return GoogleOAuthError(400, "redirect_uri_mismatch", "Bad Request");
  }
  const std::string verifier = Get(form, "code_verifier");
  if (verifier.empty() != code.challenge.empty()) {
    return InvalidGrant(verifier.empty() ? "Missing code verifier." : "Invalid code verifier.");
  }
  const std::string shown =
      code.plain ? verifier : common::crypto::PkceS256Challenge(Secret(verifier));
  if (!verifier.empty() && shown != code.challenge) return InvalidGrant("Invalid code verifier.");
  Json body = IssueAccessToken(code.token, now);
  const std::string scope = JoinWords(code.token.scopes);
  if (code.offline) {
    body["refresh_token"] = IssueRefreshToken(code.token, now);
    if (settings_.google_refresh_token_seconds > 0) {
      body["refresh_token_expires_in"] = settings_.google_refresh_token_seconds;
    }
  }
  body["scope"] = scope;
  body["token_type"] = "Bearer";
  return Answer(200, body);
}

Response GoogleOAuth::RedeemRefresh(const App& app, const Params& form, Time now) {
  const auto found = refresh_.find(Get(form, "refresh_token"));
  if (found == refresh_.end() || found->second.token.client_id != app.client_id ||
      found->second.token.expires_at <= now) {
    return InvalidGrant(kGone);
  }
  Json body = IssueAccessToken(found->second.token, now);
  body["scope"] = JoinWords(found->second.token.scopes);
  body["token_type"] = "Bearer";
  return Answer(200, body);
}

Json GoogleOAuth::IssueAccessToken(Token token, Time now) {
  std::string access = "ya29.a0A" + RandomToken(120);
  Json body = {{"access_token", access}, {"expires_in", settings_.google_token_seconds}};
  token.expires_at = now + std::chrono::seconds(settings_.google_token_seconds);
  access_[std::move(access)] = std::move(token);
  return body;
}

std::string GoogleOAuth::IssueRefreshToken(Token token, Time now) {
  std::vector<std::map<std::string, Refresh>::iterator> theirs;
  for (auto it = refresh_.begin(); it != refresh_.end(); ++it) {
    if (IsOf(it->second.token, token.client_id, token.user_id)) theirs.push_back(it);
  }
  if (theirs.size() >= kMaxRefreshTokens) {
    refresh_.erase(*std::min_element(theirs.begin(), theirs.end(), [](auto a, auto b) {
      return a->second.order < b->second.order;
    }));
  }
  const int64_t seconds = settings_.google_refresh_token_seconds;
  token.expires_at = seconds == 0 ? Time::max() : now + std::chrono::seconds(seconds);
  std::string refresh = "1//0g" + RandomToken(90);
  refresh_[refresh] = {.token = std::move(token), .order = next_order_++};
  return refresh;
}

Response GoogleOAuth::Revoke(std::string_view token, Time now) {
  const auto access = access_.find(token);
  const auto refresh = refresh_.find(token);
  const bool known = (access != access_.end() && access->second.expires_at > now) ||
                     (refresh != refresh_.end() && refresh->second.token.expires_at > now);
  if (!known) return GoogleOAuthError(400, "invalid_token", "Token expired or revoked");
  const Token dead = access != access_.end() ? access->second : refresh->second.token;
  EndGrant(dead.client_id, dead.user_id);
  return Answer(200, Json::object());
}

const Token* GoogleOAuth::Find(std::optional<std::string_view> authorization, Time now) const {
  const auto found = access_.find(TokenOf(authorization));
  return found == access_.end() || found->second.expires_at <= now ? nullptr : &found->second;
}

bool GoogleOAuth::EndGrant(std::string_view client_id, std::string_view user_id) {
  const auto theirs = [&](const Token& token) { return IsOf(token, client_id, user_id); };
  std::erase_if(codes_, [&](const auto& entry) { return theirs(entry.second.token); });
  const size_t ended =
      std::erase_if(access_, [&](const auto& entry) { return theirs(entry.second); }) +
      std::erase_if(refresh_, [&](const auto& entry) { return theirs(entry.second.token); });
  return ended > 0;
}

size_t GoogleOAuth::ExpireTokens(std::string_view client_id, std::string_view user_id) {
  return std::erase_if(access_,
                       [&](const auto& entry) { return IsOf(entry.second, client_id, user_id); });
}

bool GoogleOAuth::HasRefreshToken(const Token& token) const {
  return std::any_of(refresh_.begin(), refresh_.end(), [&](const auto& entry) {
    return IsOf(entry.second.token, token.client_id, token.user_id);
  });
}

}  // namespace platform_sim
