// What the daemon asks of a platform where users grant us access with OAuth. Calls block for one
// HTTP exchange or a few.
#pragma once
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/config/secret.h"
#include "services/stream/platforms/platform.h"
#include "services/stream/privacy/personal.h"

namespace stream::platforms {

struct Tokens {
  common::config::Secret access;
  common::config::Secret refresh;
  common::Time expires_at;  // of the access token
  std::vector<std::string> scopes;
};

// One OAuth request: what its first and its second half must agree on.
struct AuthorizationRequest {
  std::string redirect_uri;
  std::string state;
  common::config::Secret code_verifier;  // RFC 7636, for platforms that know PKCE
};

struct PlatformIdentity {
  privacy::PlatformUserId user_id;
  common::config::Secret display_name;  // a person's name: sealed like a token
};

// Whose live stream is asked for.
struct LiveQuery {
  privacy::PlatformUserId channel;
  common::config::Secret access_token;   // the channel's own
  std::optional<std::string> stream_id;  // when it is known; else the platform has to search
};

struct LiveStream {
  std::string stream_id;
  common::Time started_at;
  std::optional<int> viewer_count;  // nullopt: the channel hides it
};

// Errors, if not stated otherwise: PLATFORM_UNAVAILABLE when there is no usable answer by the
// thread's deadline, so that a platform that hangs holds a thread no longer than its caller waits.
class PlatformClient {
 public:
  virtual ~PlatformClient() = default;
  virtual Platform platform() const = 0;

  // Where the user agrees; comes back to the redirect URI with a code and the same state.
  virtual std::string AuthorizationUrl(const AuthorizationRequest& request) const = 0;
  // AUTHORIZATION_CODE_INVALID when the platform refuses the code.
  virtual absl::StatusOr<Tokens> ExchangeCode(const common::config::Secret& code,
                                              const AuthorizationRequest& request) = 0;
  virtual absl::StatusOr<PlatformIdentity> ReadIdentity(
      const common::config::Secret& access_token) = 0;

  // New tokens for a refresh token, which must not be used again where the answer brings another
  // one; an empty `refresh` or `scopes` says that they stay. LINK_INACTIVE: the grant is dead, and
  // only the user can give a new one. Everything else may pass: PLATFORM_UNAVAILABLE.
  virtual absl::StatusOr<Tokens> Refresh(const common::config::Secret& refresh_token) = 0;
  // How often the platform demands that tokens are validated; nullopt: never.
  virtual std::optional<std::chrono::minutes> validation_interval() const = 0;
  // Whether the access token still holds: false when it does not.
  virtual absl::StatusOr<bool> Validate(const common::config::Secret& access_token) = 0;
  // Ends the grant at the platform. OK also when it has ended before.
  virtual absl::Status Revoke(const Tokens& tokens) = 0;

  // One answer for each query, in order; nullopt where the channel, or the stream that was named,
  // is not live. Asks for many at once where the platform can.
  virtual absl::StatusOr<std::vector<std::optional<LiveStream>>> FindLive(
      std::span<const LiveQuery> queries) = 0;
};

}  // namespace stream::platforms
