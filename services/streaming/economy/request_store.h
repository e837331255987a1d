// The table `request_answer`: a call that comes again under its request id gets its first answer.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"

namespace streaming::economy {

struct RequestKey {
  common::Uuid id;
  std::string digest;  // 32 bytes, of the RPC and all that was asked
};

// nullopt when the caller gave no id. The edge has checked the fields.
template <class Request>
std::optional<RequestKey> RequestKeyOf(const Request& request) {
  if (!request.has_request_id()) return std::nullopt;
  return RequestKey{.id = common::Uuid::Parse(request.request_id()).value(),
                    .digest = common::crypto::Sha256(Request::descriptor()->full_name() +
                                                     request.SerializeAsString())};
}

// Runs `work` in a transaction, which fills `answer` and returns its news; the news is appended
// last. Under a request id that was answered before nothing is done, and `answer` is the first
// answer; REQUEST_ID_REUSED when that was to another request. What fails is not remembered. Two
// calls under one id at once: one waits for the other. Returns whether the work was done now.
absl::StatusOr<bool> RunOnce(common::mysql::Pool& mysql, const std::optional<RequestKey>& key,
                             const common::Uuid& streamer_id, common::Time now,
                             google::protobuf::Message& answer,
                             const std::function<absl::StatusOr<std::vector<common::outbox::Event>>(
                                 common::mysql::Transaction&)>& work);

// Answers are kept for at least so long.
inline constexpr std::chrono::hours kAnswerLife{24};
// Deletes up to `limit` answers that were given before; how many.
absl::StatusOr<int64_t> ForgetAnswers(common::mysql::Pool& mysql, common::Time before, int limit);

}  // namespace streaming::economy
