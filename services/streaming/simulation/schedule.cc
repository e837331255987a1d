#include "services/streaming/simulation/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "services/streaming/simulation/chance.h"

namespace streaming::simulation {
namespace {

constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;

// The audiences that streamers had before. Published: 93 % of channels average at most 5 viewers,
// and 26 is the top 1 %. Between the two lies a Pareto tail of exponent ln 7 / ln (26 / 5).
constexpr double kPastExponent = 1.18;
constexpr double kPastLeast = 0.525;        // heads: leaves 7 % above 5
constexpr double kPastMost = 100;           // heads
constexpr double kPastHeadsEach = 5;        // of the pool for each streamer, where it was like that
constexpr double kPastSessions = 12;        // on average
constexpr double kFollowsPerHour = 0.0056;  // of a viewer

// Streams of a few hours: lognormal, the median and the spread of the logarithm.
constexpr double kMedianHours = 3;
constexpr double kLengthSpread = 0.45;

// Something happens so many times an hour on average, with some streamers more often than with
// others; often several things at once.
constexpr double kScenesPerHour = 3;
constexpr double kSceneMoments = 3;  // on average
constexpr double kSceneGapSeconds = 20;
constexpr double kLeastSignificance = 0.15;
constexpr double kSignificanceTail = 1.5;  // Pareto exponent: most moments are small
constexpr double kWorldFirstShare = 0.0005;
constexpr double kRaidShare = 0.15;  // of streams that end with a raid

Streamer MakeStreamer(const ScheduleOptions& options, uint32_t number) {
  Streamer streamer;
  Chance talent(options.seed, Choice::kTalent, number);
  streamer.talent = static_cast<float>(std::clamp(0.5 + 0.15 * talent.Normal(), 0.0, 1.0));
  streamer.scenes_per_hour = kScenesPerHour * std::exp(0.5 * talent.Normal());

  // Popular content has more streamers: the minimum of two draws.
  Chance tags(options.seed, Choice::kTags, number);
  const uint32_t count = 1 + tags.Below(2);
  while (static_cast<uint32_t>(streamer.tags.Count()) < count) {
    const uint32_t tag = std::min(tags.Below(pool::kInterests), tags.Below(pool::kInterests));
    streamer.tags.Add(static_cast<pool::Interest>(tag));
  }

  if (number < options.newcomers) return streamer;
  Chance past(options.seed, Choice::kPast, number);
  const double scale = options.heads / kPastHeadsEach / options.streamers;
  streamer.usual_audience = scale * std::min(past.Pareto(kPastLeast, kPastExponent), kPastMost);
  const auto sessions = 1 + static_cast<uint32_t>(past.Exponential(kPastSessions));
  // A career as those sessions would have made it, with the published follows per 1000
  // viewer-hours; but nobody follows yet, as nobody can say who.
  const double follows = kFollowsPerHour * streamer.usual_audience * kMedianHours;
  for (uint32_t i = 0; i < sessions; ++i) {
    streamer.past = careers::Advance(
        streamer.past, {.new_followers = static_cast<uint32_t>(follows),
                        .live_seconds = static_cast<uint32_t>(kMedianHours * kHour),
                        .peak_audience = static_cast<uint32_t>(1.2 * streamer.usual_audience),
                        .tags = streamer.tags});
  }
  streamer.past.followers = 0;
  return streamer;
}

reactions::Event PickEvent(Chance& chance) {
  using reactions::Event;
  if (chance.Uniform() < kWorldFirstShare) return Event::kWorldFirst;
  constexpr std::array kOrdinary = {
      Event::kAchievement, Event::kCombatKill,    Event::kCombatDeath,   Event::kDiscovery,
      Event::kSocialEvent, Event::kCraftComplete, Event::kQuestComplete, Event::kLevelUp,
      Event::kRareItem,    Event::kCustomEvent};
  return kOrdinary[chance.Below(kOrdinary.size())];
}

// Scenes are a Poisson process; each has a geometric number of moments.
void PlanMoments(const Streamer& streamer, Chance chance, Airing& airing) {
  const double mean_gap = kHour / streamer.scenes_per_hour;
  double at = airing.start_second + chance.Exponential(mean_gap);
  while (at < airing.end_second) {
    PlannedMoment moment{.second = at, .event = PickEvent(chance)};
    moment.significance =
        static_cast<float>(std::min(1.0, chance.Pareto(kLeastSignificance, kSignificanceTail)));
    airing.moments.push_back(moment);
    const bool goes_on = chance.Uniform() < 1 - 1 / kSceneMoments;
    at += chance.Exponential(goes_on ? kSceneGapSeconds : mean_gap);
  }
}

// A streamer's streams, about one a day at about the same time of day.
void PlanAirings(const ScheduleOptions& options, const Streamer& streamer, uint32_t number,
                 std::vector<Airing>& airings) {
  Chance chance(options.seed, Choice::kStart, number);
  Chance length(options.seed, Choice::kLength, number);
  const double time_of_day = chance.Uniform() * kDay;
  const double usual_hours = kMedianHours * std::exp(kLengthSpread * length.Normal());
  double free_from = 0;
  const double end = options.hours * kHour;
  for (uint64_t day = 0; static_cast<double>(day) * kDay < end; ++day) {
    const double start =
        static_cast<double>(day) * kDay + time_of_day + kHour * (chance.Uniform() - 0.5);
    const double hours =
        std::clamp(usual_hours * (0.75 + 0.5 * length.Uniform()), kShortestHours, kLongestHours);
    Airing airing{.streamer = number,
                  .start_second = std::max(start, free_from),
                  .raids = chance.Uniform() < kRaidShare};
    airing.end_second = airing.start_second + hours * kHour;
    if (airing.start_second >= end) break;
    PlanMoments(streamer, Chance(options.seed, Choice::kMoments, uint64_t{number} << 32 | day),
                airing);
    free_from = airing.end_second + kHour;
    airings.push_back(std::move(airing));
  }
}

}  // namespace

Schedule MakeSchedule(const ScheduleOptions& options) {
  Schedule schedule{.newcomers = std::min(options.newcomers, options.streamers)};
  for (uint32_t number = 0; number < options.streamers; ++number) {
    schedule.streamers.push_back(MakeStreamer(options, number));
    PlanAirings(options, schedule.streamers.back(), number, schedule.airings);
  }
  std::ranges::stable_sort(schedule.airings, {}, &Airing::start_second);
  return schedule;
}

}  // namespace streaming::simulation
