#include "services/streaming/follows/follow.h"

#include <gtest/gtest.h>

namespace streaming::follows {
namespace {

constexpr Settings kSettings;

// Attends sessions 1 to `sessions` with this interest.
Attendance After(uint32_t sessions, double interest, const Settings& settings = kSettings) {
  Attendance attendance;
  for (uint32_t ordinal = 1; ordinal <= sessions; ++ordinal) {
    attendance = Attend(settings, attendance, ordinal, interest).attendance;
  }
  return attendance;
}

TEST(FollowTest, ThreeInterestedSessionsInARow) {
  EXPECT_FALSE(After(2, 0.9).follows);
  const Attended third = Attend(kSettings, After(2, 0.9), 3, 0.9);
  EXPECT_TRUE(third.followed);
  EXPECT_TRUE(third.attendance.follows);
  EXPECT_FALSE(Attend(kSettings, third.attendance, 4, 0.9).followed);  // once
  EXPECT_FALSE(After(50, 0.79).follows);
}

TEST(FollowTest, TheThresholdAndTheCountAreSettings) {
  EXPECT_TRUE(After(1, 0.5, {.interest_threshold = 0.5, .sessions_in_a_row = 1}).follows);
  EXPECT_FALSE(After(4, 0.9, {.sessions_in_a_row = 5}).follows);
  EXPECT_TRUE(After(5, 0.9, {.sessions_in_a_row = 5}).follows);
}

TEST(FollowTest, ADullSessionBreaksTheRowAMissedOneDoesNot) {
  Attendance broken = Attend(kSettings, After(2, 0.9), 3, 0.2).attendance;
  broken = Attend(kSettings, broken, 4, 0.9).attendance;
  EXPECT_FALSE(Attend(kSettings, broken, 5, 0.9).attendance.follows);
  EXPECT_TRUE(Attend(kSettings, After(2, 0.9), 9, 0.9).attendance.follows);
}

TEST(FollowTest, LoyaltyAveragesAttendedAndMissed) {
  double before = 0;
  for (uint32_t sessions = 1; sessions < 60; ++sessions) {
    const double loyalty = After(sessions, 0.5).loyalty;
    EXPECT_GT(loyalty, before);
    EXPECT_LT(loyalty, 1);
    before = loyalty;
  }
  const Attendance loyal = After(59, 0.5);
  EXPECT_NEAR(LoyaltyAt(loyal, 60), loyal.loyalty * 0.9, 1e-12);
  EXPECT_EQ(LoyaltyAt(loyal, 59), loyal.loyalty);
  EXPECT_NEAR(Attend(kSettings, loyal, 62, 0.5).attendance.loyalty,
              LoyaltyAt(loyal, 61) * 0.9 + 0.1, 1e-12);
}

TEST(FollowTest, LapsesAfterEnoughMissedSessionsAndLaterTheMoreLoyal) {
  const Attendance fresh = After(3, 0.9);
  const Attendance loyal = After(40, 0.9);
  ASSERT_TRUE(fresh.lapse_ordinal && loyal.lapse_ordinal);
  EXPECT_GT(*loyal.lapse_ordinal - 40, *fresh.lapse_ordinal - 3);
  for (const Attendance& follower : {fresh, loyal}) {
    const uint32_t lapse = *follower.lapse_ordinal;
    EXPECT_FALSE(Lapsed(follower, lapse - 1));
    EXPECT_TRUE(Lapsed(follower, lapse));
    EXPECT_GT(LoyaltyAt(follower, lapse - 1), 0.1 - 1e-9);
    EXPECT_LE(LoyaltyAt(follower, lapse), 0.1 + 1e-9);
  }
}

TEST(FollowTest, AttendingPutsTheLapseOff) {
  const Attendance fresh = After(3, 0.9);
  const Attendance again = Attend(kSettings, fresh, 5, 0.1).attendance;
  EXPECT_TRUE(again.follows);
  EXPECT_GT(*again.lapse_ordinal, *fresh.lapse_ordinal);
}

TEST(FollowTest, ALapsedFollowerMustWinItselfAgain) {
  const Attendance fresh = After(3, 0.9);
  const Attended back = Attend(kSettings, fresh, *fresh.lapse_ordinal + 1, 0.9);
  EXPECT_FALSE(back.attendance.follows);
  EXPECT_EQ(back.attendance.interested_run, 1u);
  EXPECT_FALSE(Lapse(fresh).follows);
  EXPECT_FALSE(Lapsed(Lapse(fresh), 1000000));
  EXPECT_FALSE(Lapsed({}, 1000000));
}

}  // namespace
}  // namespace streaming::follows
