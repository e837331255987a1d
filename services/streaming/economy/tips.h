// What earns a streamer tips, the game's virtual money: its sessions' engagement and, by the hour,
// its followers. The formulas are ours; docs/economy.md has tables of what they give.
#pragma once
#include <cstdint>

#include "libs/common/base/time.h"

namespace streaming::economy {

// Where an entry of the ledger comes from. The numbers are the contract's.
enum class TipKind : uint8_t { kEngagement = 1, kFollowers, kSponsorship, kSpend };

struct TipRates {
  // What an hour earns to begin with, before one viewer who is all attention; 0 = nothing.
  double per_stream_hour = 10;
  // What a streamer's first follower gives in an hour; 0 = nothing.
  double per_follower_hour = 0.2;
};

// Of one entry, whatever the rates are.
inline constexpr int64_t kTipsMax = 1'000'000;

// What a session was.
struct SessionAudience {
  double viewer_seconds = 0;   // the audience integrated over time
  double live_seconds = 0;     // without pauses
  double mean_engagement = 0;  // 0 to 1, over the audience and the session
  uint32_t peak_audience = 0;  // heads
};

// Tips of a session: ⌊rate · √(audience · engagement) · T(1 − e^(−hours/T))⌋ with T = 6 hours,
// where the audience is the mean one. Concave in each of the three, so that twice the crowd is less
// than twice the tips. Time tires within a session only: whoever ends and starts again earns as a
// fresh stream does, which is at most rate · √(audience · engagement) an hour. 0 without an
// audience, never above kTipsMax.
int64_t EngagementTips(const TipRates& rates, const SessionAudience& session);

// Tips of an hour: ⌊rate · √followers⌋, never above kTipsMax.
int64_t FollowerTips(const TipRates& rates, uint32_t followers);

// Hours since 1970 that are over; the hour with this number is the first that is not.
int64_t HoursOver(common::Time now);

// How far followers have given.
struct HourProgress {
  int64_t hour = 0;  // the last one that was begun
  bool done = false;
};
// The hour to work on at a time, at most kCatchUpHours back; `hour` and `done` as they are when
// there is nothing to do. An hour that was begun is always finished.
inline constexpr int64_t kCatchUpHours = 24;
HourProgress NextHour(HourProgress progress, common::Time now);
// Hours that are over and not given for, those included that are too old to be made up for.
int64_t HoursBehind(const HourProgress& progress, common::Time now);

}  // namespace streaming::economy
