// A platform account that belongs to one of ours.
#pragma once
#include <string>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/stream/platforms/platform.h"

namespace stream::linking {

struct Link {
  common::Uuid link_id;
  common::Uuid account_id;
  platforms::Platform platform = platforms::Platform::kTwitch;
  common::Time linked_at;
  bool is_active = true;  // false once the platform refused its tokens for good
};

// A broadcast that a channel has announced.
struct ExpectedStream {
  std::string stream_id;
  common::Time at;
};

// Where a link's platform calls back, for whatever it calls. `public_url` has no final slash.
inline std::string WebhookUrl(const std::string& public_url, platforms::Platform platform,
                              const common::Uuid& link_id) {
  return public_url + "/stream/webhook/" + std::string(platforms::WordOf(platform)) + "/" +
         link_id.ToString();
}

}  // namespace stream::linking
