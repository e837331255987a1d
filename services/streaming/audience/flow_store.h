// The last flows of each shard, in Redis: so every instance shows what any of them did. They are
// news: what cannot be noted is not, and nobody waits for it to be tried again.
#pragma once
#include <chrono>
#include <span>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/redis/redis.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/audience/flow.h"

namespace streaming::audience {

class FlowStore {
 public:
  // Keeps the reference.
  explicit FlowStore(common::redis::Redis& redis) : redis_(redis) {}

  // One round trip; none for no flows.
  absl::Status Note(const Shard& shard, std::span<const Flow> flows);
  // All that is kept of these shards, at most kKept each. One round trip.
  absl::StatusOr<std::vector<Flow>> Recent(std::span<const Shard> shards);

  static constexpr size_t kKept = 128;
  static constexpr std::chrono::minutes kLife{10};  // after the last one

 private:
  common::redis::Redis& redis_;
};

}  // namespace streaming::audience
