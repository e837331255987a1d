// The way to Redis: one server (node.h) or a cluster (cluster.h).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/pool/bounded_pool.h"
#include "libs/common/redis/options.h"
#include "libs/common/redis/reply.h"

namespace common::redis {

// What a cluster asked of us, since the start. All zero with one server.
struct ClusterStats {
  uint64_t moved = 0;      // commands sent on to another node for good
  uint64_t asked = 0;      // and for once, because their slot is being moved
  uint64_t waits = 0;      // pauses until a slot or a master is there again
  uint64_t maps_read = 0;  // of which node has which slot
};

// Thread-safe. Errors are those of redis.h.
class Transport {
 public:
  virtual ~Transport() = default;

  // One answer for each command, in order; errors that Redis answers stand in their place.
  virtual absl::StatusOr<std::vector<Reply>> Run(std::span<const Arguments> commands,
                                                 CallOptions call) = 0;
  // A command that every server must carry out, once or more often.
  virtual absl::Status OnEveryServer(Arguments command) = 0;
  // OK when calls can be expected to succeed.
  virtual absl::Status Probe() = 0;

  virtual pool::Stats stats() const = 0;
  virtual ClusterStats cluster_stats() const { return {}; }
};

}  // namespace common::redis
