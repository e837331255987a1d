#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace common {
namespace {

TEST(Uuid, ParsesItsOwnTextAndNothingElse) {
  const Uuid id = Uuid::V4();
  EXPECT_EQ(Uuid::Parse(id.ToString()), id);
  EXPECT_EQ(Uuid::FromBytes(id.ToBytes()), id);
  for (const char* bad :
       {"", "x", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000",
        "0000000000000-0000-0000-000000000000", "g0000000-0000-0000-0000-000000000000"}) {
    EXPECT_FALSE(Uuid::Parse(bad)) << bad;
  }
}

TEST(Uuid, Version5IsTheOneOfTheRfc) {
  // RFC 9562, appendix A.4.
  const auto dns = *Uuid::Parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(Uuid::V5(dns, "www.example.com").ToString(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST(Uuid, Version7SortsByTime) {
  const Time now = Now();
  EXPECT_LT(Uuid::V7(now), Uuid::V7(now + std::chrono::milliseconds(2)));
  EXPECT_EQ(Uuid::V7(now).ToString()[14], '7');
  EXPECT_EQ(Uuid::FromRandomBits(~0ull, ~0ull).ToString(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(Time, RoundTripsThroughBothForms) {
  const Time time = FromMicros(1'767'323'045'678'901);
  EXPECT_EQ(FormatTime(time), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(ParseTime(FormatTime(time)), time);
  EXPECT_EQ(ParseSqlTime(FormatSqlTime(time)), time);
}

TEST(Time, ReadsTheFractionsThatPlatformsSend) {
  const Time second = FromMicros(1'767'323'045'000'000);
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05Z"), second);
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05.5Z"), second + Duration{500'000});
  EXPECT_EQ(ParseTime("2026-01-02T03:04:05.123456789Z"), second + Duration{123'456});
  for (const char* bad : {"", "Z", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
                          "2026-02-30T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05.Z",
                          "2026-01-02T03:04:05.1234567890Z", "2026-01-02 03:04:05Z"}) {
    EXPECT_FALSE(ParseTime(bad)) << bad;
  }
}

}  // namespace
}  // namespace common
