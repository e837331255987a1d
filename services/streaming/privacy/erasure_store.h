// Takes accounts, characters and game services out of every table, in bounded steps. A new table
// that names one of them, or something of theirs, belongs into erasure_store.cc.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/audience/live_session.h"

namespace streaming::privacy {

// A streamer in one game, or in all of them.
struct StreamerScope {
  uint8_t type = 0;  // a StreamerEntityType
  common::Uuid id;
  std::optional<common::Uuid> game = {};
};

struct FoundSession {
  audience::LiveKey key;
  bool ended = false;
};

class ErasureStore {
 public:
  explicit ErasureStore(common::mysql::Pool& mysql) : mysql_(mysql) {}

  static constexpr int kSessionsBatch = 50;
  static constexpr int kRowsBatch = 1000;

  // Sessions, at most kSessionsBatch. Waits for those that are being created.
  absl::StatusOr<std::vector<FoundSession>> SessionsOfOwner(const common::Uuid& account);
  absl::StatusOr<std::vector<FoundSession>> SessionsOf(const StreamerScope& streamer);
  absl::StatusOr<std::vector<FoundSession>> SessionsOfGame(const common::Uuid& game);
  // With their moments and hype trains. Those that have not ended stay.
  absl::Status DeleteSessions(const std::vector<FoundSession>& sessions);

  // What lasts of a streamer. One step; false when there is more to do.
  absl::StatusOr<bool> EraseStreamer(const StreamerScope& streamer);

  // Games in which a streamer has a career, at most 100.
  absl::StatusOr<std::vector<common::Uuid>> GamesOf(const StreamerScope& streamer);
  // Streamers of which something lasts in a game, at most 100.
  absl::StatusOr<std::vector<StreamerScope>> StreamersOf(const common::Uuid& game);
  // Characters that stream for an account, at most 100.
  absl::StatusOr<std::vector<common::Uuid>> CharactersOf(const common::Uuid& account);

  // One step of what else there is; false when there is more to do.
  absl::StatusOr<bool> EraseAccount(const common::Uuid& account);
  absl::StatusOr<bool> EraseCharacter(const common::Uuid& character);
  // The pool last: sessions cannot end without it. How many rows.
  absl::StatusOr<int64_t> EraseGame(const common::Uuid& game);

 private:
  absl::StatusOr<int64_t> DeleteSponsorships(common::mysql::Transaction& transaction,
                                             const StreamerScope& streamer);

  common::mysql::Pool& mysql_;
};

}  // namespace streaming::privacy
