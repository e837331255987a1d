#include "services/stream/linking/farewell_store.h"

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "services/stream/linking/link_columns_store.h"

namespace stream::linking {

using common::Time;
using common::Uuid;
using common::mysql::Row;

namespace {

constexpr std::chrono::hours kUnreadable{1};

absl::StatusOr<Farewell> ReadFarewell(const Sealer& sealer, const Row& row) {
  const auto link_id = row.Get<Uuid>(0);
  ASSIGN_OR_RETURN(const auto user, OpenUserId(sealer, link_id, row.Get<std::string>(2)));
  Farewell farewell{.link_id = link_id,
                    .platform = static_cast<platforms::Platform>(row.Get<uint8_t>(1)),
                    .user = user,
                    .tokens = {},
                    .tries = row.Get<int>(6)};
  ASSIGN_OR_RETURN(farewell.tokens.access,
                   sealer.Open(link_id, kAccessPlace, row.Get<std::string>(3)));
  ASSIGN_OR_RETURN(farewell.tokens.refresh,
                   sealer.Open(link_id, kRefreshPlace, row.Get<std::string>(4)));
  farewell.tokens.expires_at = row.Get<Time>(5);
  return farewell;
}

}  // namespace

absl::StatusOr<std::vector<Farewell>> FarewellStore::Due(Time now) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT link_id, platform, user_id_sealed, access_token_sealed, "
                                "refresh_token_sealed, token_expires_at, tries FROM farewell "
                                "WHERE due_at <= ? ORDER BY due_at LIMIT ?",
                                now, kMaxListed));
  std::vector<Farewell> out;
  for (const Row& row : rows) {
    auto farewell = ReadFarewell(sealer_, row);
    if (farewell.ok()) {
      out.push_back(*std::move(farewell));
      continue;
    }
    // One that no key opens must not keep the others waiting.
    common::log::Error("farewell.unreadable");
    RETURN_IF_ERROR(Postpone(row.Get<Uuid>(0), now + kUnreadable));
  }
  return out;
}

absl::StatusOr<std::optional<Time>> FarewellStore::NextDue() {
  ASSIGN_OR_RETURN(const auto rows, mysql_.Query("SELECT MIN(due_at) FROM farewell"));
  return rows.at(0).Get<std::optional<Time>>(0);
}

absl::Status FarewellStore::Replace(const Uuid& link_id, const platforms::Tokens& tokens) {
  return mysql_
      .Execute(
          "UPDATE farewell SET access_token_sealed = ?, refresh_token_sealed = ?, "
          "token_expires_at = ? WHERE link_id = ?",
          sealer_.Seal(link_id, kAccessPlace, tokens.access),
          sealer_.Seal(link_id, kRefreshPlace, tokens.refresh), tokens.expires_at, link_id)
      .status();
}

absl::Status FarewellStore::Postpone(const Uuid& link_id, Time until) {
  return mysql_
      .Execute("UPDATE farewell SET due_at = ?, tries = tries + 1 WHERE link_id = ?", until,
               link_id)
      .status();
}

absl::Status FarewellStore::Done(const Uuid& link_id) {
  return mysql_.Execute("DELETE FROM farewell WHERE link_id = ?", link_id).status();
}

absl::StatusOr<int64_t> FarewellStore::GiveUp(Time now) {
  return mysql_.Execute("DELETE FROM farewell WHERE created_at < ? LIMIT 1000",
                        now - kFarewellLife);
}

}  // namespace stream::linking
