// YouTube's units a client and day. Not thread-safe: PlatformSim holds the lock.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "libs/common/base/time.h"
#include "tests/platform_sim/json.h"

namespace platform_sim {

class Quota {
 public:
  // False, and nothing is spent, when the client has less than that left of `limit` today. Days
  // begin at midnight Pacific Standard Time, all year round.
  bool Spend(const std::string& client_id, int64_t units, int64_t limit, common::Time now);
  // What each client has spent on its last day.
  Json ToJson() const;

 private:
  struct Spent {
    int64_t day = 0;
    int64_t units = 0;
  };

  std::map<std::string, Spent> spent_;  // of registered clients only, so it stays small
};

}  // namespace platform_sim
