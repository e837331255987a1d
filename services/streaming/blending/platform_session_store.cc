#include "services/streaming/blending/platform_session_store.h"

#include <bannou/streaming/v1/session.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"
#include "services/streaming/privacy/tombstone_store.h"

namespace streaming::blending {
namespace {

constexpr int kLive = bannou::streaming::v1::STREAM_SESSION_STATUS_LIVE;

}  // namespace

absl::Status PlatformSessionStore::RecordStarted(const PlatformSession& session, common::Time now) {
  return Record(session.account, [&](common::mysql::Transaction& transaction) {
    return transaction
        .Execute(
            "INSERT INTO platform_session (id, account_id, in_game_session_id, updated_at)"
            " VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE"
            " in_game_session_id = VALUES(in_game_session_id), updated_at = VALUES(updated_at)",
            session.id, session.account, session.in_game_session, now)
        .status();
  });
}

absl::Status PlatformSessionStore::RecordEnded(const PlatformSession& session, common::Time now) {
  return Record(session.account, [&](common::mysql::Transaction& transaction) {
    return transaction
        .Execute(
            "INSERT INTO platform_session (id, account_id, ended, updated_at)"
            " VALUES (?, ?, 1, ?) ON DUPLICATE KEY UPDATE ended = 1,"
            " updated_at = VALUES(updated_at)",
            session.id, session.account, now)
        .status();
  });
}

absl::Status PlatformSessionStore::Record(
    const common::Uuid& account,
    const std::function<absl::Status(common::mysql::Transaction&)>& insert) {
  const absl::Status recorded = common::mysql::RunTransaction(
      mysql_, [&](common::mysql::Transaction& transaction) -> absl::Status {
        RETURN_IF_ERROR(insert(transaction));
        const privacy::Entity owner{.kind = privacy::Kind::kAccount, .id = account};
        return privacy::CheckLiving(transaction, {&owner, 1});
      });
  return common::errors::Is(recorded, kEntityDeleted) ? absl::OkStatus() : recorded;
}

absl::StatusOr<Feed> PlatformSessionStore::FindFeed(
    const common::Uuid& platform_session, const std::optional<common::Uuid>& in_game_session) {
  ASSIGN_OR_RETURN(
      const common::mysql::Rows rows,
      in_game_session
          ? mysql_.Query("SELECT s.id, s.game_service_id, s.shard,"
                         " COALESCE(s.owner_account_id = p.account_id, 0) FROM platform_session p"
                         " LEFT JOIN session s ON s.id = ? AND s.status = ? WHERE p.id = ?",
                         *in_game_session, kLive, platform_session)
          : mysql_.Query("SELECT s.id, s.game_service_id, s.shard,"
                         " COALESCE(s.owner_account_id = p.account_id, 0) FROM platform_session p"
                         " LEFT JOIN session s ON s.platform_session_id = p.id AND s.status = ?"
                         " WHERE p.id = ? ORDER BY 4 DESC, s.created_at DESC LIMIT 1",
                         kLive, platform_session));
  Feed feed{.known = !rows.empty()};
  if (!feed.known) return feed;
  if (const auto session = rows[0].Get<std::optional<common::Uuid>>(0)) {
    feed.session = {.game = rows[0].Get<common::Uuid>(1),
                    .shard = rows[0].Get<uint32_t>(2),
                    .session = *session};
    feed.own = rows[0].Get<int64_t>(3) == 1;
  }
  return feed;
}

}  // namespace streaming::blending
