#include "services/stream/linking/link_store.h"

#include <algorithm>

#include <absl/strings/str_join.h>
#include <bannou/stream/v1/events.pb.h>
#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "libs/common/outbox/message.h"
#include "services/stream/errors.h"
#include "services/stream/linking/expected_store.h"
#include "services/stream/linking/link_columns_store.h"
#include "services/stream/linking/rtmp_url.h"
#include "services/stream/privacy/tombstone_store.h"
#include "services/stream/sessions/session_store.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::config::Secret;
using common::errors::Make;
using common::mysql::Row;
using common::mysql::Transaction;
using google::protobuf::util::TimeUtil;
using platforms::Platform;
using privacy::PlatformUserId;

constexpr int kCustom = static_cast<int>(Platform::kCustom);

absl::Status NotFound() { return Make(kLinkNotFound, "no such link"); }

std::optional<Link> ReadFirst(const common::mysql::Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return ReadLink(rows.front());
}

// StreamPlatformLinkedEvent and -UnlinkedEvent say the same.
template <class Event>
absl::Status Announce(Transaction& transaction, const Link& link, Time at) {
  const Uuid event_id = Uuid::V7(at);
  Event event;
  event.set_event_id(event_id.ToString());
  *event.mutable_timestamp() = TimeUtil::MicrosecondsToTimestamp(common::ToMicros(at));
  event.set_account_id(link.account_id.ToString());
  event.set_link_id(link.link_id.ToString());
  event.set_platform(static_cast<bannou::stream::v1::StreamPlatform>(link.platform));
  return common::outbox::Append(transaction, common::outbox::EventOf(event, event_id));
}
constexpr auto kAnnounceLinked = Announce<bannou::stream::v1::StreamPlatformLinkedEvent>;
constexpr auto kAnnounceUnlinked = Announce<bannou::stream::v1::StreamPlatformUnlinkedEvent>;

struct Present {
  Link link;
  std::string user_mark;
};
// The account's one link to the platform, locked.
absl::StatusOr<std::optional<Present>> LockPresent(Transaction& transaction, const Link& wanted) {
  ASSIGN_OR_RETURN(const auto rows,
                   transaction.Query("SELECT " LINK_COLUMNS ", user_mark FROM link "
                                     "WHERE account_id = ? AND platform = ? AND single = 1 "
                                     "FOR UPDATE",
                                     wanted.account_id, static_cast<int>(wanted.platform)));
  if (rows.empty()) return std::optional<Present>();
  return std::optional(
      Present{ReadLink(rows.front()), rows.front().Get<std::string>(kLinkColumns)});
}

}  // namespace

absl::StatusOr<Link> LinkStore::Insert(const NewLink& added) {
  const std::string account_mark = marks_.OfAccount(added.link.account_id);
  const std::string user_mark = marks_.OfUser(added.link.platform, added.identity.user_id);
  Link stored;
  const absl::Status done =
      common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
        stored = added.link;
        const privacy::AccountGuard guard(transaction, account_mark);
        RETURN_IF_ERROR(guard.Enter());
        ASSIGN_OR_RETURN(const auto present, LockPresent(transaction, added.link));
        if (present && present->link.is_active) {
          return Make(kPlatformAlreadyLinked, "the account has a link to this platform");
        }
        if (present && present->user_mark == user_mark) {
          stored.link_id = present->link.link_id;
          RETURN_IF_ERROR(UpdateRow(transaction, {stored, added.identity, added.tokens}));
        } else {
          if (present) RETURN_IF_ERROR(TakeAway(transaction, present->link, stored.linked_at));
          RETURN_IF_ERROR(InsertRow(transaction, added, user_mark));
        }
        RETURN_IF_ERROR(kAnnounceLinked(transaction, stored, stored.linked_at));
        return guard.Leave();
      });
  RETURN_IF_ERROR(done);
  return stored;
}

