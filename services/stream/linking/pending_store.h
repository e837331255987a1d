// Link requests that wait for their platform's redirect, in Redis.
//
// Key `stream:{<request id>}:pending`, a string: what Encode makes, sealed, since it holds the
// verifier of the request's code and the account; lives kPendingLife and is taken once.
#pragma once
#include <optional>
#include <string>

#include "libs/common/redis/redis.h"
#include "services/stream/linking/link.h"
#include "services/stream/sealer.h"

namespace stream::linking {

inline constexpr std::chrono::minutes kPendingLife{10};

struct PendingLink {
  common::Uuid request_id;
  common::Uuid account_id;
  platforms::Platform platform = platforms::Platform::kTwitch;
  std::string state_digest;              // SHA-256, 32 bytes
  common::config::Secret code_verifier;  // kVerifierBytes
  std::string redirect_uri;
};

class PendingStore {
 public:
  // Of RFC 7636's 43 to 128.
  static constexpr size_t kVerifierBytes = 43;

  // Both outlive it.
  PendingStore(common::redis::Redis& redis, const Sealer& sealer)
      : redis_(redis), sealer_(sealer) {}

  absl::Status Put(const PendingLink& pending);
  // nullopt: unknown, expired or taken.
  absl::StatusOr<std::optional<PendingLink>> Find(const common::Uuid& request_id);
  // True for exactly one caller.
  absl::StatusOr<bool> Take(const common::Uuid& request_id);

 private:
  common::redis::Redis& redis_;
  const Sealer& sealer_;
};

}  // namespace stream::linking
