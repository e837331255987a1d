// What the daemon asks of a platform. Calls block for one HTTP exchange or a few.
#pragma once
#include <memory>
#include <optional>
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
};

struct PlatformIdentity {
  privacy::PlatformUserId user_id;
  common::config::Secret display_name;  // a person's name: sealed like a token
};

struct LiveStream {
  std::string stream_id;
  common::Time started_at;
  int viewer_count = 0;
};

// Errors, if not stated otherwise: PLATFORM_UNAVAILABLE when there is no usable answer by the
// thread's deadline, so that a platform that hangs holds a thread no longer than its caller waits.
class PlatformClient {
 public:
  virtual ~PlatformClient() = default;
  virtual Platform platform() const = 0;

  // Where the user agrees; comes back to `redirect_uri` with a code and the same `state`.
  virtual std::string AuthorizationUrl(const std::string& redirect_uri,
                                       const std::string& state) const = 0;
  // AUTHORIZATION_CODE_INVALID when the platform refuses the code.
  virtual absl::StatusOr<Tokens> ExchangeCode(const common::config::Secret& code,
                                              const std::string& redirect_uri) = 0;
  virtual absl::StatusOr<PlatformIdentity> ReadIdentity(const Tokens& tokens) = 0;
  // nullopt when the channel is not live.
  virtual absl::StatusOr<std::optional<LiveStream>> FindLive(
      const privacy::PlatformUserId& channel) = 0;
  // Asks for the channel's events at `callback_url`. Asking again is harmless.
  virtual absl::Status Subscribe(const privacy::PlatformUserId& channel,
                                 const std::string& callback_url) = 0;
};

// The platforms that are configured.
class Platforms {
 public:
  explicit Platforms(std::vector<std::unique_ptr<PlatformClient>> clients)
      : clients_(std::move(clients)) {}

  // Null when the platform is not configured.
  PlatformClient* Find(Platform platform) const {
    for (const auto& client : clients_) {
      if (client->platform() == platform) return client.get();
    }
    return nullptr;
  }

 private:
  const std::vector<std::unique_ptr<PlatformClient>> clients_;
};

}  // namespace stream::platforms
