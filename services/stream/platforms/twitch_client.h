// Twitch: OAuth at id.twitch.tv, Helix and EventSub at api.twitch.tv.
#pragma once
#include <mutex>

#include "libs/common/http/client.h"
#include "services/stream/platforms/eventsub.h"
#include "services/stream/platforms/platform_client.h"

namespace stream::platforms {

struct TwitchOptions {
  std::string client_id;
  common::config::Secret client_secret;
  common::config::Secret webhook_secret;
  std::string id_url;   // without a final slash
  std::string api_url;  // likewise
};

class TwitchClient final : public PlatformClient {
 public:
  // `http` outlives it.
  TwitchClient(TwitchOptions options, common::http::Client& http)
      : options_(std::move(options)), http_(http) {}

  Platform platform() const override { return Platform::kTwitch; }
  // Twitch has no PKCE: the request's verifier is of no use.
  std::string AuthorizationUrl(const AuthorizationRequest& request) const override;
  absl::StatusOr<Tokens> ExchangeCode(const common::config::Secret& code,
                                      const AuthorizationRequest& request) override;
  absl::StatusOr<PlatformIdentity> ReadIdentity(
      const common::config::Secret& access_token) override;
  absl::StatusOr<Tokens> Refresh(const common::config::Secret& refresh_token) override;
  // Twitch audits applications that do not validate every hour.
  std::optional<std::chrono::minutes> validation_interval() const override {
    return std::chrono::minutes(60);
  }
  absl::StatusOr<bool> Validate(const common::config::Secret& access_token) override;
  // Takes an access token that has not ended: Twitch revokes no others.
  absl::Status Revoke(const Tokens& tokens) override;
  // Asks under the application's token, by channel; what the queries say beside it is not used.
  absl::StatusOr<std::vector<std::optional<LiveStream>>> FindLive(
      std::span<const LiveQuery> queries) override;

  // --- EventSub, under the application's token. ------------------------------------------------
  struct Page {
    std::vector<Subscription> subscriptions;
    std::string next;  // the cursor of the next page; empty: this is the last
  };
  // `about`: only those whose condition names the user.
  absl::StatusOr<Page> ListSubscriptions(const std::optional<privacy::PlatformUserId>& about,
                                         const std::string& cursor);
  // OK also when an identical one exists. PERMISSION_DENIED: the user's grant does not allow it.
  // INVALID_ARGUMENT: Twitch does not offer it. RESOURCE_EXHAUSTED: a limit of its is reached.
  absl::Status CreateSubscription(const EventType& type, const privacy::PlatformUserId& channel,
                                  const std::string& callback_url);
  // kUserRevoked, of the whole application.
  absl::Status CreateRevocationSubscription(const std::string& callback_url);
  // OK also when there is none.
  absl::Status DeleteSubscription(const std::string& id);

 private:
  absl::StatusOr<common::http::Response> AskForTokens(const common::http::Params& grant);
  // The application's own token, fetched when there is none or it is about to expire.
  absl::StatusOr<common::config::Secret> AppToken();
  void ForgetAppToken(const common::config::Secret& token);
  // A Helix call under the application's token; a 401 is answered once with a new token.
  absl::StatusOr<common::http::Response> Helix(common::http::OutgoingRequest request);
  absl::Status Create(const EventType& type, const std::string& condition_json,
                      const std::string& callback_url);
  absl::Status FindPage(std::span<const LiveQuery> queries,
                        std::span<std::optional<LiveStream>> found);

  const TwitchOptions options_;
  common::http::Client& http_;
  std::mutex mutex_;  // never held over a call
  std::optional<Tokens> app_token_;
};

}  // namespace stream::platforms
