// Table `farewell`: what is left to tell platforms about links that are gone. LinkStore writes it,
// in the transaction that takes the link away.
#pragma once
#include <optional>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "services/stream/linking/link.h"
#include "services/stream/platforms/platform_client.h"
#include "services/stream/sealer.h"

namespace stream::linking {

// After this long it is given up: the tokens have died of disuse or age by then.
inline constexpr std::chrono::hours kFarewellLife{7 * 24};

struct Farewell {
  common::Uuid link_id;
  platforms::Platform platform;
  privacy::PlatformUserId user;
  platforms::Tokens tokens;
  int tries = 0;
};

class FarewellStore {
 public:
  static constexpr int kMaxListed = 100;

  // Both outlive it.
  FarewellStore(common::mysql::Pool& mysql, const Sealer& sealer)
      : mysql_(mysql), sealer_(sealer) {}

  // The longest due first; at most kMaxListed.
  absl::StatusOr<std::vector<Farewell>> Due(common::Time now);
  absl::StatusOr<std::optional<common::Time>> NextDue();
  // Tokens that the platform gave in exchange for those that are stored.
  absl::Status Replace(const common::Uuid& link_id, const platforms::Tokens& tokens);
  absl::Status Postpone(const common::Uuid& link_id, common::Time until);
  absl::Status Done(const common::Uuid& link_id);
  // How many were too old.
  absl::StatusOr<int64_t> GiveUp(common::Time now);

 private:
  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
};

}  // namespace stream::linking
