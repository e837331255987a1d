#include "services/stream/linking/link_store.h"

#include <bannou/stream/v1/events.pb.h>
#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/message.h"
#include "services/stream/errors.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::mysql::Row;
using google::protobuf::util::TimeUtil;
using platforms::Platform;
using privacy::PlatformUserId;

#define LINK_COLUMNS "link_id, account_id, platform, linked_at, is_active"

Link ReadLink(const Row& row) {
  return {.link_id = row.Get<Uuid>(0),
          .account_id = row.Get<Uuid>(1),
          .platform = static_cast<Platform>(row.Get<uint8_t>(2)),
          .linked_at = row.Get<Time>(3),
          .is_active = row.Get<bool>(4)};
}

std::optional<Link> ReadFirst(const common::mysql::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadLink(rows.front());
}

// One link an account, but for Custom.
std::optional<int> SingleOf(Platform platform) {
  if (platform == Platform::kCustom) return std::nullopt;
  return 1;
}

bannou::stream::v1::StreamPlatformLinkedEvent LinkedEvent(const Link& link, const Uuid& event_id) {
  bannou::stream::v1::StreamPlatformLinkedEvent event;
  event.set_event_id(event_id.ToString());
  *event.mutable_timestamp() = TimeUtil::MicrosecondsToTimestamp(common::ToMicros(link.linked_at));
  event.set_account_id(link.account_id.ToString());
  event.set_link_id(link.link_id.ToString());
  event.set_platform(static_cast<bannou::stream::v1::StreamPlatform>(link.platform));
  return event;
}

// Names row and column, so that a sealed value which is copied elsewhere does not open.
std::string Place(const Uuid& link_id, const char* column) {
  return link_id.ToBytes() + "link." + column;
}

}  // namespace

std::string LinkStore::Seal(const Link& link, const char* column, const Secret& value) const {
  return keys_.Seal(value, Place(link.link_id, column));
}

absl::StatusOr<Secret> LinkStore::Open(const Uuid& link_id, const char* column,
                                       const std::string& sealed) const {
  auto opened = keys_.Open(sealed, Place(link_id, column));
  if (!opened.ok()) return absl::InternalError("a sealed column does not open under these keys");
  return opened;
}

absl::Status LinkStore::Insert(const NewLink& added) {
  const Link& link = added.link;
  const std::string user_mark = marks_.OfUser(link.platform, added.identity.user_id);
  RETURN_IF_ERROR(CheckFree(link, user_mark));
  const std::string user_id = added.identity.user_id.Use(
      [&](std::string_view id) { return Seal(link, "user_id_sealed", Secret(std::string(id))); });
  const std::string name = Seal(link, "display_name_sealed", added.identity.display_name);
  const std::string access = Seal(link, "access_token_sealed", added.tokens.access);
  const std::string refresh = Seal(link, "refresh_token_sealed", added.tokens.refresh);
  const Uuid event_id = Uuid::V7(link.linked_at);
  const auto event = common::outbox::EventOf(LinkedEvent(link, event_id), event_id);
  const absl::Status status =
      common::mysql::RunTransaction(mysql_, [&](common::mysql::Transaction& transaction) {
        RETURN_IF_ERROR(
            transaction
                .Execute("INSERT INTO link (link_id, account_id, platform, single, user_mark, "
                         "user_id_sealed, display_name_sealed, access_token_sealed, "
                         "refresh_token_sealed, token_expires_at, linked_at) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         link.link_id, link.account_id, static_cast<int>(link.platform),
                         SingleOf(link.platform), user_mark, user_id, name, access, refresh,
                         added.tokens.expires_at, link.linked_at)
                .status());
        return common::outbox::Append(transaction, event);
      });
  if (!absl::IsAlreadyExists(status)) return status;
  // Somebody was faster: what is there now says which key it was.
  RETURN_IF_ERROR(CheckFree(link, user_mark));
  return common::errors::Make(common::errors::kConflict, "the link changed meanwhile");
}

absl::Status LinkStore::CheckFree(const Link& link, const std::string& user_mark) {
  ASSIGN_OR_RETURN(const bool linked, HasLink(link.account_id, link.platform));
  if (linked) {
    return common::errors::Make(kPlatformAlreadyLinked, "the account has a link to this platform");
  }
  ASSIGN_OR_RETURN(const auto taken,
                   mysql_.Query("SELECT 1 FROM link WHERE user_mark = ?", user_mark));
  if (taken.empty()) return absl::OkStatus();
  return common::errors::Make(kPlatformAccountTaken, "the platform account is linked elsewhere");
}

absl::StatusOr<std::optional<Link>> LinkStore::Find(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS " FROM link WHERE link_id = ?", link_id));
  return ReadFirst(rows);
}

absl::StatusOr<std::optional<Link>> LinkStore::FindByUser(Platform platform,
                                                          const PlatformUserId& user) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS " FROM link WHERE user_mark = ?",
                                marks_.OfUser(platform, user)));
  return ReadFirst(rows);
}

absl::StatusOr<std::vector<NamedLink>> LinkStore::List(const Uuid& account) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS ", display_name_sealed FROM link "
                                "WHERE account_id = ? ORDER BY linked_at, link_id LIMIT ?",
                                account, kMaxListed));
  std::vector<NamedLink> out;
  for (const Row& row : rows) {
    Link link = ReadLink(row);
    ASSIGN_OR_RETURN(Secret name,
                     Open(link.link_id, "display_name_sealed", row.Get<std::string>(5)));
    out.push_back({std::move(link), std::move(name)});
  }
  return out;
}

absl::StatusOr<bool> LinkStore::HasLink(const Uuid& account, Platform platform) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT 1 FROM link WHERE account_id = ? AND platform = ? "
                                "AND single = 1",
                                account, static_cast<int>(platform)));
  return !rows.empty();
}

absl::StatusOr<PlatformUserId> LinkStore::UserId(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT user_id_sealed FROM link WHERE link_id = ?", link_id));
  if (rows.empty()) return common::errors::Make(kLinkNotFound, "no such link");
  ASSIGN_OR_RETURN(const Secret id,
                   Open(link_id, "user_id_sealed", rows.front().Get<std::string>(0)));
  const auto user = PlatformUserId::From(id.Reveal());
  if (!user) return absl::InternalError("a stored platform user id is malformed");
  return *user;
}

absl::StatusOr<std::vector<Link>> LinkStore::Unsubscribed(const Uuid& after) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS " FROM link WHERE subscribed_at IS NULL "
                                "AND is_active = 1 AND link_id > ? ORDER BY link_id LIMIT ?",
                                after, kMaxListed));
  std::vector<Link> out;
  for (const Row& row : rows) out.push_back(ReadLink(row));
  return out;
}

absl::Status LinkStore::MarkSubscribed(const Uuid& link_id, Time now) {
  return mysql_.Execute("UPDATE link SET subscribed_at = ? WHERE link_id = ?", now, link_id)
      .status();
}

}  // namespace stream::linking
