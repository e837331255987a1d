#include "services/streaming/privacy/tombstone_store.h"

#include <algorithm>
#include <array>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"

namespace streaming::privacy {
namespace {

// Of a random id, so that nobody finds it by trying; but whoever has an id can ask for it.
std::string MarkOf(const Entity& entity) {
  return common::crypto::Sha256(static_cast<char>(entity.kind) + entity.id.ToBytes());
}

}  // namespace

absl::Status Bury(common::mysql::Pool& mysql, const Entity& entity, common::Time now) {
  const std::string mark = MarkOf(entity);
  RETURN_IF_ERROR(
      mysql
          .Execute("INSERT INTO tombstone (mark, expires_at) VALUES (?, ?) ON DUPLICATE KEY UPDATE "
                   "expires_at = GREATEST(expires_at, VALUES(expires_at))",
                   mark, now + kTombstoneLife)
          .status());
  return mysql.Execute("DELETE FROM tombstone WHERE expires_at < ? LIMIT 1000", now).status();
}

absl::Status CheckLiving(common::mysql::Transaction& transaction,
                         std::span<const Entity> entities) {
  if (entities.empty()) return absl::OkStatus();
  if (entities.size() > kEntitiesMax) return absl::InvalidArgumentError("too many entities");
  // Padded with repeats of the last one, so that there is one statement to prepare.
  std::array<std::string, kEntitiesMax> marks;
  for (size_t i = 0; i < marks.size(); ++i) {
    marks[i] = MarkOf(entities[std::min(i, entities.size() - 1)]);
  }
  ASSIGN_OR_RETURN(const common::mysql::Rows rows,
                   transaction.Query("SELECT 1 FROM tombstone WHERE mark IN (?, ?, ?, ?) LIMIT 1",
                                     marks[0], marks[1], marks[2], marks[3]));
  if (rows.empty()) return absl::OkStatus();
  return common::errors::Make(kEntityDeleted, "the account, character or game service was deleted");
}

}  // namespace streaming::privacy
