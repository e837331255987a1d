// What is to be done about the subscriptions of links, in table `link`: a list of work that every
// instance sees.
#pragma once
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "services/stream/linking/link.h"
#include "services/stream/privacy/personal.h"
#include "services/stream/sealer.h"

namespace stream::linking {

// A link as its subscriptions see it.
struct SubscribedLink {
  Link link;
  privacy::PlatformUserId user;
  std::vector<std::string> scopes;
  std::string mark;  // of what its subscriptions were made with; empty: there were none yet
  int tries = 0;     // looks in a row after which something was left to do
};

class SubscriptionStore {
 public:
  static constexpr int kMaxListed = 100;

  // Both outlive it.
  SubscriptionStore(common::mysql::Pool& mysql, const Sealer& sealer)
      : mysql_(mysql), sealer_(sealer) {}

  // Those that are to be looked at by now, also inactive ones; the longest due first, at most
  // kMaxListed. Here and below a link that no key opens is left out, and looked at later.
  absl::StatusOr<std::vector<SubscribedLink>> Due(common::Time now);
  // When the next one is due; nullopt: none.
  absl::StatusOr<std::optional<common::Time>> NextDue();
  // A page of all of a platform, in the order of their ids.
  struct Page {
    std::vector<SubscribedLink> links;
    std::optional<common::Uuid> next;  // what the next page begins after; nullopt: this is the last
  };
  absl::StatusOr<Page> All(platforms::Platform platform, const common::Uuid& after);
  // Whether there is such a link, whatever its state.
  absl::StatusOr<bool> Exists(const common::Uuid& link_id);

  // What a look has left behind.
  struct Look {
    std::string mark = {};  // of what the subscriptions are made with now
    std::optional<common::Time> next =
        std::nullopt;  // when to look again; nullopt: with all others
    int tries = 0;
  };
  // When somebody else has said meanwhile when to look again, that stands.
  absl::Status Settle(const common::Uuid& link_id, common::Time looked_at, const Look& look);
  // The hub has confirmed a subscription that ends after `lease`, which is renewed early.
  absl::Status SetLease(const common::Uuid& link_id, common::Time now, std::chrono::seconds lease);

 private:
  absl::StatusOr<std::vector<SubscribedLink>> ReadAll(const common::mysql::Rows& rows);
  absl::Status Postpone(const common::Uuid& link_id, common::Time until);

  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
};

}  // namespace stream::linking
