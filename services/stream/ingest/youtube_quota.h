// YouTube's daily allowance of calls, and how often chats may be polled with what is left of it.
// Pure.
#pragma once
#include <cstdint>
#include <string>

#include "libs/common/base/time.h"

namespace stream::ingest {

// What calls of the Data API cost.
inline constexpr int64_t kChatPollUnits = 5;
inline constexpr int64_t kVideosUnits = 1;

// What chats may spend of a day's allowance: a fifth is left for what else is asked.
inline constexpr int64_t ChatUnitsOf(int64_t daily_quota) { return daily_quota - daily_quota / 5; }

// The day by which Google counts, that of Pacific time, "20261126".
std::string QuotaDayOf(common::Time now);
// When the next one begins.
common::Time QuotaResetAfter(common::Time now);

struct QuotaLeft {
  int64_t units = 0;
  int64_t chats = 0;  // that share it
  common::Duration until_reset{};
};
// The shortest interval between two polls of each chat at which the units last until the reset;
// all that time when they do not suffice for one more poll.
common::Duration PaceOf(const QuotaLeft& left);

}  // namespace stream::ingest
