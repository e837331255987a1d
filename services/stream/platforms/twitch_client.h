// Twitch: OAuth at id.twitch.tv, Helix and EventSub at api.twitch.tv.
#pragma once
#include <mutex>

#include "libs/common/http/client.h"
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
  std::string AuthorizationUrl(const std::string& redirect_uri,
                               const std::string& state) const override;
  absl::StatusOr<Tokens> ExchangeCode(const common::config::Secret& code,
                                      const std::string& redirect_uri) override;
  absl::StatusOr<PlatformIdentity> ReadIdentity(const Tokens& tokens) override;
  absl::StatusOr<std::optional<LiveStream>> FindLive(
      const privacy::PlatformUserId& channel) override;
  absl::Status Subscribe(const privacy::PlatformUserId& channel,
                         const std::string& callback_url) override;

 private:
  // Any complete answer in time.
  absl::StatusOr<common::http::Response> Send(const common::http::OutgoingRequest& request);
  absl::StatusOr<Tokens> RequestTokens(const common::http::Params& grant);
  // The application's own token, fetched when there is none or it is about to expire.
  absl::StatusOr<common::config::Secret> AppToken();
  void ForgetAppToken();
  // A Helix call under the application's token; a 401 is answered once with a new token.
  absl::StatusOr<common::http::Response> Helix(common::http::OutgoingRequest request);
  absl::Status SubscribeTo(const char* type, const privacy::PlatformUserId& channel,
                           const std::string& callback_url);

  const TwitchOptions options_;
  common::http::Client& http_;
  std::mutex mutex_;  // never held over a call
  std::optional<Tokens> app_token_;
};

}  // namespace stream::platforms
