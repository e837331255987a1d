#include "services/streaming/events/watch_queue.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace streaming::events {
namespace {

std::shared_ptr<const Delivery> Event(uint64_t cursor, Keeping keeping) {
  return std::make_shared<const Delivery>(Delivery{.keeping = keeping, .cursor = cursor});
}

std::vector<std::pair<uint64_t, uint32_t>> TakeAll(WatchQueue& queue) {
  std::vector<std::pair<uint64_t, uint32_t>> all;
  while (const auto taken = queue.Take()) all.emplace_back(taken->delivery->cursor, taken->gap);
  return all;
}

using Taken = std::vector<std::pair<uint64_t, uint32_t>>;

TEST(WatchQueue, KeepsOrderAndTellsWhereToResume) {
  WatchQueue queue(8, 5);
  EXPECT_EQ(queue.cursor(), 5u);
  EXPECT_TRUE(queue.Put(Event(6, Keeping::kAlways)));
  EXPECT_TRUE(queue.Put(Event(6, Keeping::kSnapshot)));
  EXPECT_EQ(queue.cursor(), 5u);
  EXPECT_EQ(TakeAll(queue), (Taken{{6, 0}, {6, 0}}));
  EXPECT_EQ(queue.cursor(), 6u);
}

TEST(WatchQueue, ACursorNeverGoesBack) {
  WatchQueue queue(8, 9);
  queue.Put(Event(7, Keeping::kSnapshot));
  queue.Put(Event(10, Keeping::kAlways));
  queue.Put(Event(8, Keeping::kSnapshot));
  EXPECT_EQ(queue.Take()->cursor, 9u);
  EXPECT_EQ(queue.Take()->cursor, 10u);
  EXPECT_EQ(queue.Take()->cursor, 10u);
  EXPECT_EQ(queue.cursor(), 10u);
}

TEST(WatchQueue, DropsTheOldestSnapshotFirstAndMarksTheGap) {
  WatchQueue queue(3, 0);
  queue.Put(Event(1, Keeping::kReaction));
  queue.Put(Event(2, Keeping::kSnapshot));
  queue.Put(Event(3, Keeping::kSnapshot));
  queue.Put(Event(4, Keeping::kSnapshot));
  queue.Put(Event(5, Keeping::kAlways));
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(TakeAll(queue), (Taken{{1, 0}, {4, 2}, {5, 0}}));
}

TEST(WatchQueue, DropsReactionsWhenNoSnapshotWaits) {
  WatchQueue queue(2, 0);
  queue.Put(Event(1, Keeping::kReaction));
  queue.Put(Event(2, Keeping::kAlways));
  queue.Put(Event(3, Keeping::kAlways));
  EXPECT_EQ(TakeAll(queue), (Taken{{2, 1}, {3, 0}}));
}

TEST(WatchQueue, AGapAtTheEndIsMarkedOnWhatComesNext) {
  WatchQueue queue(2, 0);
  queue.Put(Event(1, Keeping::kAlways));
  queue.Put(Event(2, Keeping::kAlways));
  EXPECT_TRUE(queue.Put(Event(2, Keeping::kSnapshot)));
  EXPECT_TRUE(queue.Put(Event(2, Keeping::kReaction)));
  EXPECT_EQ(TakeAll(queue), (Taken{{1, 0}, {2, 0}}));
  queue.Put(Event(3, Keeping::kAlways));
  EXPECT_EQ(TakeAll(queue), (Taken{{3, 2}}));
}

TEST(WatchQueue, IsOverWhenOnlyWhatMustNotBeLostWaits) {
  WatchQueue queue(2, 7);
  queue.Put(Event(8, Keeping::kAlways));
  queue.Take();
  queue.Put(Event(9, Keeping::kAlways));
  queue.Put(Event(10, Keeping::kAlways));
  EXPECT_FALSE(queue.Put(Event(11, Keeping::kAlways)));
  EXPECT_FALSE(queue.Put(Event(12, Keeping::kSnapshot)));
  EXPECT_FALSE(queue.Take());
  EXPECT_EQ(queue.cursor(), 8u) << "what was not taken is there when he resumes";
}

TEST(WatchQueue, WhatWasMissedFitsAlways) {
  WatchQueue queue(1, 0);
  for (uint64_t i = 1; i <= 5; ++i) queue.PutMissed(Event(i, Keeping::kAlways));
  EXPECT_TRUE(queue.Put(Event(6, Keeping::kAlways))) << "it is the first of its own";
  queue.Take();
  EXPECT_FALSE(queue.Put(Event(7, Keeping::kAlways)));
  WatchQueue other(1, 0);
  other.PutMissed(Event(1, Keeping::kAlways));
  other.PutMissed(Event(1, Keeping::kSnapshot));
  other.Put(Event(1, Keeping::kSnapshot));
  other.Put(Event(2, Keeping::kSnapshot));
  EXPECT_EQ(TakeAll(other), (Taken{{1, 0}, {1, 0}, {2, 1}}));
}

// Whatever comes and however slowly it is taken: nothing that must not be lost is lost, order
// holds, and taken, waiting and dropped add up.
TEST(WatchQueue, LosesNothingSilently) {
  std::mt19937_64 random(20261126);
  for (int run = 0; run < 200; ++run) {
    WatchQueue queue(1 + random() % 8, 0);
    uint64_t put = 0;
    uint64_t always = 0;
    uint64_t taken = 0;
    uint64_t gaps = 0;
    uint64_t last = 0;
    bool over = false;
    const auto take = [&] {
      const auto next = queue.Take();
      if (!next) return;
      ++taken;
      gaps += next->gap;
      EXPECT_GE(next->delivery->cursor, last);
      if (next->delivery->keeping == Keeping::kAlways) {
        EXPECT_EQ(next->delivery->cursor, last + 1) << "none of these is missing";
        last = next->delivery->cursor;
      }
    };
    for (int i = 0; i < 300 && !over; ++i) {
      const auto keeping = static_cast<Keeping>(random() % 3);
      if (keeping == Keeping::kAlways) ++always;
      ++put;
      over = !queue.Put(Event(always, keeping));
      if (!over && random() % 3 == 0) take();
      if (!over) {
        EXPECT_EQ(taken + queue.size() + queue.dropped(), put);
      }
    }
    if (over) continue;
    while (queue.size() > 0) take();
    EXPECT_EQ(last, always);
    EXPECT_LE(gaps, queue.dropped());
  }
}

}  // namespace
}  // namespace streaming::events
