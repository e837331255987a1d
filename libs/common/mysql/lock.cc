#include "libs/common/mysql/lock.h"

#include "libs/common/base/status.h"

namespace common::mysql {

absl::StatusOr<std::optional<NamedLock>> NamedLock::Acquire(Pool& pool, std::string_view name,
                                                            std::chrono::seconds timeout) {
  ASSIGN_OR_RETURN(Pool::Lease connection, pool.Borrow());
  ASSIGN_OR_RETURN(
      const Rows rows,
      connection->Query("SELECT GET_LOCK(CONCAT(DATABASE(), '.', ?), ?)", name, timeout.count()));
  if (rows.at(0).Get<std::optional<int>>(0) != 1) return std::nullopt;
  return NamedLock(std::move(connection), std::string(name));
}

NamedLock::~NamedLock() {
  if (name_.empty()) return;
  const auto released =
      connection_->Query("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.', ?))", name_);
  if (!released.ok()) connection_->MarkBroken();
}

bool NamedLock::Held() {
  const auto rows = connection_->Query(
      "SELECT IS_USED_LOCK(CONCAT(DATABASE(), '.', ?)) = CONNECTION_ID()", name_);
  return rows.ok() && rows->at(0).Get<std::optional<int>>(0) == 1;
}

}  // namespace common::mysql
