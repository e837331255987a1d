// Link requests that wait for their platform's redirect, in Redis.
//
// Key `stream:{<request id>}:pending`, a string: what Encode makes; lives kPendingLife and is taken
// once. It holds no secret: of the state only its SHA-256.
#pragma once
#include <optional>
#include <string>

#include "libs/common/redis/redis.h"
#include "services/stream/linking/link.h"

namespace stream::linking {

inline constexpr std::chrono::minutes kPendingLife{10};

struct PendingLink {
  common::Uuid request_id;
  common::Uuid account_id;
  platforms::Platform platform = platforms::Platform::kTwitch;
  std::string state_digest;  // SHA-256, 32 bytes
  std::string redirect_uri;
};

class PendingStore {
 public:
  explicit PendingStore(common::redis::Redis& redis) : redis_(redis) {}

  absl::Status Put(const PendingLink& pending);
  // nullopt: unknown, expired or taken.
  absl::StatusOr<std::optional<PendingLink>> Find(const common::Uuid& request_id);
  // True for exactly one caller.
  absl::StatusOr<bool> Take(const common::Uuid& request_id);

 private:
  common::redis::Redis& redis_;
};

}  // namespace stream::linking
