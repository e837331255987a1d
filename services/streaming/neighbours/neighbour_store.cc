#include "services/streaming/neighbours/neighbour_store.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/errors.h"
#include "services/streaming/privacy/tombstone_store.h"

namespace streaming::neighbours {
namespace {

using common::Uuid;
using common::mysql::Rows;
using common::mysql::Transaction;

struct Owner {
  Uuid id;
  std::optional<Uuid> game;
};

// nullopt when nobody is known to own it. A deal stays locked: who erases it waits, and then finds
// what was stored.
absl::StatusOr<std::optional<Owner>> OwnerOf(Transaction& transaction, const TheirId& id) {
  if (id.owner) return Owner{.id = *id.owner, .game = id.game};
  if (!id.sponsorship) return std::nullopt;
  ASSIGN_OR_RETURN(const Rows rows, transaction.Query("SELECT streamer_id, game_service_id"
                                                      " FROM sponsorship WHERE id = ? FOR UPDATE",
                                                      *id.sponsorship));
  if (rows.empty()) return std::nullopt;
  return Owner{.id = rows[0].Get<Uuid>(0), .game = rows[0].Get<Uuid>(1)};
}

}  // namespace

absl::StatusOr<Uuid> FindTheirId(common::mysql::Pool& mysql, const Uuid& ours) {
  ASSIGN_OR_RETURN(const Rows rows,
                   mysql.Query("SELECT theirs FROM neighbour_id WHERE ours = ?", ours));
  return rows.empty() ? ours : rows[0].Get<Uuid>(0);
}

absl::StatusOr<std::vector<Uuid>> FindTheirIds(common::mysql::Pool& mysql,
                                               std::span<const Uuid> ours) {
  if (ours.size() > kTheirIdsMax) return absl::InvalidArgumentError("too many ids");
  std::vector<Uuid> result(ours.begin(), ours.end());
  if (result.empty()) return result;
  // Always as many values, so that there is one statement to prepare.
  std::string sql = "SELECT ours, theirs FROM neighbour_id WHERE ours IN (?";
  for (size_t i = 1; i < kTheirIdsMax; ++i) sql += ", ?";
  std::vector<common::mysql::Value> values(kTheirIdsMax, common::mysql::ToValue(ours.back()));
  std::transform(ours.begin(), ours.end(), values.begin(),
                 [](const Uuid& id) { return common::mysql::ToValue(id); });
  ASSIGN_OR_RETURN(const Rows rows, mysql.QueryValues(sql + ")", values));
  std::unordered_map<Uuid, Uuid> known;
  for (const auto& row : rows) known.emplace(row.Get<Uuid>(0), row.Get<Uuid>(1));
  for (Uuid& id : result) {
    const auto found = known.find(id);
    if (found != known.end()) id = found->second;
  }
  return result;
}

absl::Status Learn(common::mysql::Pool& mysql, const TheirId& id) {
  const absl::Status learned =
      common::mysql::RunTransaction(mysql, [&](Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(const std::optional<Owner> owner, OwnerOf(transaction, id));
        if (!owner) {
          return transaction
              .Execute("UPDATE neighbour_id SET theirs = ? WHERE ours = ?", id.theirs, id.ours)
              .status();
        }
        RETURN_IF_ERROR(
            transaction
                .Execute("INSERT INTO neighbour_id (ours, theirs, owner_id, game_service_id) "
                         "VALUES (?, ?, ?, ?) ON DUPLICATE KEY UPDATE theirs = VALUES(theirs)",
                         id.ours, id.theirs, owner->id, owner->game)
                .status());
        using privacy::Kind;
        std::vector<privacy::Entity> entities = {{.kind = Kind::kAccount, .id = owner->id},
                                                 {.kind = Kind::kCharacter, .id = owner->id}};
        if (owner->game) entities.push_back({.kind = Kind::kGameService, .id = *owner->game});
        return privacy::CheckLiving(transaction, entities);
      });
  return common::errors::Is(learned, kEntityDeleted) ? absl::OkStatus() : learned;
}

}  // namespace streaming::neighbours
