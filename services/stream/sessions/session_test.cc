#include "services/stream/sessions/session.h"

#include <gtest/gtest.h>

namespace stream::sessions {
namespace {

using std::chrono::seconds;

const common::Time kStart = common::FromMicros(1'800'000'000'000'000);

TEST(OpensSession, OncePerStreamAndNotAfterItsEnd) {
  EXPECT_TRUE(OpensSession({kStart, std::nullopt, false}));
  EXPECT_FALSE(OpensSession({kStart, std::nullopt, true}));
  EXPECT_TRUE(OpensSession({kStart, kStart - seconds(1), false}));
  EXPECT_FALSE(OpensSession({kStart, kStart + seconds(1), false}));
}

TEST(OpensSession, WhatIsLiveNowUnlessItsOwnerStoppedIt) {
  LiveAnswer answer{.stream_started_at = kStart, .now = kStart + seconds(500), .lag = seconds(120)};
  EXPECT_TRUE(OpensSession(answer));
  answer.last_offline_at = kStart + seconds(380);  // long ago, so it was of another stream
  EXPECT_TRUE(OpensSession(answer));
  answer.last_offline_at = kStart + seconds(381);  // the platform may not have noticed yet
  EXPECT_FALSE(OpensSession(answer));
  answer.last_offline_at.reset();
  answer.live_since = kStart - seconds(1);
  EXPECT_TRUE(OpensSession(answer));
  answer.live_since = kStart + seconds(1);
  EXPECT_FALSE(OpensSession(answer));
  answer.live_since = kStart;
  answer.is_live = true;
  EXPECT_FALSE(OpensSession(answer));
  answer = {.stream_started_at = kStart, .now = kStart, .stopped = true};
  EXPECT_FALSE(OpensSession(answer));
}

TEST(OpensSession, NotForAnEarlierStreamThanTheOneThatIsLive) {
  EXPECT_TRUE(OpensSession({kStart, std::nullopt, false, kStart - seconds(1)}));
  EXPECT_FALSE(OpensSession({kStart, std::nullopt, false, kStart}));
  EXPECT_FALSE(OpensSession({kStart, std::nullopt, false, kStart + seconds(1)}));
}

TEST(EndsSession, NotALaterOne) {
  EXPECT_TRUE(EndsSession(kStart + seconds(1), kStart));
  EXPECT_FALSE(EndsSession(kStart - seconds(1), kStart));
}

TEST(DurationSeconds, IsWholeAndNeverNegative) {
  Session session{.started_at = kStart, .ended_at = {}, .in_game_id = {}};
  EXPECT_EQ(DurationSeconds(session), 0);
  session.ended_at = kStart + std::chrono::milliseconds(2900);
  EXPECT_EQ(DurationSeconds(session), 2);
  session.ended_at = kStart - seconds(5);
  EXPECT_EQ(DurationSeconds(session), 0);
}

TEST(SessionTest, AnOrphanIsMissedTwiceAndLongUnseen) {
  using std::chrono::seconds;
  const common::Time now = common::Now();
  EXPECT_TRUE(IsOrphan(true, now - seconds(120), now, seconds(120)));
  EXPECT_FALSE(IsOrphan(false, now - seconds(120), now, seconds(120)));
  EXPECT_FALSE(IsOrphan(true, now - seconds(119), now, seconds(120)));
  EXPECT_TRUE(IsSilent(now - seconds(1800), now, seconds(1800)));
  EXPECT_FALSE(IsSilent(now - seconds(1799), now, seconds(1800)));
}

}  // namespace
}  // namespace stream::sessions
