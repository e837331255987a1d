// Broadcasts that channels have announced, in table `expected_stream`: what to look for when a
// platform does not tell that they begin.
#pragma once
#include <vector>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/linking/link.h"
#include "services/stream/marks.h"
#include "services/stream/sealer.h"

namespace stream::linking {

class ExpectedStore {
 public:
  // Of one link; further ones are not remembered.
  static constexpr int kMaxPerLink = 50;
  static constexpr int kMaxListed = 100;

  // All outlive it.
  ExpectedStore(common::mysql::Pool& mysql, const Sealer& sealer, const Marks& marks)
      : mysql_(mysql), sealer_(sealer), marks_(marks) {}

  // Also when it is announced anew for another time.
  absl::Status Expect(const common::Uuid& link_id, const ExpectedStream& stream);
  absl::Status Forget(const common::Uuid& link_id, const std::string& stream_id);
  // Part of a transaction that ends a link's grant or takes the link away.
  static absl::Status ForgetAll(common::mysql::Transaction& transaction,
                                const common::Uuid& link_id);

  struct Expecting {
    Link link;
    ExpectedStream stream;
  };
  // Those of active links that were announced for between these times; at most kMaxListed.
  absl::StatusOr<std::vector<Expecting>> Between(common::Time from, common::Time until);
  absl::Status Purge(common::Time before);

 private:
  common::Uuid IdOf(const common::Uuid& link_id, const std::string& stream_id) const;

  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
  const Marks& marks_;
};

}  // namespace stream::linking
