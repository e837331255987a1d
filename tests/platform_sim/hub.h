// The WebSub hub that YouTube's feeds name: who wants which feed where, and until when. Not
// thread-safe: PlatformSim holds the lock.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/config/secret.h"
#include "libs/common/http/message.h"
#include "libs/common/http/url.h"
#include "tests/platform_sim/delivery.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

enum class HubState { kPending, kVerified, kRefused };

struct HubSubscription {
  std::string callback;
  std::string topic;
  std::string channel_id;
  common::config::Secret secret;
  common::Time lease_ends_at{};
  HubState state = HubState::kPending;  // of its first verification
  bool leaving = false;                 // an unsubscription is being verified
};

// What a client asks for and its callback must confirm.
struct HubRequest {
  HubSubscription wanted;
  bool subscribe = true;
  std::string verify_token;
  std::string challenge;
  std::chrono::seconds lease{};
};

class Hub {
 public:
  static constexpr size_t kMaxSubscriptions = 10'000;
  static constexpr std::chrono::seconds kDefaultLease{432'000};

  // POST /subscribe. 202 sets `request`, which now needs its verification; nullopt when the answer
  // is an error.
  common::http::Response Take(const common::http::Params& form, std::chrono::seconds max_lease,
                              common::Time now, std::optional<HubRequest>& request);
  // The callback confirmed or refused the request.
  void Settle(const HubRequest& request, bool confirmed, common::Time now);

  // Those whose lease runs, by any spelling of the channel's topic.
  std::vector<const HubSubscription*> Wanting(std::string_view channel_id, common::Time now) const;
  bool IsWanted(const std::string& callback, const std::string& topic, common::Time now) const;
  Json ToJson(common::Time now) const;

 private:
  static bool IsActive(const HubSubscription& subscription, common::Time now) {
    return subscription.state == HubState::kVerified && subscription.lease_ends_at > now;
  }
  HubSubscription* Find(std::string_view callback, std::string_view topic);

  std::vector<HubSubscription> all_;
};

// The GET that asks the callback; a topic that is no feed is denied instead.
Message VerificationOf(const HubRequest& request);
// The POST of a feed, signed when the subscription has a secret.
Message NotificationTo(const HubSubscription& subscription, std::string feed, bool bad_signature);

}  // namespace platform_sim
