// The tables `tip_account` and `tip_entry`: a ledger to which rows are only added. Whoever adds one
// holds the account's lock, so that what a streamer has is always the sum of its entries, and never
// negative.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/economy/tips.h"

namespace streaming::economy {

namespace v1 = bannou::streaming::v1;
using careers::StreamerKey;
using News = std::vector<common::outbox::Event>;

// Counts what is earned in a way; who repeats a transaction counts again.
common::metrics::Counter& EarnedCounter(common::metrics::Registry& metrics, TipKind kind);

// The wallet's id in the Currency service, until that service names its own.
common::Uuid WalletId(const StreamerKey& streamer);
// Of the game's currency "stream_tip", likewise.
common::Uuid CurrencyId(const common::Uuid& game_service_id);
// The entry of a session or a deal that earned something, and that of an hour.
common::Uuid EarnedId(const common::Uuid& source, TipKind kind);
common::Uuid HourId(const common::Uuid& wallet, int64_t hour);

struct Account {
  StreamerKey streamer;
  int64_t total_earned = 0;
  int64_t total_spent = 0;
  uint32_t entries = 0;
  int64_t balance() const { return total_earned - total_spent; }
};

struct Entry {
  common::Uuid id;
  TipKind kind = TipKind::kEngagement;
  int64_t amount = 0;  // negative when spent
  common::Time created_at;
  std::optional<common::Uuid> session = {};
  std::optional<common::Uuid> sponsorship = {};
  std::optional<std::string> item_code = {};
};

// The account, locked until the transaction ends; made, with news of that, when there is none.
absl::StatusOr<Account> LockAccount(common::mysql::Transaction& transaction,
                                    const StreamerKey& streamer, News& news);

// Notes on a locked account that a session of the streamer was counted.
absl::Status NoteStreamed(common::mysql::Transaction& transaction, const StreamerKey& streamer,
                          common::Time now);

// Adds an entry to a locked account and to `news` what Currency shall do. False when there is one
// by that id: then nothing happens. TIP_BALANCE_TOO_LOW when more is spent than there is.
absl::StatusOr<bool> AddEntry(common::mysql::Transaction& transaction, Account& account,
                              const Entry& entry, News& news);

// What Currency is asked for an entry.
common::outbox::Event CommandOf(const StreamerKey& streamer, const Entry& entry);

// Zeros when there is no account.
absl::StatusOr<Account> ReadAccount(common::mysql::Pool& mysql, const StreamerKey& streamer);

struct EntryPage {
  std::vector<Entry> entries;  // newest first
  uint32_t total = 0;          // over all pages
};
absl::StatusOr<EntryPage> ListEntries(common::mysql::Pool& mysql, const StreamerKey& streamer,
                                      int limit, int offset);

}  // namespace streaming::economy
