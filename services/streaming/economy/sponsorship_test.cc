#include "services/streaming/economy/sponsorship.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace streaming::economy {
namespace {

using common::Time;
using std::chrono::minutes;
using std::chrono::seconds;

const Time kStart = *common::ParseTime("2026-01-02T03:04:05.678901Z");

Deal Offer(std::vector<DealTarget> targets, std::optional<Time> expires_at = std::nullopt) {
  return {.expires_at = expires_at, .targets = std::move(targets)};
}

TEST(Sponsorship, GoesFromProposalToPayment) {
  Deal deal = Offer({{.metric = DealMetric::kStreamHours, .target = 1.5},
                     {.metric = DealMetric::kHypeGeneration, .target = 2}});
  EXPECT_TRUE(CountSession(deal, {.ended_at = kStart, .live_seconds = 9999}).empty())
      << "nobody has accepted yet";
  EXPECT_EQ(deal.targets[0].progress, 0u);
  ASSERT_TRUE(Accept(deal, kStart));
  EXPECT_TRUE(CountSession(deal, {.ended_at = kStart + minutes(60), .live_seconds = 3600}).empty());
  EXPECT_EQ(CurrentOf(deal.targets[0]), 1);
  const auto reached = CountSession(deal, {.ended_at = kStart + minutes(90), .live_seconds = 1800});
  EXPECT_EQ(reached, std::vector{DealMetric::kStreamHours});
  EXPECT_EQ(deal.targets[0].reached_at, kStart + minutes(90));
  EXPECT_EQ(deal.status, DealStatus::kActive);
  EXPECT_EQ(CountSession(deal, {.ended_at = kStart + minutes(99), .hype_trains = 3}),
            std::vector{DealMetric::kHypeGeneration});
  EXPECT_EQ(deal.status, DealStatus::kCompleted);
  EXPECT_EQ(deal.completed_at, kStart + minutes(99));
  EXPECT_EQ(CurrentOf(deal.targets[1]), 3) << "it may exceed its target";
}

TEST(Sponsorship, FractionsOfAnHourAreReachedToTheSecond) {
  for (int tenths = 1; tenths <= 1000; ++tenths) {
    Deal deal = Offer({{.metric = DealMetric::kStreamHours, .target = tenths / 10.0}});
    Accept(deal, kStart);
    const auto wanted = static_cast<uint64_t>(tenths) * 360;
    CountSession(deal, {.ended_at = kStart, .live_seconds = wanted - 1});
    ASSERT_EQ(deal.status, DealStatus::kActive) << tenths;
    CountSession(deal, {.ended_at = kStart, .live_seconds = 1});
    ASSERT_EQ(deal.status, DealStatus::kCompleted) << tenths;
  }
}

TEST(Sponsorship, AnHourBeforeASteadyCrowdReachesAllOfIt) {
  Deal deal = Offer({{.metric = DealMetric::kAudienceReach, .target = 1000}});
  Accept(deal, kStart);
  for (uint64_t sessions = 1; sessions <= 5; ++sessions) {
    CountSession(deal, {.ended_at = kStart, .peak_audience = 80, .viewer_seconds = 80 * 3600});
    EXPECT_EQ(deal.targets[0].progress, 80 * sessions);
  }
}

// Whatever is cut into whatever pieces: no audience is reached again by ending and starting, beyond
// what was watched.
TEST(Sponsorship, CuttingAStreamIntoPiecesReachesNobodyTwice) {
  std::mt19937 random(3);
  std::uniform_int_distribution<uint64_t> crowd(1, 5000), time(1, 8 * 3600), cuts(1, 1000);
  for (int run = 0; run < 1000; ++run) {
    const uint64_t audience = crowd(random), live = time(random), pieces = cuts(random);
    Deal deal = Offer({{.metric = DealMetric::kAudienceReach, .target = 1e9}});
    Accept(deal, kStart);
    for (uint64_t piece = 0; piece < pieces; ++piece) {
      const uint64_t before = deal.targets[0].progress;
      CountSession(deal, {.ended_at = kStart,
                          .peak_audience = audience,
                          .viewer_seconds = audience * live / pieces});
      EXPECT_LE(deal.targets[0].progress - before, audience);
    }
    EXPECT_LE(deal.targets[0].progress, audience + audience * live / 600);
  }
  Deal farmed = Offer({{.metric = DealMetric::kAudienceReach, .target = 10'000}});
  Accept(farmed, kStart);
  for (int session = 0; session < 100; ++session) {
    CountSession(farmed, {.ended_at = kStart, .peak_audience = 100, .viewer_seconds = 100 * 10});
  }
  EXPECT_EQ(farmed.targets[0].progress, 199u) << "docs/economy.md says so";
}

TEST(Sponsorship, TheDeadlineItselfIsTooLate) {
  const Time deadline = kStart + minutes(10);
  Deal deal = Offer({{.metric = DealMetric::kAudienceReach, .target = 5}}, deadline);
  EXPECT_EQ(StatusAt(deal, deadline - common::Duration(1)), DealStatus::kProposed);
  EXPECT_EQ(StatusAt(deal, deadline), DealStatus::kExpired);
  Deal late = deal;
  EXPECT_FALSE(Accept(late, deadline));
  ASSERT_TRUE(Accept(deal, deadline - common::Duration(1)));
  EXPECT_TRUE(TakesSessions(deal, deadline - common::Duration(1)));
  EXPECT_FALSE(TakesSessions(deal, deadline));
  CountSession(deal, {.ended_at = deadline, .peak_audience = 100});
  EXPECT_EQ(deal.targets[0].progress, 0u) << "not even in part";
  CountSession(deal, {.ended_at = deadline - common::Duration(1), .peak_audience = 100});
  EXPECT_EQ(StatusAt(deal, deadline + minutes(1)), DealStatus::kCompleted);
}

TEST(Sponsorship, HasNotExpiredWhileASessionIsToBeCounted) {
  Deal deal = Offer({{.metric = DealMetric::kAudienceReach, .target = 5}}, kStart + minutes(1));
  Accept(deal, kStart);
  deal.awaits_session = true;
  EXPECT_EQ(StatusAt(deal, kStart + minutes(2)), DealStatus::kActive);
  EXPECT_FALSE(TakesSessions(deal, kStart + minutes(2))) << "a new one would come too late";
  deal.awaits_session = false;
  EXPECT_EQ(StatusAt(deal, kStart + minutes(2)), DealStatus::kExpired);
}

TEST(Sponsorship, EachMetricIsNamedOnce) {
  const DealTarget hours = {.metric = DealMetric::kStreamHours};
  const DealTarget reach = {.metric = DealMetric::kAudienceReach};
  EXPECT_TRUE(AreDistinct(std::vector{hours, reach}));
  EXPECT_FALSE(AreDistinct(std::vector{hours, reach, hours}));
}

// Whatever happens in whatever order: a status never goes back, a target is reached once, progress
// is the sum of what counted, and a deal is complete when and only when all targets are reached.
TEST(Sponsorship, KeepsItsPromisesUnderRandomEvents) {
  std::mt19937 random(7);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int run = 0; run < 2000; ++run) {
    Deal deal = Offer({{.metric = DealMetric::kStreamHours, .target = 0.01 * (1 + upto(200))},
                       {.metric = DealMetric::kAudienceReach, .target = 1.0 + upto(500)},
                       {.metric = DealMetric::kHypeGeneration, .target = 1.0 + upto(4)}});
    if (upto(1) == 0) deal.expires_at = kStart + minutes(upto(300));
    Time now = kStart;
    int completions = 0;
    std::vector<DealMetric> reached;
    std::vector<uint64_t> sums(3);
    for (int step = 0; step < 30; ++step) {
      now += minutes(upto(20));
      const Deal before = deal;
      if (upto(4) == 0) {
        const bool taken = Accept(deal, now);
        const DealStatus then = StatusAt(before, now);
        EXPECT_EQ(taken, then == DealStatus::kProposed || then == DealStatus::kActive);
        if (!taken) {
          EXPECT_EQ(deal.status, before.status);
        }
        continue;
      }
      const DealSession session = {.ended_at = now,
                                   .live_seconds = static_cast<uint64_t>(upto(3600)),
                                   .peak_audience = static_cast<uint64_t>(upto(200)),
                                   .viewer_seconds = static_cast<uint64_t>(upto(200'000)),
                                   .hype_trains = static_cast<uint64_t>(upto(2))};
      const bool counts = StatusAt(before, now) == DealStatus::kActive;
      const auto now_reached = CountSession(deal, session);
      if (counts) {
        sums[0] += session.live_seconds;
        const uint64_t watched = session.viewer_seconds / 600;
        sums[1] += sums[1] == 0 ? session.peak_audience : std::min(session.peak_audience, watched);
        sums[2] += session.hype_trains;
      }
      for (size_t i = 0; i < 3; ++i) EXPECT_EQ(deal.targets[i].progress, sums[i]);
      for (const DealMetric metric : now_reached) {
        EXPECT_EQ(std::ranges::count(reached, metric), 0) << "once";
        reached.push_back(metric);
      }
      completions +=
          before.status != DealStatus::kCompleted && deal.status == DealStatus::kCompleted;
      EXPECT_EQ(deal.status == DealStatus::kCompleted, reached.size() == 3);
      EXPECT_GE(deal.status, before.status);
    }
    EXPECT_LE(completions, 1);
  }
}

}  // namespace
}  // namespace streaming::economy
