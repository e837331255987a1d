// Limits how often an account may call, over all instances together.
#pragma once
#include <mutex>
#include <string>

#include <absl/status/status.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/ratelimit/leases.h"
#include "libs/common/redis/redis.h"

namespace common::ratelimit {

// Thread-safe. An account is never granted more than `burst` calls at once and `per_second` in the
// long run; instances that share Redis and `name` share the count. While Redis is away calls pass
// and are counted: a limit is no reason to refuse what does not need Redis.
class Limiter {
 public:
  // `name`: the daemon's. `redis` and `metrics` outlive this.
  Limiter(std::string name, Rate rate, redis::Redis& redis, metrics::Registry& metrics);

  // Loads the Function. UNAVAILABLE while Redis is away.
  absl::Status Load() { return functions_.Load(); }

  // OK, or RESOURCE_EXHAUSTED RATE_LIMITED with the pause until a call would pass.
  absl::Status Admit(const Uuid& account);

 private:
  absl::StatusOr<Verdict> Ask(const Uuid& account, int want);

  const std::string name_;
  const Rate rate_;
  redis::Functions functions_;
  metrics::Counter& refused_;
  metrics::Counter& unlimited_;
  std::mutex mutex_;
  Leases leases_;
};

}  // namespace common::ratelimit
