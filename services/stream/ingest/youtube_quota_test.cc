#include "services/stream/ingest/youtube_quota.h"

#include <gtest/gtest.h>

namespace stream::ingest {
namespace {

using common::Duration;
using common::ParseTime;
using common::Time;
using std::chrono::hours;
using std::chrono::seconds;

TEST(YouTubeQuota, ADayIsOneOfPacificTime) {
  const auto day = [](const char* at) { return QuotaDayOf(*ParseTime(at)); };
  // Winter: eight hours behind.
  EXPECT_EQ(day("2026-01-15T07:59:59Z"), "20260114");
  EXPECT_EQ(day("2026-01-15T08:00:00Z"), "20260115");
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-01-15T07:59:59Z")), ParseTime("2026-01-15T08:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-01-15T08:00:00Z")), ParseTime("2026-01-16T08:00:00Z"));
  // Summer: seven.
  EXPECT_EQ(day("2026-07-15T06:59:59Z"), "20260714");
  EXPECT_EQ(day("2026-07-15T07:00:00Z"), "20260715");
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-12-31T12:00:00Z")), ParseTime("2027-01-01T08:00:00Z"));
}

TEST(YouTubeQuota, ClocksChangeOnTwoSundays) {
  // The second one of March, at two in the morning: a day of 23 hours.
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-03-08T07:59:59Z")), ParseTime("2026-03-08T08:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-03-08T08:00:00Z")), ParseTime("2026-03-09T07:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-03-08T11:00:00Z")), ParseTime("2026-03-09T07:00:00Z"));
  // The first one of November: of 25.
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-11-01T06:59:59Z")), ParseTime("2026-11-01T07:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-11-01T07:00:00Z")), ParseTime("2026-11-02T08:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2026-11-01T12:00:00Z")), ParseTime("2026-11-02T08:00:00Z"));
  // Other years have them on other days.
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2027-03-14T12:00:00Z")), ParseTime("2027-03-15T07:00:00Z"));
  EXPECT_EQ(QuotaResetAfter(*ParseTime("2027-11-07T12:00:00Z")), ParseTime("2027-11-08T08:00:00Z"));
}

// A day lasts from one reset to the next, whatever the clocks do, and days have different names.
TEST(YouTubeQuota, DaysFollowOneAnother) {
  Time now = *ParseTime("2026-01-01T08:00:00Z");
  for (int day = 0; day < 4 * 365; ++day) {
    const Time next = QuotaResetAfter(now);
    EXPECT_GE(next - now, hours(23));
    EXPECT_LE(next - now, hours(25));
    EXPECT_EQ(QuotaResetAfter(next - Duration(1)), next);
    EXPECT_EQ(QuotaDayOf(next - Duration(1)), QuotaDayOf(now));
    EXPECT_LT(QuotaDayOf(now), QuotaDayOf(next));
    now = next;
  }
}

TEST(YouTubeQuota, AFifthIsLeftForOthers) {
  EXPECT_EQ(ChatUnitsOf(10'000), 8'000);
  EXPECT_EQ(ChatUnitsOf(0), 0);
}

TEST(YouTubeQuota, WhatIsLeftLastsUntilTheReset) {
  EXPECT_EQ(PaceOf({.units = 8'000, .chats = 1, .until_reset = hours(24)}), seconds(54));
  for (const int64_t units : {5, 6, 123, 8'000, 1'000'000}) {
    for (const int64_t chats : {1, 3, 200, 10'000}) {
      for (const Duration left : {Duration(1), Duration(seconds(59)), Duration(hours(25))}) {
        const Duration pace = PaceOf({.units = units, .chats = chats, .until_reset = left});
        // So many polls fit into the time, none but the last over its end.
        const double polls = static_cast<double>(chats) * common::ToSeconds(left) /
                             std::max(common::ToSeconds(pace), 1e-6);
        if (pace > Duration(1000)) {
          EXPECT_LE(polls * kChatPollUnits, static_cast<double>(units) * 1.01);
        }
      }
    }
  }
}

TEST(YouTubeQuota, WithoutUnitsNobodyAsks) {
  for (const int64_t units : {-100, 0, 4}) {
    EXPECT_EQ(PaceOf({.units = units, .chats = 1, .until_reset = hours(3)}), hours(3));
  }
  EXPECT_EQ(PaceOf({.units = 5, .chats = 0, .until_reset = hours(3)}), hours(3));
}

}  // namespace
}  // namespace stream::ingest
