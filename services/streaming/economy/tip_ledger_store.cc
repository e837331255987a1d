#include "services/streaming/economy/tip_ledger_store.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/economy.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/command.h"
#include "services/streaming/events/words.h"

namespace streaming::economy {
namespace {

using common::Time;
using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::Transaction;

#define SELECT_ACCOUNT \
  "SELECT total_earned, total_spent, entries FROM tip_account WHERE wallet_id = ?"

std::string WordOf(TipKind kind) {
  return std::string(events::WordOf(static_cast<v1::TipKind>(kind)));
}

Account ToAccount(const StreamerKey& streamer, const Row& row) {
  return {.streamer = streamer,
          .total_earned = row.Get<int64_t>(0),
          .total_spent = row.Get<int64_t>(1),
          .entries = row.Get<uint32_t>(2)};
}

common::outbox::Event WalletCommand(const StreamerKey& streamer) {
  const Uuid wallet = WalletId(streamer);
  v1::CurrencyWalletGetOrCreateCommand command;
  command.set_wallet_id(wallet.ToString());
  command.set_owner_id(streamer.id.ToString());
  command.set_owner_type(streamer.type);
  command.set_game_service_id(streamer.game_service_id.ToString());
  return events::MakeCommand(std::move(command), Uuid::V5(wallet, "currency.wallet.get-or-create"));
}

template <class Command>
common::outbox::Event CurrencyCommand(const StreamerKey& streamer, const Entry& entry,
                                      int64_t amount) {
  Command command;
  command.set_wallet_id(WalletId(streamer).ToString());
  command.set_currency_definition_id(CurrencyId(streamer.game_service_id).ToString());
  command.set_amount(amount);
  command.set_transaction_type(WordOf(entry.kind));
  return events::MakeCommand(std::move(command), Uuid::V5(entry.id, "currency"));
}

Entry ToEntry(const Row& row) {
  return {.id = row.Get<Uuid>(0),
          .kind = static_cast<TipKind>(row.Get<uint8_t>(1)),
          .amount = row.Get<int64_t>(2),
          .created_at = row.Get<Time>(3),
          .session = row.Get<std::optional<Uuid>>(4),
          .sponsorship = row.Get<std::optional<Uuid>>(5),
          .item_code = row.Get<std::optional<std::string>>(6)};
}

}  // namespace

common::metrics::Counter& EarnedCounter(common::metrics::Registry& metrics, TipKind kind) {
  return metrics.GetCounter("streaming_tips_earned_total",
                            "Tips that streamers have earned, by what earned them.",
                            {{"kind", WordOf(kind)}});
}

Uuid WalletId(const StreamerKey& streamer) {
  return Uuid::V5(streamer.game_service_id,
                  absl::StrCat("wallet/", common::ToAbsl(events::WordOf(streamer.type)), "/",
                               streamer.id.ToString()));
}

Uuid CurrencyId(const Uuid& game_service_id) {
  return Uuid::V5(game_service_id, "currency/stream_tip");
}

Uuid EarnedId(const Uuid& source, TipKind kind) { return Uuid::V5(source, "tip/" + WordOf(kind)); }

Uuid HourId(const Uuid& wallet, int64_t hour) {
  return Uuid::V5(wallet, absl::StrCat("tip/hour/", hour));
}

common::outbox::Event CommandOf(const StreamerKey& streamer, const Entry& entry) {
  return entry.amount < 0
             ? CurrencyCommand<v1::CurrencyDebitCommand>(streamer, entry, -entry.amount)
             : CurrencyCommand<v1::CurrencyCreditCommand>(streamer, entry, entry.amount);
}

absl::StatusOr<Account> LockAccount(Transaction& transaction, const StreamerKey& streamer,
                                    News& news) {
  const Uuid wallet = WalletId(streamer);
  // Looked for first: an INSERT that finds the row would take a weaker lock, and two that raise it
  // are a deadlock.
  for (bool inserted = false;; inserted = true) {
    ASSIGN_OR_RETURN(const Rows rows, transaction.Query(SELECT_ACCOUNT " FOR UPDATE", wallet));
    if (!rows.empty()) return ToAccount(streamer, rows[0]);
    if (inserted) return absl::InternalError("the account cannot be made");
    ASSIGN_OR_RETURN(
        const int64_t made,
        transaction.Execute("INSERT IGNORE INTO tip_account (wallet_id, streamer_type,"
                            " streamer_id, game_service_id) VALUES (?, ?, ?, ?)",
                            wallet, int{streamer.type}, streamer.id, streamer.game_service_id));
    RETURN_IF_ERROR(careers::CheckLiving(transaction, streamer));
    if (made == 1) news.push_back(WalletCommand(streamer));
  }
}

absl::Status NoteStreamed(Transaction& transaction, const StreamerKey& streamer, Time now) {
  return transaction
      .Execute("UPDATE tip_account SET streamed_at = ? WHERE wallet_id = ?", now,
               WalletId(streamer))
      .status();
}

absl::StatusOr<bool> AddEntry(Transaction& transaction, Account& account, const Entry& entry,
                              News& news) {
  const StreamerKey& streamer = account.streamer;
  ASSIGN_OR_RETURN(const Rows same,
                   transaction.Query("SELECT 1 FROM tip_entry WHERE id = ?", entry.id));
  if (!same.empty()) return false;
  Account after = account;
  (entry.amount < 0 ? after.total_spent : after.total_earned) += std::abs(entry.amount);
  if (after.balance() < 0) {
    return common::errors::Make(kTipBalanceTooLow, "the streamer has fewer tips than that");
  }
  ++after.entries;
  RETURN_IF_ERROR(
      transaction
          .Execute("UPDATE tip_account SET total_earned = ?, total_spent = ?, entries = ?"
                   " WHERE wallet_id = ?",
                   after.total_earned, after.total_spent, after.entries, WalletId(streamer))
          .status());
  RETURN_IF_ERROR(transaction
                      .Execute("INSERT INTO tip_entry (streamer_type, streamer_id, game_service_id,"
                               " ordinal, id, kind, amount, session_id, sponsorship_id, item_code,"
                               " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               int{streamer.type}, streamer.id, streamer.game_service_id,
                               after.entries, entry.id, static_cast<int>(entry.kind), entry.amount,
                               entry.session, entry.sponsorship, entry.item_code, entry.created_at)
                      .status());
  account = after;
  news.push_back(CommandOf(streamer, entry));
  return true;
}

absl::StatusOr<Account> ReadAccount(common::mysql::Pool& mysql, const StreamerKey& streamer) {
  ASSIGN_OR_RETURN(const Rows rows, mysql.Query(SELECT_ACCOUNT, WalletId(streamer)));
  if (rows.empty()) return Account{.streamer = streamer};
  return ToAccount(streamer, rows[0]);
}

absl::StatusOr<EntryPage> ListEntries(common::mysql::Pool& mysql, const StreamerKey& streamer,
                                      int limit, int offset) {
  ASSIGN_OR_RETURN(const Account account, ReadAccount(mysql, streamer));
  // Entries are numbered without gaps, so a page is found by its first number.
  const int64_t newest = int64_t{account.entries} - offset;
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query("SELECT id, kind, amount, created_at, session_id, sponsorship_id,"
                  " item_code FROM tip_entry WHERE streamer_type = ?"
                  " AND streamer_id = ? AND game_service_id = ? AND ordinal <= ?"
                  " ORDER BY ordinal DESC LIMIT ?",
                  int{streamer.type}, streamer.id, streamer.game_service_id, newest, limit));
  EntryPage page{.total = account.entries};
  for (const Row& row : rows) page.entries.push_back(ToEntry(row));
  return page;
}

}  // namespace streaming::economy
