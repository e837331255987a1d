// Which lifecycle messages were carried out, in Redis: resends are told apart across instances and
// restarts.
//
// Key `stream:{<HMAC of platform and message id, hex>}:seen`, an empty string; lives kMarkLife,
// which is longer than a message stays fresh. Their effects are harmless to repeat, so the mark is
// set after the effect: a failure leaves none, and the resend works.
#pragma once
#include <string>

#include "libs/common/base/status.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/redis/redis.h"

namespace stream::ingest {

inline constexpr std::chrono::minutes kMarkLife{15};

class MarkStore {
 public:
  explicit MarkStore(common::redis::Redis& redis) : redis_(redis) {}

  absl::StatusOr<bool> Has(const std::string& mark) {
    ASSIGN_OR_RETURN(const auto reply, redis_.Command({"EXISTS", Key(mark)}, {.idempotent = true}));
    return reply.integer() == 1;
  }
  absl::Status Set(const std::string& mark) {
    const std::string life = std::to_string(std::chrono::seconds(kMarkLife).count());
    return redis_.Command({"SET", Key(mark), "", "EX", life}, {.idempotent = true}).status();
  }

 private:
  static std::string Key(const std::string& mark) {
    return "stream:{" + common::crypto::HexEncode(mark) + "}:seen";
  }

  common::redis::Redis& redis_;
};

}  // namespace stream::ingest
