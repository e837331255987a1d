#include "services/streaming/simulation/figures.h"

#include <cmath>

#include <gtest/gtest.h>

namespace streaming::simulation {
namespace {

StreamRecord Stream(uint32_t streamer, double heads, uint32_t peak, uint32_t follows = 0) {
  return {.streamer = streamer,
          .live_minutes = 600,
          .viewer_minutes = 600 * heads,
          .peak_heads = peak,
          .followers_gained = follows};
}

TEST(QuantileTest, LiesBetweenNeighbours) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3}, 0.9), 3);
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Quantile({1, 2, 3}, 1), 3);
}

TEST(FiguresTest, NothingIsNoFigure) {
  const Figures figures = FiguresOf({});
  EXPECT_EQ(figures.dwell.mean, 0);
  EXPECT_EQ(figures.concentration.top_share, 0);
  EXPECT_EQ(figures.raid_share, 0);
  EXPECT_EQ(figures.follows_overall, 0);
}

TEST(FiguresTest, ConcentrationIsOverChannels) {
  Record record;
  for (uint32_t streamer = 0; streamer < 99; ++streamer) {
    record.streams.push_back(Stream(streamer, 1, 1));
  }
  record.streams.push_back(Stream(99, 40, 40));
  record.streams.push_back(Stream(99, 62, 62));  // of one channel: 51 on average
  const Figures figures = FiguresOf(record);
  ASSERT_EQ(figures.averages.size(), 100u);
  EXPECT_DOUBLE_EQ(figures.averages[0], 51);
  EXPECT_DOUBLE_EQ(ShareUpTo(figures.averages, 5), 0.99);
  EXPECT_NEAR(figures.concentration.top_share, 102.0 / 201, 1e-9);
}

TEST(FiguresTest, DwellWeighsViewsAndMinutes) {
  Record record;
  record.AddView(0, 50);    // half a minute each
  record.AddView(5, 20);    // still a glance
  record.AddView(100, 30);  // long ones
  const Dwell dwell = FiguresOf(record).dwell;
  EXPECT_DOUBLE_EQ(dwell.mean, (25 + 100 + 3000) / 100.0);
  EXPECT_DOUBLE_EQ(dwell.median, 0.5);
  EXPECT_DOUBLE_EQ(dwell.long_share, 3000.0 / 3125);
}

TEST(FiguresTest, ALognormalIsOneAndAnEvenSpreadIsNone) {
  Record lognormal;
  for (int i = 1; i < 2000; ++i) {
    // By its quantiles: the inverse of the logistic is close to that of the normal at 1.6 times.
    const double z = std::log(i / (2000.0 - i)) / 1.6;
    lognormal.AddView(std::exp(2.5 + 1.2 * z), 1);
  }
  Record even;
  for (uint32_t minute = 100; minute < 200; ++minute) even.AddView(minute, 1);
  even.AddView(1, 100);
  EXPECT_LT(FiguresOf(lognormal).dwell.log_distance, 0.05);
  EXPECT_GT(FiguresOf(even).dwell.log_distance, 0.2);
}

TEST(FiguresTest, PeaksFollowsAndRaids) {
  Record record;
  record.streams = {Stream(1, 200, 220, 11), Stream(2, 100, 130, 0), Stream(3, 10, 100, 1)};
  record.raids = {{.heads = 100, .moved = 60}, {.heads = 300, .moved = 140}};
  const Figures figures = FiguresOf(record);
  EXPECT_EQ(figures.steady_streams, 2u);
  EXPECT_NEAR(figures.peak_mean[1], 1.2, 1e-9);
  EXPECT_EQ(figures.watched_channels, 2u);  // 2000 and 1000 viewer-hours
  EXPECT_NEAR(figures.follows[1], 2.75, 1e-9);
  EXPECT_NEAR(figures.follows_overall, 1000 * 12 / 3100.0, 1e-9);
  EXPECT_DOUBLE_EQ(figures.raid_share, 0.5);
}

TEST(FiguresTest, EvenArrivalsAreNotPoissonAndBurstsAreMoreThanThat) {
  StreamRecord even = Stream(1, 50, 50);
  even.arrivals.assign(100, 4);
  StreamRecord bursts = Stream(1, 50, 50);
  for (int round = 0; round < 100; ++round) bursts.arrivals.push_back(round % 10 == 0 ? 40 : 0);
  Record record;
  record.streams = {even};
  EXPECT_EQ(FiguresOf(record).dispersion, 0);
  record.streams = {bursts};
  EXPECT_GT(FiguresOf(record).dispersion, 10);
}

TEST(EmotionsTest, FollowTheRulesOfMood) {
  const Emotions emotions = EmotionsOf(0.1, 1);
  EXPECT_NEAR(emotions.lasting, 2, 0.1);
  EXPECT_GT(emotions.spread, 1);
  EXPECT_EQ(EmotionsOf(0, 1).lasting, 0);  // nothing fades
}

}  // namespace
}  // namespace streaming::simulation
