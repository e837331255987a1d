// Twitch's grants and tokens. Not thread-safe: PlatformSim holds the lock.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/apps.h"
#include "tests/platform_sim/settings.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

class OAuth {
 public:
  static constexpr size_t kMaxTokens = 50'000;  // codes, access and refresh tokens together

  OAuth(const Apps& apps, const Settings& settings) : apps_(apps), settings_(settings) {}

  // GET /oauth2/authorize, where `user` agrees at once (null: nobody is there, 400), or refuses
  // when the query has deny=1, which is ours and not the platform's.
  common::http::Response Authorize(const common::http::Params& query, const User* user,
                                   common::Time now);
  // POST /oauth2/token. `killed` receives the (client, user) whose grant ended because a spent
  // refresh token came back.
  common::http::Response IssueToken(const common::http::Params& form, common::Time now,
                                    std::optional<std::pair<std::string, std::string>>& killed);
  // GET /oauth2/validate with the Authorization header.
  common::http::Response Validate(std::optional<std::string_view> authorization,
                                  common::Time now) const;
  // POST /oauth2/revoke: the access token, and the refresh token that was issued with it.
  common::http::Response Revoke(const common::http::Params& form, common::Time now);

  // The token of "Bearer …" or "OAuth …"; null when absent, unknown or expired.
  const Token* Find(std::optional<std::string_view> authorization, common::Time now) const;
  // The union of what the user granted; empty when the user did not authorise the app.
  const std::set<std::string>& Granted(const std::string& client_id,
                                       const std::string& user_id) const;
  bool HasGrant(const std::string& client_id, const std::string& user_id) const;
  // The user disconnects the app: the grant and all its tokens are gone. False when there was none.
  bool EndGrant(const std::string& client_id, const std::string& user_id);
  // The user's access tokens, of every app when `client_id` is empty, end now; refresh tokens stay.
  // Returns how many ended.
  size_t ExpireTokens(std::string_view client_id, std::string_view user_id);

 private:
  struct Code {
    Token token;
    std::string redirect;
    common::Time expires_at;
  };
  struct Refresh {
    Token token;
    std::string access;  // issued with it
    bool spent = false;
  };
  using Forms = common::http::Params;

  // The app when id and secret are right; otherwise null and the answer in `error`.
  const App* Authenticate(const Forms& form, common::http::Response& error) const;
  common::http::Response RedeemCode(const App& app, const Forms& form, common::Time now);
  common::http::Response RedeemRefresh(const App& app, const Forms& form, common::Time now,
                                       std::optional<std::pair<std::string, std::string>>& killed);
  common::http::Response IssueUserToken(Token token, common::Time now);
  common::http::Response IssueAppToken(const App& app, common::Time now);
  bool Full() const { return codes_.size() + access_.size() + refresh_.size() >= kMaxTokens; }

  const Apps& apps_;
  const Settings& settings_;
  std::map<std::string, Code, std::less<>> codes_;
  std::map<std::string, Token, std::less<>> access_;
  std::map<std::string, Refresh, std::less<>> refresh_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> grants_;
};

}  // namespace platform_sim
