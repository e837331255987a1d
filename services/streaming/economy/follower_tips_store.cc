#include "services/streaming/economy/follower_tips_store.h"

#include <optional>
#include <vector>

#include "libs/common/base/status.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/economy/tip_ledger_store.h"

namespace streaming::economy {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;

struct Turn {
  HourProgress progress;
  Uuid after;  // the last wallet of this hour that had its turn
};

// The row is locked, so that pages come one after another. nullopt when there was none: the first
// call, which owes nothing.
absl::StatusOr<std::optional<Turn>> LockTurn(Transaction& transaction, Time now) {
  ASSIGN_OR_RETURN(const Rows rows, transaction.Query("SELECT hour, after, done FROM tip_hour"
                                                      " WHERE id = 1 FOR UPDATE"));
  if (!rows.empty()) {
    return Turn{.progress = {.hour = rows[0].Get<int64_t>(0), .done = rows[0].Get<bool>(2)},
                .after = rows[0].Get<Uuid>(1)};
  }
  RETURN_IF_ERROR(transaction
                      .Execute("INSERT IGNORE INTO tip_hour (id, hour, after, done)"
                               " VALUES (1, ?, ?, 1)",
                               HoursOver(now) - 1, Uuid())
                      .status());
  return std::nullopt;
}

absl::Status SaveTurn(Transaction& transaction, const Turn& turn) {
  return transaction
      .Execute("UPDATE tip_hour SET hour = ?, after = ?, done = ? WHERE id = 1", turn.progress.hour,
               turn.after, turn.progress.done)
      .status();
}

struct Due {
  Uuid wallet;
  Account account;
  int64_t tips = 0;
};

// The next accounts in the order of their wallets, locked; those who get nothing too, so that no
// page reads more than its share of the table.
absl::StatusOr<std::vector<Due>> LockAccounts(Transaction& transaction, const Uuid& after,
                                              const HourlyTips& terms, Time now) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      transaction.Query(
          "SELECT streamer_type, streamer_id, game_service_id, total_earned, total_spent, entries,"
          " wallet_id, streamed_at, COALESCE((SELECT s.followers FROM streamer s"
          " WHERE s.streamer_type = a.streamer_type AND s.streamer_id = a.streamer_id"
          " AND s.game_service_id = a.game_service_id), 0)"
          " FROM tip_account a WHERE wallet_id > ? ORDER BY wallet_id LIMIT ? FOR UPDATE",
          after, kHourPageMax));
  std::vector<Due> page;
  for (const Row& row : rows) {
    Due due{.wallet = row.Get<Uuid>(6),
            .account = {.streamer = {.type = static_cast<v1::StreamerEntityType>(row.Get<int>(0)),
                                     .id = row.Get<Uuid>(1),
                                     .game_service_id = row.Get<Uuid>(2)},
                        .total_earned = row.Get<int64_t>(3),
                        .total_spent = row.Get<int64_t>(4),
                        .entries = row.Get<uint32_t>(5)}};
    const auto streamed_at = row.Get<std::optional<Time>>(7);
    if (streamed_at && now - *streamed_at < terms.active) {
      due.tips = FollowerTips(terms.rates, row.Get<uint32_t>(8));
    }
    page.push_back(due);
  }
  return page;
}

absl::StatusOr<HourPage> PayInTransaction(Transaction& transaction, const HourlyTips& terms,
                                          Time now) {
  ASSIGN_OR_RETURN(std::optional<Turn> turn, LockTurn(transaction, now));
  if (!turn) return HourPage{};
  const HourProgress next = NextHour(turn->progress, now);
  if (next.done) return HourPage{};
  if (next.hour != turn->progress.hour) turn->after = Uuid();
  ASSIGN_OR_RETURN(std::vector<Due> page, LockAccounts(transaction, turn->after, terms, now));
  HourPage result;
  News news;
  for (auto& [wallet, account, tips] : page) {
    turn->after = wallet;
    if (tips == 0) continue;
    ASSIGN_OR_RETURN(const bool added, AddEntry(transaction, account,
                                                {.id = HourId(wallet, next.hour),
                                                 .kind = TipKind::kFollowers,
                                                 .amount = tips,
                                                 .created_at = now},
                                                news));
    if (added) result.tips += tips;
  }
  turn->progress = {.hour = next.hour, .done = page.size() < size_t{kHourPageMax}};
  RETURN_IF_ERROR(SaveTurn(transaction, *turn));
  RETURN_IF_ERROR(common::outbox::Append(transaction, news));
  result.behind = HoursBehind(turn->progress, now);
  result.more = !NextHour(turn->progress, now).done;
  return result;
}

}  // namespace

absl::StatusOr<HourPage> PayHourPage(common::mysql::Pool& mysql, const HourlyTips& terms,
                                     Time now) {
  HourPage page;
  RETURN_IF_ERROR(
      common::mysql::RunTransaction(mysql, [&](Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(page, PayInTransaction(transaction, terms, now));
        return absl::OkStatus();
      }));
  return page;
}

}  // namespace streaming::economy
