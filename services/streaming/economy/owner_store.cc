#include "services/streaming/economy/owner_store.h"

#include <set>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/errors.h"

namespace streaming::economy {
namespace {

using common::Uuid;
using common::mysql::Row;
using common::mysql::Rows;

// The types that the id has streamed as, is bound as, or has deals as.
absl::StatusOr<std::set<v1::StreamerEntityType>> KnownTypes(common::mysql::Pool& mysql,
                                                            const Uuid& streamer) {
  ASSIGN_OR_RETURN(
      const Rows rows,
      mysql.Query("SELECT streamer_type FROM streamer"
                  " WHERE streamer_type IN (1, 2, 3) AND streamer_id = ?"
                  " UNION SELECT streamer_type FROM sponsorship"
                  " WHERE streamer_type IN (1, 2, 3) AND streamer_id = ?"
                  " UNION SELECT ? FROM character_owner WHERE character_id = ?",
                  streamer, streamer, int{v1::STREAMER_ENTITY_TYPE_CHARACTER}, streamer));
  std::set<v1::StreamerEntityType> types;
  for (const Row& row : rows) types.insert(static_cast<v1::StreamerEntityType>(row.Get<int>(0)));
  return types;
}

}  // namespace

absl::StatusOr<bool> SeesTo(common::mysql::Pool& mysql, const sessions::Caller& caller,
                            v1::StreamerEntityType type, const Uuid& streamer) {
  std::optional<Uuid> bound;
  if (type == v1::STREAMER_ENTITY_TYPE_CHARACTER && !caller.privileged) {
    ASSIGN_OR_RETURN(
        const Rows rows,
        mysql.Query("SELECT account_id FROM character_owner WHERE character_id = ?", streamer));
    if (rows.empty()) return false;
    bound = rows[0].Get<Uuid>(0);
  }
  return sessions::OwnershipOf(static_cast<sessions::StreamerType>(type), streamer, caller, bound)
      .allowed;
}

absl::StatusOr<v1::StreamerEntityType> OwnType(common::mysql::Pool& mysql,
                                               const sessions::Caller& caller,
                                               std::optional<v1::StreamerEntityType> type,
                                               const Uuid& streamer) {
  std::set<v1::StreamerEntityType> types;
  if (type) {
    types.insert(*type);
  } else {
    ASSIGN_OR_RETURN(types, KnownTypes(mysql, streamer));
    if (caller.account == streamer) types.insert(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
  }
  std::optional<v1::StreamerEntityType> own;
  for (const v1::StreamerEntityType candidate : types) {
    ASSIGN_OR_RETURN(const bool mine, SeesTo(mysql, caller, candidate, streamer));
    if (!mine) continue;
    if (own) {
      return common::errors::Make(kStreamerAmbiguous, "several types of streamers have this id");
    }
    own = candidate;
  }
  if (!own) return common::errors::Make(kStreamerNotFound, "the caller has no such streamer");
  return *own;
}

}  // namespace streaming::economy
