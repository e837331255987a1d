#include "services/stream/linking/subscription_store.h"

#include <algorithm>

#include <absl/strings/str_split.h>

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"
#include "services/stream/linking/link_columns_store.h"

namespace stream::linking {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using platforms::Platform;

constexpr std::chrono::hours kUnreadable{1};
// A lease may be anything that a hub says.
constexpr std::chrono::seconds kLeastLease{10};
constexpr std::chrono::seconds kLongestLease{30 * 24 * 3600};

#define SUBSCRIBED_SELECT \
  "SELECT " LINK_COLUMNS ", user_id_sealed, scopes, secret_mark, subscription_tries FROM link "

}  // namespace

absl::StatusOr<std::vector<SubscribedLink>> SubscriptionStore::ReadAll(const Rows& rows) {
  std::vector<SubscribedLink> out;
  for (const Row& row : rows) {
    const Link link = ReadLink(row);
    const auto user = OpenUserId(sealer_, link.link_id, row.Get<std::string>(kLinkColumns));
    if (!user.ok()) {
      // One that no key opens must not keep the others waiting.
      common::log::Error("link.unreadable", {{"platform", platforms::WordOf(link.platform)}});
      RETURN_IF_ERROR(Postpone(link.link_id, common::Now() + kUnreadable));
      continue;
    }
    const auto scopes = row.Get<std::string>(kLinkColumns + 1);
    out.push_back({.link = link,
                   .user = *user,
                   .scopes = absl::StrSplit(scopes, ' ', absl::SkipEmpty()),
                   .mark = row.Get<std::optional<std::string>>(kLinkColumns + 2).value_or(""),
                   .tries = row.Get<int>(kLinkColumns + 3)});
  }
  return out;
}

absl::StatusOr<std::vector<SubscribedLink>> SubscriptionStore::Due(Time now) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(SUBSCRIBED_SELECT "WHERE subscriptions_due_at <= ? AND "
                                                  "platform <> ? "
                                                  "ORDER BY subscriptions_due_at LIMIT ?",
                                now, static_cast<int>(Platform::kCustom), kMaxListed));
  return ReadAll(rows);
}

absl::StatusOr<std::optional<Time>> SubscriptionStore::NextDue() {
  ASSIGN_OR_RETURN(const Rows rows, mysql_.Query("SELECT MIN(subscriptions_due_at) FROM link WHERE "
                                                 "platform <> ?",
                                                 static_cast<int>(Platform::kCustom)));
  return rows.at(0).Get<std::optional<Time>>(0);
}

absl::StatusOr<SubscriptionStore::Page> SubscriptionStore::All(Platform platform,
                                                               const Uuid& after) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql_.Query(SUBSCRIBED_SELECT "WHERE link_id > ? AND platform = ? "
                                                  "ORDER BY link_id LIMIT ?",
                                after, static_cast<int>(platform), kMaxListed));
  Page page;
  ASSIGN_OR_RETURN(page.links, ReadAll(rows));
  if (rows.size() == kMaxListed) page.next = ReadLink(rows.back()).link_id;
  return page;
}

absl::StatusOr<bool> SubscriptionStore::Exists(const Uuid& link_id) {
  ASSIGN_OR_RETURN(const Rows rows, mysql_.Query("SELECT 1 FROM link WHERE link_id = ?", link_id));
  return !rows.empty();
}

absl::Status SubscriptionStore::Postpone(const Uuid& link_id, Time until) {
  return mysql_
      .Execute("UPDATE link SET subscriptions_due_at = ? WHERE link_id = ?", until, link_id)
      .status();
}

absl::Status SubscriptionStore::Settle(const Uuid& link_id, Time looked_at, const Look& look) {
  std::optional<std::string> mark;
  if (!look.mark.empty()) mark = look.mark;
  // Assigned from left to right: the due time last, since the others ask for it.
  return mysql_
      .Execute(
          "UPDATE link SET secret_mark = ?, "
          "subscription_tries = IF(subscriptions_due_at > ?, subscription_tries, ?), "
          "subscriptions_due_at = IF(subscriptions_due_at > ?, subscriptions_due_at, ?) "
          "WHERE link_id = ?",
          mark, looked_at, look.tries, looked_at, look.next, link_id)
      .status();
}

absl::Status SubscriptionStore::SetLease(const Uuid& link_id, Time now,
                                         std::chrono::seconds lease) {
  const std::chrono::seconds renewed_after =
      std::clamp<std::chrono::seconds>(lease * 3 / 4, kLeastLease, kLongestLease);
  return mysql_
      .Execute(
          "UPDATE link SET subscriptions_due_at = ?, subscription_tries = 0 "
          "WHERE link_id = ?",
          now + renewed_after, link_id)
      .status();
}

}  // namespace stream::linking
