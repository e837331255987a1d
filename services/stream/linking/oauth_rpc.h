// The OAuth code flow, from the link request to the stored link; and its HTTP side, where a
// platform sends the user's browser.
#pragma once
#include <string>
#include <vector>

#include "libs/common/http/router.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/pending_store.h"
#include "services/stream/platforms/platforms_client.h"

namespace stream::linking {

struct OAuthOptions {
  std::string public_url;                      // without a final slash
  std::vector<std::string> callbacks_allowed;  // overrides, matched exactly
};

class OAuthFlow {
 public:
  // References outlive it. `on_linked` is told after a link was stored.
  OAuthFlow(OAuthOptions options, const platforms::Platforms& platforms, LinkStore& links,
            PendingStore& pending, std::function<void()> on_linked)
      : options_(std::move(options)),
        platforms_(platforms),
        links_(links),
        pending_(pending),
        on_linked_(std::move(on_linked)) {}

  struct Begun {
    common::Uuid request_id;
    std::string authorization_url;
  };
  // PLATFORM_NOT_CONFIGURED, PLATFORM_ALREADY_LINKED, CALLBACK_URL_NOT_ALLOWED, ACCOUNT_DELETED.
  absl::StatusOr<Begun> Begin(const common::Uuid& account, platforms::Platform platform,
                              const std::optional<std::string>& callback_url);

  // `account`: who says that the request is theirs; a browser has only the state. The errors are
  // those of PlatformCallback.
  absl::StatusOr<NamedLink> Complete(const common::Uuid& request_id,
                                     const std::optional<common::Uuid>& account,
                                     const std::string& state, const common::config::Secret& code);

  // GET /stream/oauth/callback/{platform}.
  std::vector<common::http::Route> Routes();

 private:
  absl::StatusOr<PendingLink> TakePending(const common::Uuid& request_id,
                                          const std::optional<common::Uuid>& account,
                                          const std::string& state);
  // Stores the link; what cannot be stored is given back to the platform.
  absl::StatusOr<NamedLink> Store(platforms::PlatformClient& client, const PendingLink& pending,
                                  const platforms::Tokens& tokens);
  void GiveBack(platforms::PlatformClient& client, const platforms::Tokens& tokens,
                const std::optional<privacy::PlatformUserId>& user);
  common::http::Response HandleRedirect(const common::http::Request& request);

  const OAuthOptions options_;
  const platforms::Platforms& platforms_;
  LinkStore& links_;
  PendingStore& pending_;
  const std::function<void()> on_linked_;
};

}  // namespace stream::linking