absl::Status LinkStore::InsertRow(Transaction& transaction, const NewLink& added,
                                  const std::string& user_mark) {
  const Link& link = added.link;
  const std::string user_id = added.identity.user_id.Use(
      [&](std::string_view id) { return Seal(link, kUserIdPlace, Secret(std::string(id))); });
  const std::string name = Seal(link, kNamePlace, added.identity.display_name);
  const std::string access = Seal(link, kAccessPlace, added.tokens.access);
  const std::string refresh = Seal(link, kRefreshPlace, added.tokens.refresh);
  const absl::Status inserted =
      transaction
          .Execute(
              "INSERT INTO link (link_id, account_id, platform, single, user_mark, "
              "user_id_sealed, display_name_sealed, access_token_sealed, "
              "refresh_token_sealed, token_expires_at, scopes, linked_at, validated_at, "
              "subscriptions_due_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              link.link_id, link.account_id, static_cast<int>(link.platform), user_mark, user_id,
              name, access, refresh, added.tokens.expires_at,
              absl::StrJoin(added.tokens.scopes, " "), link.linked_at, link.linked_at,
              link.linked_at)
          .status();
  // The account is guarded, so the other unique key it is.
  if (absl::IsAlreadyExists(inserted)) {
    return Make(kPlatformAccountTaken, "the platform account is linked elsewhere");
  }
  return inserted;
}

absl::Status LinkStore::UpdateRow(Transaction& transaction, const NewLink& added) {
  const Link& link = added.link;
  const std::string name = Seal(link, kNamePlace, added.identity.display_name);
  const std::string access = Seal(link, kAccessPlace, added.tokens.access);
  const std::string refresh = Seal(link, kRefreshPlace, added.tokens.refresh);
  return transaction
      .Execute(
          "UPDATE link SET is_active = 1, display_name_sealed = ?, access_token_sealed = ?, "
          "refresh_token_sealed = ?, token_expires_at = ?, scopes = ?, linked_at = ?, "
          "validated_at = ?, subscriptions_due_at = ?, subscription_tries = 0 "
          "WHERE link_id = ?",
          name, access, refresh, added.tokens.expires_at, absl::StrJoin(added.tokens.scopes, " "),
          link.linked_at, link.linked_at, link.linked_at, link.link_id)
      .status();
}

absl::Status LinkStore::InsertCustom(const NewCustomLink& added) {
  const Link& link = added.link;
  const std::string account_mark = marks_.OfAccount(link.account_id);
  const std::string rtmp_url = Seal(link, kRtmpUrlPlace, added.rtmp_url);
  const std::string secret = Seal(link, kWebhookSecretPlace, added.webhook_secret);
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
    const privacy::AccountGuard guard(transaction, account_mark);
    RETURN_IF_ERROR(guard.Enter());
    ASSIGN_OR_RETURN(const auto rows,
                     transaction.Query("SELECT 1 FROM link WHERE account_id = ? AND platform = ? "
                                       "LIMIT ?",
                                       link.account_id, kCustom, kMaxCustom));
    if (rows.size() == kMaxCustom) {
      return Make(kLinkLimitReached, "the account has as many Custom links as it may");
    }
    RETURN_IF_ERROR(
        transaction
            .Execute("INSERT INTO link (link_id, account_id, platform, user_id_sealed, "
                     "display_name_sealed, access_token_sealed, refresh_token_sealed, "
                     "token_expires_at, linked_at, subscriptions_due_at, rtmp_url_sealed, "
                     "webhook_secret_sealed) VALUES (?, ?, ?, '', '', '', '', ?, ?, NULL, ?, ?)",
                     link.link_id, link.account_id, kCustom, link.linked_at, link.linked_at,
                     rtmp_url, secret)
            .status());
    RETURN_IF_ERROR(kAnnounceLinked(transaction, link, link.linked_at));
    return guard.Leave();
  });
}

absl::Status LinkStore::Remove(const Uuid& account, const Uuid& link_id, Time now) {
  return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const auto rows, transaction.Query("SELECT " LINK_COLUMNS
                                                        " FROM link WHERE link_id = ? FOR UPDATE",
                                                        link_id));
    const auto link = ReadFirst(rows);
    if (!link || link->account_id != account) return NotFound();
    return TakeAway(transaction, *link, now);
  });
}

