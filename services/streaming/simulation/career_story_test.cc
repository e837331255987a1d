#include "services/streaming/simulation/career_story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/streaming/simulation/run.h"

namespace streaming::simulation {
namespace {

using careers::Milestone;
using careers::MilestoneType;
using careers::Phase;
using ::testing::HasSubstr;

constexpr double kDay = 86400;

// Two newcomers and one with a past, each with a stream a day.
Schedule Script() {
  Schedule schedule{.streamers = std::vector<Streamer>(3), .newcomers = 2};
  for (int day = 0; day < 5; ++day) {
    for (uint32_t streamer = 0; streamer < 3; ++streamer) {
      schedule.airings.push_back({.streamer = streamer, .start_second = (day + 1) * kDay});
    }
  }
  return schedule;
}

StreamRecord Stream(uint32_t streamer, int day, uint32_t followers, uint64_t growth) {
  return {.streamer = streamer,
          .ended_second = (day + 1.5) * kDay,
          .career = {.followers = followers, .growth = {growth}},
          .live_minutes = 60,
          .viewer_minutes = 600,
          .peak_heads = 20};
}

TEST(CareerStoryTest, EachMilestoneIsReachedOnceAndDaysCountFromTheFirstStream) {
  Record record;
  record.streams = {Stream(0, 0, 12, 0), Stream(2, 0, 500, 99'000), Stream(0, 1, 8, 5'000),
                    Stream(0, 2, 11, 26'000)};
  const auto careers = CareersOf(Script(), record);
  ASSERT_EQ(careers.size(), 2u);
  ASSERT_EQ(careers[0].chapters.size(), 3u);
  EXPECT_EQ(careers[0].streams, 3u);
  EXPECT_DOUBLE_EQ(careers[0].watch_hours, 30);
  EXPECT_EQ(careers[0].chapters[0].reached,
            std::vector<Milestone>({{MilestoneType::kFollowerCount, 10}}));
  // The followers pass ten again, which is told no more.
  EXPECT_EQ(careers[0].chapters[1].reached,
            std::vector<Milestone>({{MilestoneType::kPhaseAdvance, 1}}));
  EXPECT_EQ(careers[0].chapters[2].reached,
            std::vector<Milestone>({{MilestoneType::kPhaseAdvance, 2}}));
  EXPECT_DOUBLE_EQ(careers[0].chapters[1].day, 1.5);
  EXPECT_DOUBLE_EQ(careers[0].chapters[1].mean_heads, 10);
  EXPECT_TRUE(careers[1].chapters.empty());
}

TEST(CareerStoryTest, PhasesAreCountedOverAllNewcomers) {
  Record record;
  record.streams = {Stream(0, 0, 0, 5'000), Stream(1, 1, 0, 0), Stream(1, 3, 0, 30'000)};
  const auto figures = PhaseFiguresOf(CareersOf(Script(), record));
  ASSERT_EQ(figures.size(), 4u);
  EXPECT_EQ(figures[0].reached, 2u);
  EXPECT_DOUBLE_EQ(figures[0].first_day, 0.5);
  EXPECT_DOUBLE_EQ(figures[0].median_day, 2);
  EXPECT_DOUBLE_EQ(figures[0].median_streams, 1.5);
  EXPECT_EQ(figures[1].reached, 1u);
  EXPECT_DOUBLE_EQ(figures[1].median_day, 3.5);
  EXPECT_EQ(figures[2].reached, 0u);
  EXPECT_EQ(figures[3].reached, 0u);
}

TEST(CareerStoryTest, NewcomersBeginAtNothingAndRiseInAPlayedWorld) {
  const Outcome outcome = simulation::Run(
      {.pool = {.size = 6400}},
      {.streams = 8, .hours = 24 * 14, .warm_up_hours = 0, .seed = 5, .newcomers = 4});
  const auto careers = CareersOf(outcome.schedule, outcome.record);
  ASSERT_EQ(careers.size(), 4u);
  uint32_t rising = 0;
  for (const CareerStory& career : careers) {
    const Streamer& streamer = outcome.schedule.streamers[career.streamer];
    EXPECT_EQ(streamer.past.sessions, 0u);
    ASSERT_FALSE(career.chapters.empty());
    EXPECT_EQ(career.chapters[0].stream, 1u);
    EXPECT_EQ(career.stats.sessions, career.streams);
    EXPECT_GE(career.streams, 12u);
    EXPECT_NEAR(static_cast<double>(career.stats.live_seconds), career.live_hours * 3600,
                career.streams);
    rising += careers::PhaseOf(career.stats.growth) >= Phase::kRising;
  }
  EXPECT_GE(rising, 1u);
  EXPECT_GT(outcome.schedule.streamers[4].past.sessions, 0u);
  const std::string text = FormatCareers(outcome.schedule, careers);
  EXPECT_THAT(text, HasSubstr("first stream"));
  EXPECT_THAT(text, HasSubstr("becomes Rising"));
}

}  // namespace
}  // namespace streaming::simulation
