// Google's grants and tokens: accounts.google.com and oauth2.googleapis.com. Not thread-safe:
// PlatformSim holds the lock.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libs/common/base/time.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/apps.h"
#include "tests/platform_sim/settings.h"
#include "tests/platform_sim/world.h"

namespace platform_sim {

class GoogleOAuth {
 public:
  static constexpr size_t kMaxTokens = 50'000;  // codes, access and refresh tokens together
  // Of one account and client; one more kills the oldest without a word.
  static constexpr size_t kMaxRefreshTokens = 100;

  GoogleOAuth(const Apps& apps, const Settings& settings) : apps_(apps), settings_(settings) {}

  // GET /o/oauth2/v2/auth, where `user` agrees at once (null: nobody is there, 400), or refuses
  // when the query has deny=1, which is ours and not the platform's.
  common::http::Response Authorize(const common::http::Params& query, const User* user,
                                   common::Time now);
  // POST /token. A refresh token stays the same for ever, so a refresh answers without one.
  common::http::Response IssueToken(const common::http::Params& form, common::Time now);
  // POST /revoke: an access or refresh token takes its whole grant with it.
  common::http::Response Revoke(std::string_view token, common::Time now);

  // The token of "Bearer …"; null when absent, unknown or expired.
  const Token* Find(std::optional<std::string_view> authorization, common::Time now) const;
  // The user disconnects the app: all its tokens are gone. False when there were none.
  bool EndGrant(std::string_view client_id, std::string_view user_id);
  // The user's access tokens, of every app when `client_id` is empty, end now; refresh tokens stay.
  // Returns how many ended.
  size_t ExpireTokens(std::string_view client_id, std::string_view user_id);

 private:
  struct Code {
    Token token;
    std::string redirect;
    std::string challenge;  // empty: none was given
    bool plain = false;     // the challenge is the verifier itself
    bool offline = false;   // brings a refresh token
    common::Time expires_at;
  };
  struct Refresh {
    Token token;  // expires with it
    uint64_t order = 0;
  };
  using Forms = common::http::Params;

  common::http::Response RedeemCode(const App& app, const Forms& form, common::Time now);
  common::http::Response RedeemRefresh(const App& app, const Forms& form, common::Time now);
  // The body of a token answer, without a refresh token.
  Json IssueAccessToken(Token token, common::Time now);
  std::string IssueRefreshToken(Token token, common::Time now);
  bool HasRefreshToken(const Token& token) const;
  bool Full() const { return codes_.size() + access_.size() + refresh_.size() >= kMaxTokens; }

  const Apps& apps_;
  const Settings& settings_;
  std::map<std::string, Code, std::less<>> codes_;
  std::map<std::string, Token, std::less<>> access_;
  std::map<std::string, Refresh, std::less<>> refresh_;
  uint64_t next_order_ = 0;
};

}  // namespace platform_sim
