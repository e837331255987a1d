#include "services/stream/privacy/reseal_store.h"

#include <string>

#include "libs/common/base/status.h"
#include "libs/common/mysql/lock.h"
#include "services/stream/linking/link_columns_store.h"
#include "services/stream/linking/token_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::privacy {
namespace {

using common::Uuid;
using common::config::Secret;
using common::mysql::NamedLock;

constexpr int64_t kBatch = 200;
constexpr std::chrono::seconds kLockWait{1};
constexpr int kLockAttempts = 60;  // a refresh takes less than a minute

// A sealed column: which rows have one, and how it is replaced if nobody was faster.
struct Column {
  std::string_view place;
  const char* select;
  const char* update;
};
#define SEALED(place, table, key, column)                                          \
  {                                                                                \
    place,                                                                         \
        "SELECT " key ", " column " FROM " table " WHERE " key " > ? AND " column  \
        " IS NOT NULL AND " column " <> '' ORDER BY " key " LIMIT ?",              \
        "UPDATE " table " SET " column " = ? WHERE " key " = ? AND " column " = ?" \
  }
constexpr Column kColumns[] = {
    SEALED(linking::kUserIdPlace, "link", "link_id", "user_id_sealed"),
    SEALED(linking::kNamePlace, "link", "link_id", "display_name_sealed"),
    SEALED(linking::kAccessPlace, "link", "link_id", "access_token_sealed"),
    SEALED(linking::kRefreshPlace, "link", "link_id", "refresh_token_sealed"),
    SEALED(linking::kExpectedPlace, "expected_stream", "expected_id", "stream_id_sealed"),
    SEALED(linking::kRtmpUrlPlace, "link", "link_id", "rtmp_url_sealed"),
    SEALED(linking::kWebhookSecretPlace, "link", "link_id", "webhook_secret_sealed"),
    SEALED(linking::kUserIdPlace, "farewell", "link_id", "user_id_sealed"),
    SEALED(linking::kAccessPlace, "farewell", "link_id", "access_token_sealed"),
    SEALED(linking::kRefreshPlace, "farewell", "link_id", "refresh_token_sealed"),
    SEALED(sessions::kStreamIdPlace, "session", "session_id", "stream_id_sealed"),
};
#undef SEALED

// Whoever renews a link's tokens recognises the ones it replaces by their sealed form.
absl::StatusOr<NamedLock> LockTokens(common::mysql::Pool& mysql, const Uuid& link_id) {
  for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
    ASSIGN_OR_RETURN(auto lock,
                     NamedLock::Acquire(mysql, linking::TokenLockOf(link_id), kLockWait));
    if (lock) return *std::move(lock);
  }
  return absl::UnavailableError("the tokens of a link are being renewed; repeat the command");
}

absl::Status Reseal(common::mysql::Pool& mysql, const Sealer& sealer, const Column& column,
                    const Uuid& row, const std::string& sealed, Resealed& done) {
  const auto value = sealer.Open(row, column.place, sealed);
  if (!value.ok()) {
    ++done.unreadable;
    return absl::OkStatus();
  }
  std::optional<NamedLock> lock;
  if (column.place == linking::kRefreshPlace) {
    ASSIGN_OR_RETURN(NamedLock held, LockTokens(mysql, row));
    lock.emplace(std::move(held));
  }
  ASSIGN_OR_RETURN(
      const int64_t changed,
      mysql.Execute(column.update, sealer.Seal(row, column.place, *value), row, sealed));
  done.changed += changed;
  return absl::OkStatus();
}

absl::Status ResealColumn(common::mysql::Pool& mysql, const Sealer& sealer, const Column& column,
                          Resealed& done) {
  Uuid after;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const auto rows, mysql.Query(column.select, after, kBatch));
    for (const auto& row : rows) {
      after = row.Get<Uuid>(0);
      const auto sealed = row.Get<std::string>(1);
      if (!sealer.NeedsReseal(sealed)) continue;
      RETURN_IF_ERROR(Reseal(mysql, sealer, column, after, sealed, done));
    }
    more = rows.size() == static_cast<size_t>(kBatch);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Resealed> ResealAll(common::mysql::Pool& mysql, const Sealer& sealer) {
  Resealed done;
  for (const Column& column : kColumns) {
    RETURN_IF_ERROR(ResealColumn(mysql, sealer, column, done));
  }
  return done;
}

}  // namespace stream::privacy
