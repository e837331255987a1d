#include "services/streaming/events/watch_history.h"

#include <gtest/gtest.h>

namespace streaming::events {
namespace {

const common::Uuid kOne = common::Uuid::V4();
const common::Uuid kOther = common::Uuid::V4();

std::shared_ptr<const Delivery> Event(uint64_t sequence) {
  return std::make_shared<const Delivery>(Delivery{.cursor = sequence});
}

std::optional<std::vector<uint64_t>> Since(const WatchHistory& history, const common::Uuid& session,
                                           uint64_t cursor) {
  const auto missed = history.Since(session, cursor);
  if (!missed) return std::nullopt;
  std::vector<uint64_t> sequences;
  for (const auto& delivery : *missed) sequences.push_back(delivery->cursor);
  return sequences;
}

using Sequences = std::vector<uint64_t>;

TEST(WatchHistory, GivesASessionsEventsAfterACursor) {
  WatchHistory history(10);
  history.Add(kOne, Event(11));
  history.Add(kOther, Event(12));
  history.Pass(15);
  history.Add(kOne, Event(16));
  EXPECT_EQ(Since(history, kOne, 10), (Sequences{11, 16}));
  EXPECT_EQ(Since(history, kOne, 11), (Sequences{16}));
  EXPECT_EQ(Since(history, kOne, 16), Sequences{});
  EXPECT_EQ(Since(history, kOther, 11), (Sequences{12}));
  EXPECT_EQ(Since(history, common::Uuid::V4(), 11), Sequences{});
  EXPECT_EQ(history.position(), 16u);
}

TEST(WatchHistory, KnowsHowFarItReachesBack) {
  WatchHistory history(2);
  history.Pass(10);
  EXPECT_EQ(Since(history, kOne, 8), std::nullopt);
  EXPECT_EQ(Since(history, kOne, 9), Sequences{});
  history.Add(kOne, Event(11));
  history.Add(kOther, Event(12));
  history.Add(kOne, Event(13));
  EXPECT_EQ(Since(history, kOne, 10), std::nullopt) << "11 has given way";
  EXPECT_EQ(Since(history, kOne, 11), (Sequences{13}));
  EXPECT_EQ(Since(history, kOther, 11), (Sequences{12}));
}

TEST(WatchHistory, OfAnEmptyStreamBeginsWhereItIsTold) {
  WatchHistory history(2);
  history.Begin(40);
  EXPECT_EQ(history.position(), 40u);
  EXPECT_EQ(Since(history, kOne, 39), std::nullopt);
  EXPECT_EQ(Since(history, kOne, 40), Sequences{});
  history.Begin(50);
  EXPECT_EQ(history.position(), 40u) << "it has begun already";
}

TEST(WatchHistory, KnowsWhetherATrainRuns) {
  WatchHistory history(10);
  const auto add = [&](uint64_t sequence, Train train) {
    history.Add(kOne,
                std::make_shared<const Delivery>(Delivery{.train = train, .cursor = sequence}));
  };
  EXPECT_FALSE(history.TrainRuns(kOne));
  add(1, Train::kBegins);
  add(2, Train::kNone);
  EXPECT_TRUE(history.TrainRuns(kOne));
  history.End(kOne, 3);
  EXPECT_TRUE(history.TrainRuns(kOne)) << "its completion is told after the session's end";
  add(4, Train::kEnds);
  add(5, Train::kNone);
  EXPECT_FALSE(history.TrainRuns(kOne));
}

TEST(WatchHistory, RemembersEndsForAsLong) {
  WatchHistory history(2);
  history.Add(kOne, Event(1));
  EXPECT_FALSE(history.HasEnded(kOne));
  history.End(kOne, 2);
  EXPECT_TRUE(history.HasEnded(kOne));
  EXPECT_FALSE(history.HasEnded(kOther));
  EXPECT_EQ(Since(history, kOne, 0), (Sequences{1})) << "an end is no event of its own";
  history.Add(kOther, Event(3));
  history.Add(kOther, Event(4));
  EXPECT_FALSE(history.HasEnded(kOne));
}

}  // namespace
}  // namespace streaming::events
