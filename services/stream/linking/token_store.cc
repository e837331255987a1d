#include "services/stream/linking/token_store.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/linking/expected_store.h"
#include "services/stream/linking/link_columns_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Transaction;
using platforms::Platform;
using platforms::Tokens;

constexpr int kCustom = static_cast<int>(Platform::kCustom);

}  // namespace

// Short, since the name of a lock must not be long.
std::string TokenLockOf(const Uuid& link_id) {
  return "token." + common::crypto::Base64UrlEncode(link_id.ToBytes());
}

absl::StatusOr<std::optional<StoredTokens>> TokenStore::Read(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS ", access_token_sealed, "
                                "refresh_token_sealed, token_expires_at, scopes, validated_at "
                                "FROM link WHERE link_id = ? AND platform <> ?",
                                link_id, kCustom));
  if (rows.empty()) return std::optional<StoredTokens>();
  const Row& row = rows.front();
  StoredTokens stored{.link = ReadLink(row),
                      .tokens = {},
                      .version = row.Get<std::string>(kLinkColumns + 1),
                      .validated_at = row.Get<std::optional<Time>>(kLinkColumns + 4)};
  ASSIGN_OR_RETURN(stored.tokens.access,
                   sealer_.Open(link_id, kAccessPlace, row.Get<std::string>(kLinkColumns)));
  ASSIGN_OR_RETURN(stored.tokens.refresh, sealer_.Open(link_id, kRefreshPlace, stored.version));
  stored.tokens.expires_at = row.Get<Time>(kLinkColumns + 2);
  const auto scopes = row.Get<std::string>(kLinkColumns + 3);
  stored.tokens.scopes = absl::StrSplit(scopes, ' ', absl::SkipEmpty());
  return std::optional(std::move(stored));
}

// What the answer does not bring stays: Google keeps its refresh tokens. The version changes all
// the same, as each sealing is another.
absl::StatusOr<bool> TokenStore::Replace(const Uuid& link_id, const std::string& version,
                                         const Tokens& tokens, Time now) {
  auto refresh = tokens.refresh;
  if (refresh.empty()) {
    ASSIGN_OR_RETURN(refresh, sealer_.Open(link_id, kRefreshPlace, version));
  }
  std::optional<std::string> scopes;
  if (!tokens.scopes.empty()) scopes = absl::StrJoin(tokens.scopes, " ");
  ASSIGN_OR_RETURN(const int64_t changed,
                   mysql_.Execute("UPDATE link SET access_token_sealed = ?, "
                                  "refresh_token_sealed = ?, token_expires_at = ?, "
                                  "scopes = COALESCE(?, scopes), validated_at = ? "
                                  "WHERE link_id = ? AND refresh_token_sealed = ?",
                                  sealer_.Seal(link_id, kAccessPlace, tokens.access),
                                  sealer_.Seal(link_id, kRefreshPlace, refresh), tokens.expires_at,
                                  scopes, now, link_id, version));
  return changed == 1;
}

absl::StatusOr<bool> TokenStore::ReplaceInFarewell(const Uuid& link_id, const std::string& version,
                                                   const Tokens& tokens, Time now) {
  if (tokens.refresh.empty()) return false;  // the one that it has is good
  ASSIGN_OR_RETURN(const int64_t changed,
                   mysql_.Execute("UPDATE farewell SET access_token_sealed = ?, "
                                  "refresh_token_sealed = ?, token_expires_at = ?, due_at = ? "
                                  "WHERE link_id = ? AND refresh_token_sealed = ?",
                                  sealer_.Seal(link_id, kAccessPlace, tokens.access),
                                  sealer_.Seal(link_id, kRefreshPlace, tokens.refresh),
                                  tokens.expires_at, now, link_id, version));
  return changed == 1;
}

absl::Status TokenStore::MarkValidated(const Uuid& link_id, Time now) {
  return mysql_.Execute("UPDATE link SET validated_at = ? WHERE link_id = ?", now, link_id)
      .status();
}

absl::Status TokenStore::Suspect(const Uuid& link_id, Time now) {
  return mysql_
      .Execute("UPDATE link SET validated_at = NULL, subscriptions_due_at = ? WHERE link_id = ?",
               now, link_id)
      .status();
}

absl::StatusOr<bool> TokenStore::Deactivate(const Uuid& link_id, const std::string& version,
                                            Time now) {
  int64_t changed = 0;
  const absl::Status done =
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(
            changed,
            transaction.Execute("UPDATE link SET is_active = 0, subscriptions_due_at = ?, "
                                "subscription_tries = 0 WHERE link_id = ? AND is_active = 1 AND "
                                "refresh_token_sealed = ?",
                                now, link_id, version));
        if (changed == 0) return absl::OkStatus();
        RETURN_IF_ERROR(ExpectedStore::ForgetAll(transaction, link_id));
        return sessions::SessionStore::EndLiveOf(transaction, link_id, now);
      });
  RETURN_IF_ERROR(done);
  return changed == 1;
}

absl::StatusOr<std::vector<TokenStore::Due>> TokenStore::FindDue(
    Platform platform, Time ends_before, std::optional<Time> validated_before, const Uuid& after) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT link_id FROM link WHERE link_id > ? AND platform = ? AND "
                                "is_active = 1 AND (token_expires_at < ? OR "
                                "(? AND (validated_at IS NULL OR validated_at < ?))) "
                                "ORDER BY link_id LIMIT ?",
                                after, static_cast<int>(platform), ends_before,
                                validated_before.has_value(), validated_before, kMaxDue));
  std::vector<Due> out;
  for (const Row& row : rows) out.push_back({row.Get<Uuid>(0), platform});
  return out;
}

}  // namespace stream::linking
