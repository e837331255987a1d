#include "tests/platform_sim/oauth.h"

#include <algorithm>

#include <absl/strings/str_replace.h>

#include "libs/common/crypto/digest.h"
#include "tests/platform_sim/ids.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {
namespace {

using common::Time;
using common::http::FindParam;
using common::http::Params;
using common::http::Response;

constexpr std::chrono::minutes kCodeLife{10};
constexpr std::string_view kBadRedirect = "Parameter redirect_uri does not match registered URI";

std::string EncodeQuery(const Params& params) {
  // The platform writes a space as '+'; a literal plus is escaped, so this is unambiguous.
  return absl::StrReplaceAll(common::http::FormEncode(params), {{"%20", "+"}});
}

}  // namespace

Response OAuth::Authorize(const Params& query, const User* user, Time now) {
  const std::string client_id = Get(query, "client_id");
  if (client_id.empty()) return OAuthError(400, "missing client id");
  const App* const app = apps_.Find(client_id);
  if (app == nullptr) return OAuthError(400, "invalid client");
  const std::string redirect = Get(query, "redirect_uri");
  if (!IsRegistered(*app, redirect)) return OAuthError(400, kBadRedirect);
  if (Get(query, "response_type") != "code") return OAuthError(400, "invalid response type");
  const std::string state = Get(query, "state");
  if (Get(query, "deny") == "1") {
    return RedirectTo(redirect, EncodeQuery({{"error", "access_denied"},
                                             {"error_description", "The user denied you access"},
                                             {"state", state}}));
  }
  if (user == nullptr) return OAuthError(400, "no such user");
  if (Full()) return OAuthError(503, "too many tokens");
  const std::string scope = Get(query, "scope");
  const Token token{.client_id = client_id,
                    .user_id = user->id,
                    .login = user->login,
                    .scopes = SplitWords(scope)};
  std::string code = RandomToken(30);
  codes_[code] = {.token = token, .redirect = redirect, .expires_at = now + kCodeLife};
  return RedirectTo(redirect,
                    EncodeQuery({{"code", std::move(code)}, {"scope", scope}, {"state", state}}));
}

Response OAuth::IssueToken(const Params& form, Time now,
                           std::optional<std::pair<std::string, std::string>>& killed) {
  Response error;
  const App* const app = Authenticate(form, error);
  if (app == nullptr) return error;
  if (Full()) return OAuthError(503, "too many tokens");
  const std::string grant = Get(form, "grant_type");
  if (grant == "authorization_code") return RedeemCode(*app, form, now);
  if (grant == "refresh_token") return RedeemRefresh(*app, form, now, killed);
  if (grant == "client_credentials") return IssueAppToken(*app, now);
  return OAuthError(400, grant.empty() ? "missing grant type" : "invalid grant type");
}

const App* OAuth::Authenticate(const Params& form, Response& error) const {
  const std::string client_id = Get(form, "client_id");
  const std::string secret = Get(form, "client_secret");
  const App* const app = apps_.Find(client_id);
  if (client_id.empty()) {
    error = OAuthError(400, "missing client id");
  } else if (app == nullptr) {
    error = OAuthError(400, "invalid client");
  } else if (secret.empty()) {
    error = OAuthError(400, "missing client secret");
  } else if (!common::crypto::ConstantTimeEquals(secret, app->client_secret.Reveal())) {
    error = OAuthError(403, "invalid client secret");
  } else {
    return app;
  }
  return nullptr;
}

Response OAuth::RedeemCode(const App& app, const Params& form, Time now) {
  const auto found = codes_.find(Get(form, "code"));
  if (found == codes_.end() || found->second.expires_at <= now ||
      found->second.token.client_id != app.client_id) {
    return OAuthError(400, "Invalid authorization code");
  }
  // Spent by any attempt, also one with the wrong redirect.
  const Code code = std::move(found->second);
  codes_.erase(found);
  if (Get(form, "redirect_uri") != code.redirect) return OAuthError(400, kBadRedirect);
  auto& granted = grants_[{code.token.client_id, code.token.user_id}];
  granted.insert(code.token.scopes.begin(), code.token.scopes.end());
  return IssueUserToken(code.token, now);
}

