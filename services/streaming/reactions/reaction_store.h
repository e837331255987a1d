// How many reactions a session's players may trigger.
#pragma once
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/redis/redis.h"
#include "services/streaming/audience/live_session.h"

namespace streaming::reactions {

class ReactionStore {
 public:
  explicit ReactionStore(common::redis::Redis& redis) : redis_(redis) {}

  // Counts one more reaction in the session's present minute. REACTION_RATE_LIMITED, with the pause
  // until the next one, beyond `per_minute`.
  absl::Status CountUser(const audience::LiveKey& session, int per_minute, common::Time now);

 private:
  common::redis::Redis& redis_;
};

}  // namespace streaming::reactions
