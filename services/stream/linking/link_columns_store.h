// What the stores of table `link` read and write alike.
#pragma once
#include <string>
#include <string_view>

#include "libs/common/base/status.h"
#include "libs/common/mysql/value.h"
#include "services/stream/linking/link.h"
#include "services/stream/privacy/personal.h"
#include "services/stream/sealer.h"

namespace stream::linking {

#define LINK_COLUMNS "link_id, account_id, platform, linked_at, is_active"
inline constexpr size_t kLinkColumns = 5;

inline Link ReadLink(const common::mysql::Row& row) {
  return {.link_id = row.Get<common::Uuid>(0),
          .account_id = row.Get<common::Uuid>(1),
          .platform = static_cast<platforms::Platform>(row.Get<uint8_t>(2)),
          .linked_at = row.Get<common::Time>(3),
          .is_active = row.Get<bool>(4)};
}

// Where a value is sealed for; see Sealer. A farewell keeps what it took over from its link.
inline constexpr std::string_view kUserIdPlace = "link.user_id_sealed";
inline constexpr std::string_view kNamePlace = "link.display_name_sealed";
inline constexpr std::string_view kAccessPlace = "link.access_token_sealed";
inline constexpr std::string_view kRefreshPlace = "link.refresh_token_sealed";
inline constexpr std::string_view kExpectedPlace = "expected_stream.stream_id_sealed";
inline constexpr std::string_view kRtmpUrlPlace = "link.rtmp_url_sealed";
inline constexpr std::string_view kWebhookSecretPlace = "link.webhook_secret_sealed";

inline absl::StatusOr<privacy::PlatformUserId> OpenUserId(const Sealer& sealer,
                                                          const common::Uuid& link_id,
                                                          const std::string& sealed) {
  ASSIGN_OR_RETURN(const common::config::Secret id, sealer.Open(link_id, kUserIdPlace, sealed));
  const auto user = privacy::PlatformUserId::From(id.Reveal());
  if (!user) return absl::InternalError("a stored platform user id is malformed");
  return *user;
}

}  // namespace stream::linking
