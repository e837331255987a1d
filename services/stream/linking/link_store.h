// Links in MySQL: table `link`. Tokens, platform user ids and names go in sealed only.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/common/crypto/key_ring.h"
#include "libs/common/mysql/pool.h"
#include "services/stream/linking/link.h"
#include "services/stream/marks.h"
#include "services/stream/platforms/platform_client.h"

namespace stream::linking {

struct NewLink {
  Link link;
  platforms::PlatformIdentity identity;
  platforms::Tokens tokens;
};

struct NamedLink {
  Link link;
  common::config::Secret display_name;
};

class LinkStore {
 public:
  // All outlive it.
  LinkStore(common::mysql::Pool& mysql, const common::crypto::KeyRing& keys, const Marks& marks)
      : mysql_(mysql), keys_(keys), marks_(marks) {}

  // Stores a link with its stream.platform.linked. PLATFORM_ALREADY_LINKED, PLATFORM_ACCOUNT_TAKEN.
  absl::Status Insert(const NewLink& link);

  absl::StatusOr<std::optional<Link>> Find(const common::Uuid& link_id);
  absl::StatusOr<std::optional<Link>> FindByUser(platforms::Platform platform,
                                                 const privacy::PlatformUserId& user);
  // The account's links, oldest first; at most kMaxListed.
  static constexpr int kMaxListed = 100;
  absl::StatusOr<std::vector<NamedLink>> List(const common::Uuid& account);
  absl::StatusOr<bool> HasLink(const common::Uuid& account, platforms::Platform platform);
  absl::StatusOr<privacy::PlatformUserId> UserId(const common::Uuid& link_id);

  // Active links whose events the platform was not asked for yet, with ids above `after` and in
  // their order; at most kMaxListed.
  absl::StatusOr<std::vector<Link>> Unsubscribed(const common::Uuid& after);
  absl::Status MarkSubscribed(const common::Uuid& link_id, common::Time now);

 private:
  std::string Seal(const Link& link, const char* column, const common::config::Secret& value) const;
  absl::StatusOr<common::config::Secret> Open(const common::Uuid& link_id, const char* column,
                                              const std::string& sealed) const;
  absl::Status CheckFree(const Link& link, const std::string& user_mark);

  common::mysql::Pool& mysql_;
  const common::crypto::KeyRing& keys_;
  const Marks& marks_;
};

}  // namespace stream::linking
