#include "services/stream/ingest/youtube_quota.h"

#include <algorithm>
#include <chrono>

namespace stream::ingest {
namespace {

using common::Duration;
using common::Time;
using std::chrono::hours;

// Daylight saving time of the United States: from 2:00 standard time of the second Sunday in March
// to 2:00 daylight time of the first Sunday in November. One rule is smaller than a time zone
// database, and wrong by an hour twice a year should the law change.
bool IsDaylightTime(Time utc) {
  using namespace std::chrono;  // NOLINT: the calendar's names
  const year now = year_month_day(floor<days>(utc)).year();
  const Time begin = sys_days(now / March / Sunday[2]) + hours(10);
  const Time end = sys_days(now / November / Sunday[1]) + hours(9);
  return begin <= utc && utc < end;
}

hours BehindUtc(Time utc) { return IsDaylightTime(utc) ? hours(7) : hours(8); }

std::chrono::sys_days DayOf(Time now) {
  return std::chrono::floor<std::chrono::days>(now - BehindUtc(now));
}

}  // namespace

std::string QuotaDayOf(Time now) {
  std::string day = common::FormatTime(Time(DayOf(now))).substr(0, 10);
  day.erase(std::remove(day.begin(), day.end(), '-'), day.end());
  return day;
}

Time QuotaResetAfter(Time now) {
  const Time midnight = DayOf(now) + std::chrono::days(1);
  // Clocks change after midnight, so that it still counts as the day before.
  return midnight + BehindUtc(midnight + hours(7));
}

Duration PaceOf(const QuotaLeft& left) {
  const int64_t polls = left.units / kChatPollUnits;
  if (polls <= 0) return left.until_reset;
  return left.until_reset * std::max<int64_t>(left.chats, 1) / polls;
}

}  // namespace stream::ingest
