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

  // Carries `effect` out unless it was before; false then. A failed effect leaves no mark.
  template <class Effect>
  absl::StatusOr<bool> Once(const std::string& mark, Effect&& effect) {
    ASSIGN_OR_RETURN(const auto seen, redis_.Command({"EXISTS", Key(mark)}, {.idempotent = true}));
    if (seen.integer() == 1) return false;
    RETURN_IF_ERROR(effect());
    const std::string life = std::to_string(std::chrono::seconds(kMarkLife).count());
    RETURN_IF_ERROR(
        redis_.Command({"SET", Key(mark), "", "EX", life}, {.idempotent = true}).status());
    return true;
  }

 private:
  static std::string Key(const std::string& mark) {
    return "stream:{" + common::crypto::HexEncode(mark) + "}:seen";
  }

  common::redis::Redis& redis_;
};

}  // namespace stream::ingest
