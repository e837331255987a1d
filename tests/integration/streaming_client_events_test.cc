// Who takes snapshots, and which watched sessions are over.
#include <map>
#include <mutex>

#include "services/streaming/audience/snapshot_worker.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

class SnapshotTest : public LiveSessionTest {
 protected:
  audience::SnapshotWorker Worker() {
    return {{.audience = audience_, .live = live_, .pools = pools_},
            metrics_,
            {.interval = seconds(8),
             .clock = clock_,
             .publish = [this](const auto& session, const auto& event) {
               ++taken_[session];
               last_[session] = event.audience_update();
             }}};
  }

  std::map<Uuid, int> taken_;
  std::map<Uuid, v1::StreamingAudienceUpdateClientEvent> last_;
};

TEST_F(SnapshotTest, AnySessionGetsOneAnIntervalFromAnyNumberOfInstances) {
  std::vector<Session> sessions;
  for (int i = 0; i < 20; ++i) sessions.push_back(GoLive());
  ASSERT_TRUE(live_.Update(sessions[0].key, now_, Bring(40)).ok());
  auto one = Worker();
  auto other = Worker();
  // The first look takes in all slices of the interval before it.
  ASSERT_TRUE(one.RunOnce().ok());
  EXPECT_EQ(taken_.size(), sessions.size());
  ASSERT_TRUE(other.RunOnce().ok());
  for (const auto& [session, count] : taken_) EXPECT_EQ(count, 1);
  constexpr int kIntervals = 3;
  for (int i = 0; i < kIntervals * audience::SnapshotWorker::kSlices; ++i) {
    now_ += seconds(1);
    ASSERT_TRUE((i % 3 == 0 ? one : other).RunOnce().ok());
    ASSERT_TRUE((i % 3 == 0 ? other : one).RunOnce().ok());
  }
  for (const auto& [session, count] : taken_) EXPECT_EQ(count, 1 + kIntervals);
  const auto& told = last_.at(sessions[0].key.session);
  const auto status = StatusOf(sessions[0].key.session.ToString());
  EXPECT_EQ(told.audience_count(), status.audience_count());
  EXPECT_EQ(told.peak_audience_count(), status.peak_audience_count());
  const auto& parts = told.engagement_breakdown();
  EXPECT_EQ(parts.high_engagement() + parts.medium_engagement() + parts.low_engagement() +
                parts.lurking(),
            told.audience_count());
}

TEST_F(SnapshotTest, AnInstanceThatWasAwayDoesNotTellTwice) {
  GoLive();
  auto worker = Worker();
  ASSERT_TRUE(worker.RunOnce().ok());
  now_ += minutes(10);
  ASSERT_TRUE(worker.RunOnce().ok());
  for (const auto& [session, count] : taken_) EXPECT_EQ(count, 2);
}

TEST_F(SnapshotTest, WhatIsNotActiveIsKnown) {
  const Session live = GoLive();
  const Session ended = GoLive();
  ASSERT_TRUE(End(ended.key.session.ToString()).ok());
  account_ = Uuid::V4();
  const auto cancelled = Create(Wish());
  ASSERT_TRUE(cancelled.ok());
  ASSERT_TRUE(End(cancelled->session_id()).ok());
  const Uuid nobodys = Uuid::V4();
  const std::vector<Uuid> asked = {live.key.session, ended.key.session,
                                   *Uuid::Parse(cancelled->session_id()), nobodys};
  const auto over = sessions_.NotActive(asked);
  ASSERT_TRUE(over.ok()) << over.status();
  EXPECT_EQ(*over, (std::vector<Uuid>{asked[1], asked[2], asked[3]}));
  EXPECT_TRUE(sessions_.NotActive({})->empty());
  EXPECT_FALSE(sessions_.NotActive(std::vector<Uuid>(257, nobodys)).ok());
}

}  // namespace
}  // namespace streaming
