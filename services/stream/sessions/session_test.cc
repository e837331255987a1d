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

}  // namespace
}  // namespace stream::sessions
