#include "services/streaming/economy/sponsorship_store.h"

#include <algorithm>
#include <bit>
#include <span>

#include <bannou/streaming/v1/economy.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/words.h"

namespace streaming::economy {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;

// Whether a session that ended before the deadline has yet to be counted.
#define AWAITS_SESSION                                                      \
  "EXISTS (SELECT 1 FROM session x WHERE x.sponsorship_id = sponsorship.id" \
  " AND x.career_applied = 0 AND x.ended_at < sponsorship.expires_at)"
// The rule StatusAt, for lists; its parameter is the time.
#define STATUS_AT                                                          \
  "CASE WHEN status IN (1, 2) AND expires_at <= ? AND NOT " AWAITS_SESSION \
  " THEN 4 ELSE status "                                                   \
  "END"
// In the order in which ToSponsorship reads them.
#define SELECT_SPONSORSHIP                                                                     \
  "SELECT id, game_service_id, streamer_type, streamer_id, sponsor_id, sponsor_name, status, " \
  "payment, sponsor_reputation, proposed_at, accepted_at, completed_at, "                      \
  "expires_at, " AWAITS_SESSION " FROM sponsorship "

Sponsorship ToSponsorship(const Row& row) {
  return {.id = row.Get<Uuid>(0),
          .streamer = {.type = static_cast<v1::StreamerEntityType>(row.Get<int>(2)),
                       .id = row.Get<Uuid>(3),
                       .game_service_id = row.Get<Uuid>(1)},
          .sponsor = row.Get<Uuid>(4),
          .sponsor_name = row.Get<std::string>(5),
          .payment = row.Get<int64_t>(7),
          .sponsor_reputation = row.Get<double>(8),
          .proposed_at = row.Get<Time>(9),
          .deal = {.status = static_cast<DealStatus>(row.Get<uint8_t>(6)),
                   .accepted_at = row.Get<std::optional<Time>>(10),
                   .completed_at = row.Get<std::optional<Time>>(11),
                   .expires_at = row.Get<std::optional<Time>>(12),
                   .awaits_session = row.Get<bool>(13)}};
}

// Fills in the targets of a page of deals, with one statement.
template <class Database>
absl::Status ReadTargets(Database& database, std::span<Sponsorship> sponsorships) {
  if (sponsorships.empty()) return absl::OkStatus();
  // Padded with repeats of the last one to a power of two, so that few texts are prepared.
  std::string sql =
      "SELECT sponsorship_id, metric, target, progress, reached_at FROM sponsorship_target"
      " WHERE sponsorship_id IN (?";
  std::vector<common::mysql::Value> ids = {sponsorships.back().id};
  for (size_t i = 1; i < std::bit_ceil(sponsorships.size()); ++i) {
    sql += ", ?";
    ids.push_back(sponsorships[std::min(i, sponsorships.size()) - 1].id);
  }
  ASSIGN_OR_RETURN(const Rows rows,
                   database.QueryValues(sql + ") ORDER BY sponsorship_id, metric", ids));
  for (const Row& row : rows) {
    const auto found = std::ranges::find(sponsorships, row.Get<Uuid>(0), &Sponsorship::id);
    if (found == sponsorships.end()) continue;
    found->deal.targets.push_back({.metric = static_cast<DealMetric>(row.Get<uint8_t>(1)),
                                   .target = row.Get<double>(2),
                                   .progress = row.Get<uint64_t>(3),
                                   .reached_at = row.Get<std::optional<Time>>(4)});
  }
  return absl::OkStatus();
}

template <class Database>
absl::StatusOr<std::optional<Sponsorship>> Read(Database& database, std::string_view sql,
                                                const Uuid& id) {
  ASSIGN_OR_RETURN(const Rows rows, database.Query(sql, id));
  if (rows.empty()) return std::nullopt;
  Sponsorship sponsorship = ToSponsorship(rows[0]);
  RETURN_IF_ERROR(ReadTargets(database, std::span(&sponsorship, 1)));
  return sponsorship;
}

}  // namespace

common::metrics::Counter& CounterOf(common::metrics::Registry& metrics, DealStatus status) {
  return metrics.GetCounter(
      "streaming_sponsorships_total", "Sponsorships that came to a status.",
      {{"status", std::string(events::WordOf(static_cast<v1::SponsorshipStatus>(status)))}});
}

Uuid ContractId(const Uuid& sponsorship) { return Uuid::V5(sponsorship, "contract"); }

