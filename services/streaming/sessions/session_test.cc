#include "services/streaming/sessions/session.h"

#include <gtest/gtest.h>

namespace streaming::sessions {
namespace {

using common::Uuid;

TEST(SessionStatusTest, AllowsTheLegalStepsOnly) {
  constexpr Status kAll[] = {Status::kPending, Status::kLive, Status::kEnding, Status::kEnded};
  int legal = 0;
  for (const Status from : kAll) {
    for (const Status to : kAll) legal += MayBecome(from, to);
  }
  EXPECT_EQ(legal, 4);
  EXPECT_TRUE(MayBecome(Status::kPending, Status::kLive));
  EXPECT_TRUE(MayBecome(Status::kPending, Status::kEnded));
  EXPECT_TRUE(MayBecome(Status::kLive, Status::kEnding));
  EXPECT_TRUE(MayBecome(Status::kEnding, Status::kEnded));
}

TEST(OwnershipTest, FollowsTheTypeOfStreamer) {
  const Uuid me = Uuid::V4();
  const Uuid other = Uuid::V4();
  const Caller user = {.account = me};
  const Caller service = {.privileged = true};

  EXPECT_TRUE(OwnershipOf(StreamerType::kAccount, me, user, {}).allowed);
  EXPECT_FALSE(OwnershipOf(StreamerType::kAccount, other, user, {}).allowed);
  EXPECT_EQ(OwnershipOf(StreamerType::kAccount, other, service, {}).owner, other);

  EXPECT_FALSE(OwnershipOf(StreamerType::kActor, other, user, {}).allowed);
  EXPECT_TRUE(OwnershipOf(StreamerType::kActor, other, service, {}).allowed);

  const Ownership first = OwnershipOf(StreamerType::kCharacter, other, user, {});
  EXPECT_TRUE(first.allowed && first.bind);
  EXPECT_EQ(first.owner, me);
  EXPECT_TRUE(OwnershipOf(StreamerType::kCharacter, other, user, me).allowed);
  EXPECT_FALSE(OwnershipOf(StreamerType::kCharacter, other, user, Uuid::V4()).allowed);
  EXPECT_FALSE(OwnershipOf(StreamerType::kCharacter, other, {}, {}).allowed);

  EXPECT_TRUE(MayChange(me, user));
  EXPECT_FALSE(MayChange(other, user));
  EXPECT_FALSE(MayChange(std::nullopt, {}));
  EXPECT_TRUE(MayChange(std::nullopt, service));
}

TEST(AbandonedTest, ACallAfterTheDisconnectShowsThatSomebodyIsThere) {
  const common::Time disconnected = common::FromMicros(100);
  EXPECT_TRUE(IsAbandoned(disconnected, common::FromMicros(99)));
  EXPECT_FALSE(IsAbandoned(disconnected, disconnected));
  EXPECT_FALSE(IsAbandoned(disconnected, common::FromMicros(101)));
}

TEST(SummaryTest, AveragesOverTheWholeDuration) {
  Session session;
  EXPECT_EQ(SummaryOf(session), Summary{});
  session.ended_at = common::FromMicros(100'000'000);
  EXPECT_EQ(SummaryOf(session), Summary{}) << "a cancelled one";
  session.started_at = common::FromMicros(40'000'000);
  session.counters = {.peak_heads = 9, .viewer_seconds = 150, .hype_trains = 1};
  session.new_followers = 2;
  EXPECT_EQ(SummaryOf(session), (Summary{60, 9, 3, 2, 1}));
}

}  // namespace
}  // namespace streaming::sessions
