#include "services/streaming/simulation/schedule.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace streaming::simulation {
namespace {

constexpr ScheduleOptions kOptions{.streamers = 300, .heads = 60000, .hours = 96, .seed = 3};

TEST(ScheduleTest, StreamsLastSomeHoursAndNeverOverlap) {
  const Schedule schedule = MakeSchedule(kOptions);
  ASSERT_EQ(schedule.streamers.size(), 300u);
  std::map<uint32_t, double> ended;
  double before = 0;
  for (const Airing& airing : schedule.airings) {
    EXPECT_GE(airing.start_second, before);
    before = airing.start_second;
    EXPECT_GE(airing.start_second, ended[airing.streamer]);
    ended[airing.streamer] = airing.end_second;
    const double hours = (airing.end_second - airing.start_second) / 3600;
    EXPECT_GE(hours, kShortestHours);
    EXPECT_LE(hours, kLongestHours);
    EXPECT_LT(airing.start_second, 96 * 3600);
  }
  // About one a day each.
  EXPECT_NEAR(static_cast<double>(schedule.airings.size()), 300 * 4, 300);
}

TEST(ScheduleTest, MomentsLieInTheirStreamAndMostAreSmall) {
  int moments = 0;
  int great = 0;
  double hours = 0;
  for (const Airing& airing : MakeSchedule(kOptions).airings) {
    hours += (airing.end_second - airing.start_second) / 3600;
    double before = airing.start_second;
    for (const PlannedMoment& moment : airing.moments) {
      EXPECT_GE(moment.second, before);
      EXPECT_LT(moment.second, airing.end_second);
      EXPECT_GT(moment.significance, 0);
      EXPECT_LE(moment.significance, 1);
      before = moment.second;
      ++moments;
      great += moment.significance > 0.5f ? 1 : 0;
    }
  }
  EXPECT_GT(moments / hours, 3);
  EXPECT_LT(moments / hours, 20);
  EXPECT_GT(great, 0);
  EXPECT_LT(great, moments / 4);
}

TEST(ScheduleTest, AudiencesBeforeAreFewLargeAndManySmallOnes) {
  std::vector<double> usual;
  for (const Streamer& streamer : MakeSchedule(kOptions).streamers) {
    EXPECT_GE(streamer.tags.Count(), 1);
    EXPECT_GE(streamer.past.sessions, 1u);
    EXPECT_EQ(streamer.past.followers, 0u);
    usual.push_back(streamer.usual_audience);
  }
  std::ranges::sort(usual);
  // 200 heads a streamer instead of 5: 40 times the published audiences.
  EXPECT_LT(usual[usual.size() / 2], 5 * 40);
  EXPECT_NEAR(usual[usual.size() * 93 / 100], 5 * 40, 3 * 40);
}

TEST(ScheduleTest, OneStreamersScriptDoesNotDependOnTheOthers) {
  ScheduleOptions fewer = kOptions;
  fewer.streamers = 10;
  fewer.heads = 2000;
  const auto starts = [](const Schedule& schedule, uint32_t streamer) {
    std::vector<double> seconds;
    for (const Airing& airing : schedule.airings) {
      if (airing.streamer == streamer) seconds.push_back(airing.start_second);
    }
    return seconds;
  };
  EXPECT_EQ(starts(MakeSchedule(kOptions), 7), starts(MakeSchedule(fewer), 7));
  ScheduleOptions other = kOptions;
  other.seed = 4;
  EXPECT_NE(starts(MakeSchedule(kOptions), 7), starts(MakeSchedule(other), 7));
}

}  // namespace
}  // namespace streaming::simulation
