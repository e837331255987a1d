// Links in MySQL: table `link`. Tokens, platform user ids, names and RTMP URLs go in sealed only.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "services/stream/linking/link.h"
#include "services/stream/marks.h"
#include "services/stream/platforms/platform_client.h"
#include "services/stream/sealer.h"

namespace stream::linking {

struct NewLink {
  Link link;
  platforms::PlatformIdentity identity;
  platforms::Tokens tokens;
};

struct NewCustomLink {
  Link link;
  common::config::Secret rtmp_url;
  common::config::Secret webhook_secret;
};

struct NamedLink {
  Link link;
  common::config::Secret display_name;  // of Custom: its RTMP URL, masked
};

class LinkStore {
 public:
  // Custom links an account may have.
  static constexpr int kMaxCustom = 20;

  // All outlive it.
  LinkStore(common::mysql::Pool& mysql, const Sealer& sealer, const Marks& marks)
      : mysql_(mysql), sealer_(sealer), marks_(marks) {}

  // Stores a link with its stream.platform.linked. An inactive link of the account to the same
  // platform account comes alive again under its old id, one to another is replaced. The link as it
  // is stored. PLATFORM_ALREADY_LINKED, PLATFORM_ACCOUNT_TAKEN, ACCOUNT_DELETED.
  absl::StatusOr<Link> Insert(const NewLink& link);
  // LINK_LIMIT_REACHED, ACCOUNT_DELETED.
  absl::Status InsertCustom(const NewCustomLink& link);
  // Ends the link's session, takes the link away, announces both, and leaves a farewell to the
  // platform, all at once. LINK_NOT_FOUND, also when it belongs to another account.
  absl::Status Remove(const common::Uuid& account, const common::Uuid& link_id, common::Time now);

  absl::StatusOr<std::optional<Link>> Find(const common::Uuid& link_id);
  absl::StatusOr<std::optional<Link>> FindByUser(platforms::Platform platform,
                                                 const privacy::PlatformUserId& user);
  // The account's links, oldest first; at most kMaxListed.
  static constexpr int kMaxListed = 100;
  absl::StatusOr<std::vector<NamedLink>> List(const common::Uuid& account);
  // Whether the account has an active link that leaves no room for another one.
  absl::StatusOr<bool> IsLinked(const common::Uuid& account, platforms::Platform platform);
  absl::StatusOr<bool> IsDeleted(const common::Uuid& account);
  // LINK_NOT_FOUND.
  absl::StatusOr<privacy::PlatformUserId> UserId(const common::Uuid& link_id);
  // Of a Custom link. LINK_NOT_FOUND.
  absl::StatusOr<common::config::Secret> WebhookSecret(const common::Uuid& link_id);
  // Active links of a platform with ids above `after`, in their order; at most kMaxListed.
  absl::StatusOr<std::vector<Link>> Active(platforms::Platform platform, const common::Uuid& after);

 private:
  absl::Status InsertRow(common::mysql::Transaction& transaction, const NewLink& added,
                         const std::string& user_mark);
  absl::Status UpdateRow(common::mysql::Transaction& transaction, const NewLink& added);
  absl::StatusOr<NamedLink> ReadNamed(const common::mysql::Row& row) const;
  std::string Seal(const Link& link, std::string_view place,
                   const common::config::Secret& value) const {
    return sealer_.Seal(link.link_id, place, value);
  }

  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
  const Marks& marks_;
};

// --- Parts of transactions that take links away. ------------------------------------------------

// Ends the session of a link, leaves its farewell, deletes it and announces that. `link` must be
// locked by the transaction.
absl::Status TakeAway(common::mysql::Transaction& transaction, const Link& link, common::Time now);

}  // namespace stream::linking
