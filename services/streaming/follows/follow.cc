#include "services/streaming/follows/follow.h"

#include <algorithm>
#include <cmath>

namespace streaming::follows {
namespace {

constexpr double kLoyaltyPace = 0.1;      // a session's share in the average of attended and missed
constexpr double kLapseLoyalty = 0.1;     // below it a follower is one no more
constexpr double kFollowerLoyalty = 0.3;  // who follows has at least this: some ten missed sessions

// The session at which loyalty has fallen to kLapseLoyalty.
uint32_t LapseOrdinal(double loyalty, uint32_t ordinal) {
  const double sessions = std::log(kLapseLoyalty / loyalty) / std::log(1 - kLoyaltyPace);
  return ordinal + std::max(1u, static_cast<uint32_t>(std::ceil(sessions)));
}

}  // namespace

Attended Attend(const Settings& settings, const Attendance& before, uint32_t ordinal,
                double mean_interest) {
  // Its lapse at the session before this one counts even if nobody has looked since.
  Attended result{Lapsed(before, ordinal - 1) ? Lapse(before) : before};
  Attendance& now = result.attendance;
  const double loyalty = before.attended == 0 ? 0 : LoyaltyAt(before, ordinal - 1);
  now.loyalty = loyalty + kLoyaltyPace * (1 - loyalty);
  now.last_ordinal = ordinal;
  ++now.attended;
  now.interested_run = mean_interest >= settings.interest_threshold ? now.interested_run + 1 : 0;
  if (!now.follows && now.interested_run >= settings.sessions_in_a_row) {
    now.follows = true;
    result.followed = true;
    now.loyalty = std::max(now.loyalty, kFollowerLoyalty);
  }
  if (now.follows) now.lapse_ordinal = LapseOrdinal(now.loyalty, ordinal);
  return result;
}

bool Lapsed(const Attendance& attendance, uint32_t ordinal) {
  return attendance.follows && attendance.lapse_ordinal && ordinal >= *attendance.lapse_ordinal;
}

Attendance Lapse(const Attendance& attendance) {
  Attendance lapsed = attendance;
  lapsed.follows = false;
  lapsed.lapse_ordinal.reset();
  lapsed.interested_run = 0;
  return lapsed;
}

double LoyaltyAt(const Attendance& attendance, uint32_t ordinal) {
  const uint32_t missed = ordinal - std::min(ordinal, attendance.last_ordinal);
  return attendance.loyalty * std::pow(1 - kLoyaltyPace, missed);
}

}  // namespace streaming::follows
