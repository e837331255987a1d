// The tokens of links, in table `link`: read and replaced, validated, given up.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "services/stream/linking/link.h"
#include "services/stream/platforms/platform_client.h"
#include "services/stream/sealer.h"

namespace stream::linking {

// What is stored, and its version: tokens that replace it name it, so that nobody's are lost.
struct StoredTokens {
  Link link;
  platforms::Tokens tokens;
  std::string version;
  std::optional<common::Time> validated_at;
};

// The name of the lock of the database under which a link's tokens are replaced.
std::string TokenLockOf(const common::Uuid& link_id);

class TokenStore {
 public:
  // Both outlive it.
  TokenStore(common::mysql::Pool& mysql, const Sealer& sealer) : mysql_(mysql), sealer_(sealer) {}

  // nullopt: no such link, or one without tokens.
  absl::StatusOr<std::optional<StoredTokens>> Read(const common::Uuid& link_id);
  // In one statement; also counts as a validation. False, and nothing changes, when the link is
  // gone or has other tokens than those of `version`.
  absl::StatusOr<bool> Replace(const common::Uuid& link_id, const std::string& version,
                               const platforms::Tokens& tokens, common::Time now);
  // The same of a link that was taken away meanwhile: its farewell gets the tokens. False when
  // there is none, or one that has other tokens.
  absl::StatusOr<bool> ReplaceInFarewell(const common::Uuid& link_id, const std::string& version,
                                         const platforms::Tokens& tokens, common::Time now);
  absl::Status MarkValidated(const common::Uuid& link_id, common::Time now);
  // The platform may have ended the grant: it is to be asked now, for tokens and subscriptions.
  absl::Status Suspect(const common::Uuid& link_id, common::Time now);
  // The platform refused the tokens of `version` for good: ends the link's session, and the link is
  // inactive until it is linked again. False when other tokens are there by now.
  absl::StatusOr<bool> Deactivate(const common::Uuid& link_id, const std::string& version,
                                  common::Time now);

  struct Due {
    common::Uuid link_id;
    platforms::Platform platform;
  };
  // Active links with ids above `after`, in their order, whose access token ends before
  // `ends_before` or, on `platform`, was not validated since `validated_before`; at most kMaxDue.
  static constexpr int kMaxDue = 100;
  absl::StatusOr<std::vector<Due>> FindDue(platforms::Platform platform, common::Time ends_before,
                                           std::optional<common::Time> validated_before,
                                           const common::Uuid& after);

 private:
  common::mysql::Pool& mysql_;
  const Sealer& sealer_;
};

}  // namespace stream::linking