absl::Status InsertSponsorship(Transaction& transaction, const Sponsorship& sponsorship) {
  const auto& [id, streamer, sponsor, name, payment, reputation, proposed_at, deal] = sponsorship;
  RETURN_IF_ERROR(transaction
                      .Execute("INSERT INTO sponsorship (id, game_service_id, streamer_type,"
                               " streamer_id, sponsor_id, sponsor_name, status, payment,"
                               " sponsor_reputation, proposed_at, expires_at)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               id, streamer.game_service_id, int{streamer.type}, streamer.id,
                               sponsor, name, static_cast<int>(deal.status), payment, reputation,
                               proposed_at, deal.expires_at)
                      .status());
  for (const DealTarget& target : deal.targets) {
    RETURN_IF_ERROR(transaction
                        .Execute("INSERT INTO sponsorship_target (sponsorship_id, metric, target)"
                                 " VALUES (?, ?, ?)",
                                 id, static_cast<int>(target.metric), target.target)
                        .status());
  }
  return careers::CheckLiving(transaction, streamer);
}

absl::StatusOr<std::optional<Sponsorship>> FindSponsorship(common::mysql::Pool& mysql,
                                                           const Uuid& id) {
  return Read(mysql, SELECT_SPONSORSHIP "WHERE id = ?", id);
}

absl::StatusOr<std::optional<Sponsorship>> LockSponsorship(Transaction& transaction,
                                                           const Uuid& id) {
  return Read(transaction, SELECT_SPONSORSHIP "WHERE id = ? FOR UPDATE", id);
}

absl::Status SaveDeal(Transaction& transaction, const Sponsorship& sponsorship) {
  const Deal& deal = sponsorship.deal;
  RETURN_IF_ERROR(transaction
                      .Execute("UPDATE sponsorship SET status = ?, accepted_at = ?,"
                               " completed_at = ? WHERE id = ?",
                               static_cast<int>(deal.status), deal.accepted_at, deal.completed_at,
                               sponsorship.id)
                      .status());
  for (const DealTarget& target : deal.targets) {
    RETURN_IF_ERROR(transaction
                        .Execute("UPDATE sponsorship_target SET progress = ?, reached_at = ?"
                                 " WHERE sponsorship_id = ? AND metric = ?",
                                 target.progress, target.reached_at, sponsorship.id,
                                 static_cast<int>(target.metric))
                        .status());
  }
  return absl::OkStatus();
}

absl::Status RequireActive(Transaction& transaction, const Uuid& id, const StreamerKey& streamer,
                           Time now) {
  ASSIGN_OR_RETURN(const auto found, Read(transaction, SELECT_SPONSORSHIP "WHERE id = ?", id));
  if (!found || found->streamer != streamer) {
    return common::errors::Make(kSponsorshipNotFound, "the streamer has no such sponsorship");
  }
  if (!TakesSessions(found->deal, now)) {
    return common::errors::Make(kSponsorshipNotActive, "the sponsorship is not Active");
  }
  return absl::OkStatus();
}

absl::StatusOr<SponsorshipPage> ListSponsorships(common::mysql::Pool& mysql,
                                                 const SponsorshipQuery& query, Time now) {
#define LIST_CONDITION                                                                 \
  "WHERE streamer_type = ? AND streamer_id = ? AND (? IS NULL OR game_service_id = ?)" \
  " AND (? = 0 OR ? = " STATUS_AT ")"
  const int status = query.status ? static_cast<int>(*query.status) : 0;
  ASSIGN_OR_RETURN(const Rows total,
                   mysql.Query("SELECT COUNT(*) FROM sponsorship " LIST_CONDITION,
                               int{query.streamer_type}, query.streamer_id, query.game_service_id,
                               query.game_service_id, status, status, now));
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query(SELECT_SPONSORSHIP LIST_CONDITION " ORDER BY id DESC LIMIT ? OFFSET ?",
                  int{query.streamer_type}, query.streamer_id, query.game_service_id,
                  query.game_service_id, status, status, now, query.limit, query.offset));
  SponsorshipPage page{.total = total.at(0).Get<uint32_t>(0)};
  for (const Row& row : rows) page.sponsorships.push_back(ToSponsorship(row));
  RETURN_IF_ERROR(ReadTargets(mysql, std::span(page.sponsorships)));
  return page;
#undef LIST_CONDITION
}

absl::StatusOr<int64_t> ExpireSponsorships(common::mysql::Pool& mysql, Time now, int limit) {
  // A session may end just in time by the clock of an instance that is a little behind.
  const Time due = now - kExpiryGrace;
  // Each status by itself, so that the index finds those that are due.
  int64_t expired = 0;
  for (const DealStatus open : {DealStatus::kProposed, DealStatus::kActive}) {
    ASSIGN_OR_RETURN(
        const int64_t changed,
        mysql.Execute("UPDATE sponsorship SET status = ? WHERE status = ?"
                      " AND expires_at <= ? AND NOT " AWAITS_SESSION " LIMIT ?",
                      static_cast<int>(DealStatus::kExpired), static_cast<int>(open), due, limit));
    expired += changed;
  }
  return expired;
}

}  // namespace streaming::economy
