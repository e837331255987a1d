// The registered applications, and what both platforms' OAuth needs to speak forms and redirects.
// Not thread-safe: PlatformSim holds the lock.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/config/secret.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"

namespace platform_sim {

struct App {
  std::string client_id;
  common::config::Secret client_secret;
  std::vector<std::string> redirects;  // matched exactly
};

class Apps {
 public:
  static constexpr size_t kMaxApps = 100;

  // A known client id gets the new secret and redirects. False when there are too many.
  bool Put(App app);
  const App* Find(std::string_view client_id) const;

 private:
  std::vector<App> apps_;
};

// What an access token of either platform stands for.
struct Token {
  std::string client_id;
  std::string user_id;  // empty: an app token of Twitch
  std::string login;
  std::vector<std::string> scopes;
  common::Time expires_at{};
};

// Where (client, user) must match; an empty client id matches every client.
bool IsOf(const Token& token, std::string_view client_id, std::string_view user_id);

// The first parameter of that name, else "".
std::string Get(const common::http::Params& params, std::string_view name);
bool IsRegistered(const App& app, std::string_view redirect_uri);
std::vector<std::string> SplitWords(std::string_view text);  // at blanks
std::string JoinWords(const std::vector<std::string>& words);
int64_t SecondsUntil(common::Time end, common::Time now);
// The token of an Authorization header with one of the two schemes; "" for anything else.
std::string_view TokenOf(std::optional<std::string_view> authorization);
// 302 to `uri`, whatever query it has already, with an encoded query.
common::http::Response RedirectTo(const std::string& uri, const std::string& query);

}  // namespace platform_sim
