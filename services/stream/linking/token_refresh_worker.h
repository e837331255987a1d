// TokenRefreshWorker: keeps the tokens of links good, so that nobody has to link again.
//
// It renews access tokens before they end, and validates those of platforms that demand it. A
// platform may end a whole grant when a refresh token is used twice, so each link has one writer
// over all instances: a lock of the database, held from reading the tokens to storing the new ones.
#pragma once
#include <mutex>
#include <unordered_map>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/linking/link_store.h"
#include "services/stream/linking/token_store.h"
#include "services/stream/platforms/platforms_client.h"

namespace stream::linking {

class TokenRefreshWorker {
 public:
  struct Parts {
    const platforms::Platforms& platforms;
    LinkStore& links;
    TokenStore& tokens;
    common::mysql::Pool& locks;            // connections for nothing but locks
    std::function<void()> on_deactivated;  // told after a link became inactive
  };
  // `interval`: how often it looks; tokens that would end before the next look are renewed.
  TokenRefreshWorker(std::chrono::seconds interval, Parts parts,
                     common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() {
    loop_.Stop();
    SaveAllUnsaved().IgnoreError();
  }
  // To be called when a grant may have ended.
  void Wake() { loop_.Wake(); }

  // The link's access token, renewed when it has ended, or when it is the one that the platform
  // `refused` before its time. LINK_NOT_FOUND, LINK_INACTIVE, PLATFORM_NOT_CONFIGURED,
  // PLATFORM_UNAVAILABLE.
  absl::StatusOr<common::config::Secret> AccessToken(const common::Uuid& link_id,
                                                     const common::config::Secret& refused = {});
  // What the link's platform needs to be asked about its live stream; errors as AccessToken.
  absl::StatusOr<platforms::LiveQuery> LiveQueryOf(const Link& link,
                                                   std::optional<std::string> stream_id);

 private:
  enum class Task { kRenew, kValidate };
  struct Counters {
    common::metrics::Counter& refreshed;
    common::metrics::Counter& refused;
    common::metrics::Counter& failed;
    common::metrics::Counter& valid;
    common::metrics::Counter& invalid;
  };

  common::executor::Loop::Outcome Step();
  absl::Status CareFor(const platforms::PlatformClient& client, common::Time now);
  // Does what is due for one link, unless another instance does it already.
  absl::Status Mind(const common::Uuid& link_id, common::Time ends_before);
  // The link's tokens once they last beyond `needed_until`. The caller holds the link's lock.
  absl::StatusOr<platforms::Tokens> Renew(StoredTokens stored, common::Time needed_until);
  absl::StatusOr<platforms::Tokens> Refresh(const StoredTokens& stored);
  absl::Status Validate(const StoredTokens& stored);
  // Stores tokens that were got for those of `version`; the caller holds the link's lock.
  absl::Status Store(const common::Uuid& link_id, const std::string& version,
                     platforms::Platform platform, const platforms::Tokens& tokens);
  absl::Status SaveUnsaved(const common::Uuid& link_id);
  absl::Status SaveAllUnsaved();
  absl::Status GiveUp(const StoredTokens& stored);
  Counters& CountersOf(platforms::Platform platform);

  const std::chrono::seconds interval_;
  const Parts parts_;
  std::unordered_map<int, Counters> counters_;  // by platform
  common::metrics::Counter& deactivated_;

  // Tokens that a platform gave us and the database did not take yet: the old ones are spent.
  struct Unsaved {
    platforms::Platform platform = platforms::Platform::kTwitch;
    std::string version;
    platforms::Tokens tokens;
  };
  std::mutex mutex_;
  std::unordered_map<common::Uuid, Unsaved> unsaved_;
  std::unordered_map<int, common::Uuid> resume_;  // by platform: behind where the last look ended
  common::executor::Loop loop_;
};

}  // namespace stream::linking
