// The tables `sponsorship` and `sponsorship_target`. A change of a deal is made under the lock of
// its row.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/economy/sponsorship.h"

namespace streaming::economy {

namespace v1 = bannou::streaming::v1;
using careers::StreamerKey;

struct Sponsorship {
  common::Uuid id;
  StreamerKey streamer;
  common::Uuid sponsor;
  std::string sponsor_name;
  int64_t payment = 0;
  double sponsor_reputation = 0;  // growth on completion
  common::Time proposed_at;
  Deal deal;
};

// Counts deals that came to a status; who repeats a transaction counts again.
common::metrics::Counter& CounterOf(common::metrics::Registry& metrics, DealStatus status);

// The deal's id in the Contract service, until that service names its own.
common::Uuid ContractId(const common::Uuid& sponsorship);

absl::Status InsertSponsorship(common::mysql::Transaction& transaction,
                               const Sponsorship& sponsorship);

// nullopt when there is none.
absl::StatusOr<std::optional<Sponsorship>> FindSponsorship(common::mysql::Pool& mysql,
                                                           const common::Uuid& id);
// Likewise, locked until the transaction ends.
absl::StatusOr<std::optional<Sponsorship>> LockSponsorship(common::mysql::Transaction& transaction,
                                                           const common::Uuid& id);
// Stores what a locked deal has become: status, times and progress.
absl::Status SaveDeal(common::mysql::Transaction& transaction, const Sponsorship& sponsorship);

// OK when a session of the streamer may name the deal. SPONSORSHIP_NOT_FOUND when it is another
// streamer's or game's, SPONSORSHIP_NOT_ACTIVE.
absl::Status RequireActive(common::mysql::Transaction& transaction, const common::Uuid& id,
                           const StreamerKey& streamer, common::Time now);

struct SponsorshipQuery {
  v1::StreamerEntityType streamer_type = v1::STREAMER_ENTITY_TYPE_UNSPECIFIED;
  common::Uuid streamer_id;
  std::optional<common::Uuid> game_service_id;  // absent = all
  std::optional<DealStatus> status;             // absent = all
  int limit = 20;
  int offset = 0;
};
struct SponsorshipPage {
  std::vector<Sponsorship> sponsorships;  // newest first
  uint32_t total = 0;                     // over all pages
};
absl::StatusOr<SponsorshipPage> ListSponsorships(common::mysql::Pool& mysql,
                                                 const SponsorshipQuery& query, common::Time now);

// Writes down that deals have expired, kExpiryGrace ago or earlier, at most `limit` of each open
// status; how many. Readers know it at once.
inline constexpr std::chrono::minutes kExpiryGrace{1};
absl::StatusOr<int64_t> ExpireSponsorships(common::mysql::Pool& mysql, common::Time now, int limit);

}  // namespace streaming::economy
