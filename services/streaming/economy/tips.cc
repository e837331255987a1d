#include "services/streaming/economy/tips.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace streaming::economy {
namespace {

// After so many hours an hour earns 1/e of what the first did.
constexpr double kStaminaHours = 6;

int64_t Whole(double tips) {
  if (!(tips > 0)) return 0;  // NaN as well
  return static_cast<int64_t>(std::min(tips, static_cast<double>(kTipsMax)));
}

}  // namespace

int64_t EngagementTips(const TipRates& rates, const SessionAudience& session) {
  if (session.live_seconds <= 0 || session.peak_audience == 0) return 0;
  // Those who watched through a pause count in the integral, but no audience is above its peak.
  const double audience = std::min(session.viewer_seconds / session.live_seconds,
                                   static_cast<double>(session.peak_audience));
  const double engagement = std::clamp(session.mean_engagement, 0.0, 1.0);
  const double hours = session.live_seconds / 3600;
  const double paid_hours = kStaminaHours * -std::expm1(-hours / kStaminaHours);
  return Whole(rates.per_stream_hour * std::sqrt(audience * engagement) * paid_hours);
}

int64_t FollowerTips(const TipRates& rates, uint32_t followers) {
  return Whole(rates.per_follower_hour * std::sqrt(static_cast<double>(followers)));
}

int64_t HoursOver(common::Time now) {
  return std::chrono::floor<std::chrono::hours>(now.time_since_epoch()).count();
}

HourProgress NextHour(HourProgress progress, common::Time now) {
  const int64_t over = HoursOver(now);
  if (!progress.done || progress.hour + 1 >= over) return progress;
  return {.hour = std::max(progress.hour + 1, over - kCatchUpHours), .done = false};
}

int64_t HoursBehind(const HourProgress& progress, common::Time now) {
  const int64_t given = progress.done ? progress.hour : progress.hour - 1;
  return std::max<int64_t>(0, HoursOver(now) - 1 - given);
}

}  // namespace streaming::economy
