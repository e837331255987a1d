// A platform account that belongs to one of ours.
#pragma once
#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/stream/platforms/platform.h"

namespace stream::linking {

struct Link {
  common::Uuid link_id;
  common::Uuid account_id;
  platforms::Platform platform = platforms::Platform::kTwitch;
  common::Time linked_at;
  bool is_active = true;
};

}  // namespace stream::linking
