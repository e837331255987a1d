// Careers in MySQL: what ended sessions add to the table `streamer`, and the table `milestone`.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/outbox/outbox.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/careers/streamer_store.h"

namespace streaming::careers {

// A session that a career has just taken in, and the streamer's record before and after it.
struct AppliedSession {
  common::Uuid id;
  Streamer before;
  Streamer after;
  SessionResult result;
  double viewer_seconds = 0;
  std::optional<common::Uuid> sponsorship;  // the deal that it counts toward
  common::Time ended_at;
  common::Time applied_at;
};

class CareerStore {
 public:
  // Does what else a session is due, once and in the same transaction, under the streamer's lock.
  // Returns its news, which is appended with that of the career.
  using Beside = std::function<absl::StatusOr<std::vector<common::outbox::Event>>(
      common::mysql::Transaction&, const AppliedSession&)>;

  explicit CareerStore(common::mysql::Pool& mysql, Beside beside = nullptr)
      : mysql_(mysql), beside_(std::move(beside)) {}

  // Ended sessions that no career has in it yet: by id, those after `after`, at most `limit`. One
  // of which hype trains are not on record yet is left out for kTrainsWait, since they count.
  absl::StatusOr<std::vector<common::Uuid>> ListUnapplied(const common::Uuid& after, int limit);
  static constexpr std::chrono::minutes kTrainsWait{2};

  // Puts one such session into its streamer's career and tells what that means (CareerNews), in one
  // transaction. The streamer's earlier ones go first, each in a transaction of its own, so that a
  // career is the same whatever was tried when; if one of these has to wait for its trains, nothing
  // happens. Any other session changes nothing, so that a repeat is harmless. Returns how many
  // sessions entered the career.
  absl::StatusOr<int> ApplySession(const common::Uuid& session_id, common::Time now);

 private:
  common::mysql::Pool& mysql_;
  const Beside beside_;
};

}  // namespace streaming::careers
