#include "services/streaming/careers/unlock_store.h"

#include <algorithm>
#include <string>

#include "libs/common/base/status.h"

namespace streaming::careers {
namespace {

using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;
using common::mysql::ToValue;
using common::mysql::Transaction;
using common::mysql::Value;

int ToColumn(UnlockCategory category) { return static_cast<int>(category) + 1; }  // the contract's
UnlockCategory ToCategory(int column) { return static_cast<UnlockCategory>(column - 1); }

// Codes that one statement asks for, so that there is one text to prepare.
constexpr size_t kBatch = 40;

std::string KnownOf() {
  std::string sql =
      "SELECT category, entry_code FROM streamer_unlock WHERE streamer_type = ?"
      " AND streamer_id = ? AND game_service_id = ? AND entry_code IN (?";
  for (size_t i = 1; i < kBatch; ++i) sql += ", ?";
  return sql + ")";
}

// Takes out what the streamer has unlocked already. `unlocks` are 1 to kBatch.
absl::Status EraseKnown(Transaction& transaction, const StreamerKey& streamer,
                        std::vector<Unlock>& unlocks) {
  static const std::string kKnown = KnownOf();
  std::vector<Value> values = {ToValue(int{streamer.type}), streamer.id, streamer.game_service_id};
  for (size_t i = 0; i < kBatch; ++i) {
    values.push_back(ToValue(unlocks[std::min(i, unlocks.size() - 1)].entry_code));
  }
  ASSIGN_OR_RETURN(const Rows rows, transaction.QueryValues(kKnown, values));
  for (const Row& row : rows) {
    std::erase(unlocks, Unlock{ToCategory(row.Get<int>(0)), row.Get<std::string>(1)});
  }
  return absl::OkStatus();
}

#define OF_STREAMER                                                   \
  " FROM streamer_unlock WHERE streamer_type = ? AND streamer_id = ?" \
  " AND (? IS NULL OR game_service_id = ?)"

}  // namespace

absl::StatusOr<std::vector<Unlock>> StoreUnlocks(Transaction& transaction,
                                                 const StreamerKey& streamer,
                                                 std::vector<Unlock> unlocks,
                                                 const Uuid& session_id, common::Time at) {
  std::vector<Unlock> stored;
  for (size_t begin = 0; begin < unlocks.size(); begin += kBatch) {
    const size_t end = std::min(unlocks.size(), begin + kBatch);
    std::vector<Unlock> batch(unlocks.begin() + static_cast<ptrdiff_t>(begin),
                              unlocks.begin() + static_cast<ptrdiff_t>(end));
    RETURN_IF_ERROR(EraseKnown(transaction, streamer, batch));
    stored.insert(stored.end(), batch.begin(), batch.end());
  }
  for (const Unlock& unlock : stored) {
    RETURN_IF_ERROR(transaction
                        .Execute("INSERT INTO streamer_unlock (streamer_type, streamer_id,"
                                 " game_service_id, category, entry_code, unlocked_at, session_id)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                                 int{streamer.type}, streamer.id, streamer.game_service_id,
                                 ToColumn(unlock.category), unlock.entry_code, at, session_id)
                        .status());
  }
  return stored;
}

absl::StatusOr<UnlockPage> ListUnlocks(common::mysql::Pool& mysql,
                                       v1::StreamerEntityType streamer_type,
                                       const Uuid& streamer_id,
                                       const std::optional<Uuid>& game_service_id, int limit,
                                       int offset) {
  const int type = streamer_type;
  ASSIGN_OR_RETURN(const Rows total, mysql.Query("SELECT COUNT(*)" OF_STREAMER, type, streamer_id,
                                                 game_service_id, game_service_id));
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query("SELECT category, entry_code, game_service_id, unlocked_at" OF_STREAMER
                  " ORDER BY unlocked_at DESC, game_service_id, entry_code, category"
                  " LIMIT ? OFFSET ?",
                  type, streamer_id, game_service_id, game_service_id, limit, offset));
  UnlockPage page{.total = total.at(0).Get<uint32_t>(0)};
  page.unlocks.reserve(rows.size());
  for (const Row& row : rows) {
    page.unlocks.push_back({.unlock = {ToCategory(row.Get<int>(0)), row.Get<std::string>(1)},
                            .game_service_id = row.Get<Uuid>(2),
                            .unlocked_at = row.Get<common::Time>(3)});
  }
  return page;
}

}  // namespace streaming::careers
