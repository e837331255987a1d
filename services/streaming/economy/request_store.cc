#include "services/streaming/economy/request_store.h"

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"

namespace streaming::economy {
namespace {

using common::mysql::Rows;
using common::mysql::Transaction;

// The first answer; nullopt when there is none, and then the id is this transaction's: whoever
// comes with it meanwhile waits for the end.
absl::StatusOr<std::optional<std::string>> Claim(Transaction& transaction, const RequestKey& key,
                                                 const common::Uuid& streamer_id,
                                                 common::Time now) {
  ASSIGN_OR_RETURN(const int64_t claimed,
                   transaction.Execute("INSERT IGNORE INTO request_answer (request_id, streamer_id,"
                                       " request_digest, answer, created_at)"
                                       " VALUES (?, ?, ?, '', ?)",
                                       key.id, streamer_id, key.digest, now));
  if (claimed == 1) return std::nullopt;
  ASSIGN_OR_RETURN(const Rows rows,
                   transaction.Query("SELECT request_digest, answer FROM request_answer"
                                     " WHERE request_id = ?",
                                     key.id));
  // It was forgotten in between, a day after it was given.
  if (rows.empty()) return common::errors::Make(common::errors::kConflict, "the id was in use");
  if (rows[0].Get<std::string>(0) != key.digest) {
    return common::errors::Make(common::errors::kRequestIdReused,
                                "the request id came with another request before");
  }
  return rows[0].Get<std::string>(1);
}

absl::Status Keep(Transaction& transaction, const RequestKey& key, const std::string& answer) {
  return transaction
      .Execute("UPDATE request_answer SET answer = ? WHERE request_id = ?", answer, key.id)
      .status();
}

}  // namespace

absl::StatusOr<bool> RunOnce(
    common::mysql::Pool& mysql, const std::optional<RequestKey>& key,
    const common::Uuid& streamer_id, common::Time now, google::protobuf::Message& answer,
    const std::function<absl::StatusOr<std::vector<common::outbox::Event>>(Transaction&)>& work) {
  bool done = false;
  const absl::Status status =
      common::mysql::RunTransaction(mysql, [&](Transaction& transaction) -> absl::Status {
        answer.Clear();
        done = false;
        if (key) {
          ASSIGN_OR_RETURN(const auto first, Claim(transaction, *key, streamer_id, now));
          if (first) {
            return answer.ParseFromString(*first)
                       ? absl::OkStatus()
                       : absl::InternalError("a stored answer cannot be read");
          }
        }
        ASSIGN_OR_RETURN(const auto news, work(transaction));
        if (key) RETURN_IF_ERROR(Keep(transaction, *key, answer.SerializeAsString()));
        done = true;
        return common::outbox::Append(transaction, news);
      });
  RETURN_IF_ERROR(status);
  return done;
}

absl::StatusOr<int64_t> ForgetAnswers(common::mysql::Pool& mysql, common::Time before, int limit) {
  return mysql.Execute("DELETE FROM request_answer WHERE created_at < ? LIMIT ?", before, limit);
}

}  // namespace streaming::economy