absl::Status TakeAway(Transaction& transaction, const Link& link, Time now) {
  RETURN_IF_ERROR(sessions::SessionStore::EndLiveOf(transaction, link.link_id, now));
  RETURN_IF_ERROR(
      transaction
          .Execute("INSERT INTO farewell (link_id, platform, user_id_sealed, access_token_sealed, "
                   "refresh_token_sealed, token_expires_at, created_at, due_at) "
                   "SELECT link_id, platform, user_id_sealed, access_token_sealed, "
                   "refresh_token_sealed, token_expires_at, ?, ? "
                   "FROM link WHERE link_id = ? AND platform <> ?",
                   now, now, link.link_id, kCustom)
          .status());
  RETURN_IF_ERROR(ExpectedStore::ForgetAll(transaction, link.link_id));
  RETURN_IF_ERROR(transaction.Execute("DELETE FROM link WHERE link_id = ?", link.link_id).status());
  return kAnnounceUnlinked(transaction, link, now);
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

absl::StatusOr<NamedLink> LinkStore::ReadNamed(const Row& row) const {
  const Link link = ReadLink(row);
  if (link.platform == Platform::kCustom) {
    ASSIGN_OR_RETURN(const Secret url, sealer_.Open(link.link_id, kRtmpUrlPlace,
                                                    row.Get<std::string>(kLinkColumns + 1)));
    return NamedLink{link, Secret(MaskRtmpUrl(url.Reveal()))};
  }
  ASSIGN_OR_RETURN(Secret name,
                   sealer_.Open(link.link_id, kNamePlace, row.Get<std::string>(kLinkColumns)));
  return NamedLink{link, std::move(name)};
}

absl::StatusOr<std::vector<NamedLink>> LinkStore::List(const Uuid& account) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS ", display_name_sealed, "
                                "COALESCE(rtmp_url_sealed, '') FROM link "
                                "WHERE account_id = ? ORDER BY linked_at, link_id LIMIT ?",
                                account, kMaxListed));
  std::vector<NamedLink> out;
  for (const Row& row : rows) {
    ASSIGN_OR_RETURN(NamedLink named, ReadNamed(row));
    out.push_back(std::move(named));
  }
  return out;
}

absl::StatusOr<bool> LinkStore::IsLinked(const Uuid& account, Platform platform) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT 1 FROM link WHERE account_id = ? AND platform = ? "
                                "AND single = 1 AND is_active = 1",
                                account, static_cast<int>(platform)));
  return !rows.empty();
}

absl::StatusOr<bool> LinkStore::IsDeleted(const Uuid& account) {
  ASSIGN_OR_RETURN(const auto rows, mysql_.Query("SELECT 1 FROM tombstone WHERE account_mark = ?",
                                                 marks_.OfAccount(account)));
  return !rows.empty();
}

absl::StatusOr<PlatformUserId> LinkStore::UserId(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT user_id_sealed FROM link WHERE link_id = ? AND "
                                "platform <> ?",
                                link_id, kCustom));
  if (rows.empty()) return NotFound();
  return OpenUserId(sealer_, link_id, rows.front().Get<std::string>(0));
}

absl::StatusOr<Secret> LinkStore::WebhookSecret(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT webhook_secret_sealed FROM link WHERE link_id = ? AND "
                                "platform = ?",
                                link_id, kCustom));
  if (rows.empty()) return NotFound();
  return sealer_.Open(link_id, kWebhookSecretPlace, rows.front().Get<std::string>(0));
}

absl::StatusOr<std::vector<Link>> LinkStore::Active(Platform platform, const Uuid& after) {
  ASSIGN_OR_RETURN(const auto rows,
                   mysql_.Query("SELECT " LINK_COLUMNS " FROM link WHERE link_id > ? AND "
                                "platform = ? AND is_active = 1 ORDER BY link_id LIMIT ?",
                                after, static_cast<int>(platform), kMaxListed));
  std::vector<Link> out;
  for (const Row& row : rows) out.push_back(ReadLink(row));
  return out;
}

}  // namespace stream::linking
