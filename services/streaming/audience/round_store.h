// Rounds in Redis: who leads a shard, which round it is, and the view that everybody who steps a
// session of that round sees.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/recently_used.h"
#include "libs/common/base/time.h"
#include "libs/common/redis/redis.h"
#include "services/streaming/audience/arrival.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::audience {

struct Lead {
  uint32_t round = 0;                 // 0: somebody else leads
  uint32_t before = 0;                // the round before it, 0 = none
  std::chrono::milliseconds next{0};  // until the next round is due, or the other's lead ends
  std::optional<std::chrono::milliseconds> late;  // how late the round began, if it began just now
};

class RoundStore {
 public:
  // Keeps the references. `functions` is the library of redis/rounds.lua.
  RoundStore(common::redis::Redis& redis, common::redis::Functions& functions,
             AudienceStore& audience, LiveStore& live, pool::PoolStore& pools,
             const RoundSettings& settings);

  // Takes or keeps the lead of a shard for `lease`, and begins a round when one is due, which takes
  // `interval` and counts as `intervals` ordinary ones. Times are the Redis server's.
  absl::StatusOr<Lead> TakeLead(const Shard& shard, std::string_view who,
                                std::chrono::milliseconds lease, std::chrono::milliseconds interval,
                                uint32_t intervals = 1);
  // Keeps the lead for another `lease`, without beginning a round. kNotLeader when it is lost.
  absl::Status RenewLead(const Shard& shard, std::string_view who, std::chrono::milliseconds lease);
  // Makes the shard's bitmap what its sessions say, and returns how many bits were wrong. For
  // whoever has just taken the lead.
  absl::StatusOr<uint64_t> Audit(const Shard& shard);
  // Gives the lead up, if `who` has it.
  absl::Status YieldLead(const Shard& shard, std::string_view who);

  // The view of a round, whose length is `stretch` ordinary ones and which is stepped in `cohorts`.
  // The first to ask builds and stores it; all others get that one.
  absl::StatusOr<View> OfRound(const Shard& shard, uint32_t round, float stretch, uint32_t cohorts,
                               common::Time now);
  // The same without building it: nullopt when nobody has, or long ago.
  absl::StatusOr<std::optional<View>> Find(const Shard& shard, uint32_t round);
  // The view of the present round, or a new one when there is none: how things are, more or less.
  absl::StatusOr<View> Recent(const Shard& shard, common::Time now);
  // Likewise with its survey; what is kept of it here is not looked at again for kOutlookLife,
  // unless it is of a round before `least`.
  static constexpr std::chrono::seconds kOutlookLife{1};
  absl::StatusOr<std::shared_ptr<const SurveyedView>> Outlook(const Shard& shard, common::Time now,
                                                              uint32_t least = 0);

 private:
  struct Kept {
    std::shared_ptr<const SurveyedView> seen;
    common::Time at;
  };
  absl::StatusOr<View> Build(const Shard& shard, uint32_t round, float stretch, common::Time now);

  common::redis::Redis& redis_;
  common::redis::Functions& functions_;
  AudienceStore& audience_;
  LiveStore& live_;
  pool::PoolStore& pools_;
  const RoundSettings settings_;
  // By ShardPrefix. A view has some 300 bytes a live session.
  static constexpr size_t kOutlooks = 256;
  common::RecentlyUsed<std::string, Kept> outlooks_{kOutlooks};
};

}  // namespace streaming::audience