Response OAuth::RedeemRefresh(const App& app, const Params& form, Time now,
                              std::optional<std::pair<std::string, std::string>>& killed) {
  const auto found = refresh_.find(Get(form, "refresh_token"));
  if (found == refresh_.end() || found->second.token.client_id != app.client_id) {
    return HelixError(400, "Invalid refresh token");
  }
  const Token token = found->second.token;
  if (std::exchange(found->second.spent, true)) {
    killed.emplace(token.client_id, token.user_id);
    EndGrant(token.client_id, token.user_id);
    return HelixError(400, "Invalid refresh token");
  }
  return IssueUserToken(token, now);
}

Response OAuth::IssueUserToken(Token token, Time now) {
  std::string access = RandomToken(30);
  std::string refresh = RandomToken(50);
  token.expires_at = now + std::chrono::seconds(settings_.user_token_seconds);
  const Json body = {{"access_token", access},
                     {"expires_in", SecondsUntil(token.expires_at, now)},
                     {"refresh_token", refresh},
                     {"scope", token.scopes},
                     {"token_type", "bearer"}};
  refresh_[std::move(refresh)] = {.token = token, .access = access};
  access_[std::move(access)] = std::move(token);
  return Answer(200, body);
}

Response OAuth::IssueAppToken(const App& app, Time now) {
  std::string access = RandomToken(30);
  const Json body = {{"access_token", access},
                     {"expires_in", settings_.app_token_seconds},
                     {"token_type", "bearer"}};
  access_[std::move(access)] = {
      .client_id = app.client_id,
      .user_id = {},
      .login = {},
      .scopes = {},
      .expires_at = now + std::chrono::seconds(settings_.app_token_seconds)};
  return Answer(200, body);
}

Response OAuth::Validate(std::optional<std::string_view> authorization, Time now) const {
  const Token* const token = Find(authorization, now);
  if (token == nullptr) return OAuthError(401, "invalid access token");
  Json body = {{"client_id", token->client_id}};
  if (!token->user_id.empty()) body["login"] = token->login;
  body["scopes"] = token->scopes.empty() ? Json() : Json(token->scopes);
  if (!token->user_id.empty()) body["user_id"] = token->user_id;
  body["expires_in"] = SecondsUntil(token->expires_at, now);
  return Answer(200, body);
}

Response OAuth::Revoke(const Params& form, Time now) {
  const std::string client_id = Get(form, "client_id");
  if (client_id.empty()) return OAuthError(400, "missing client id");
  if (apps_.Find(client_id) == nullptr) return OAuthError(404, "client does not exist");
  const auto found = access_.find(Get(form, "token"));
  if (found == access_.end() || found->second.client_id != client_id ||
      found->second.expires_at <= now) {
    return OAuthError(400, "Invalid token");
  }
  std::erase_if(refresh_, [&](const auto& entry) { return entry.second.access == found->first; });
  access_.erase(found);
  return {};
}

const Token* OAuth::Find(std::optional<std::string_view> authorization, Time now) const {
  const auto found = access_.find(TokenOf(authorization));
  return found == access_.end() || found->second.expires_at <= now ? nullptr : &found->second;
}

const std::set<std::string>& OAuth::Granted(const std::string& client_id,
                                            const std::string& user_id) const {
  static const std::set<std::string> kNothing;
  const auto found = grants_.find({client_id, user_id});
  return found == grants_.end() ? kNothing : found->second;
}

bool OAuth::HasGrant(const std::string& client_id, const std::string& user_id) const {
  return grants_.contains({client_id, user_id});
}

bool OAuth::EndGrant(const std::string& client_id, const std::string& user_id) {
  const auto theirs = [&](const Token& token) { return IsOf(token, client_id, user_id); };
  std::erase_if(codes_, [&](const auto& entry) { return theirs(entry.second.token); });
  std::erase_if(access_, [&](const auto& entry) { return theirs(entry.second); });
  std::erase_if(refresh_, [&](const auto& entry) { return theirs(entry.second.token); });
  return grants_.erase({client_id, user_id}) > 0;
}

size_t OAuth::ExpireTokens(std::string_view client_id, std::string_view user_id) {
  return std::erase_if(access_,
                       [&](const auto& entry) { return IsOf(entry.second, client_id, user_id); });
}

}  // namespace platform_sim
