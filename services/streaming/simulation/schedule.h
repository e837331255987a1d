// The script that a simulation plays: who streams when, what, and what happens there. The audience
// is the rules' affair; all that a game would decide is here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "services/streaming/careers/career.h"
#include "services/streaming/pool/archetype.h"
#include "services/streaming/reactions/reaction.h"

namespace streaming::simulation {

struct ScheduleOptions {
  uint32_t streamers = 500;
  uint32_t heads = 100000;  // of the pool: the more a streamer, the larger the audiences before
  double hours = 120;       // all that is played, warming up included
  uint64_t seed = 1;
  uint32_t newcomers = 0;  // streamers who begin without a past: the first ones, at most all
};

// One who streams about once a day.
struct Streamer {
  float talent = 0.5f;         // what the game makes of its streams (the caller's score), 0 to 1
  pool::InterestMask tags;     // 1 or 2
  careers::Stats past;         // before the script begins; nobody follows yet
  double usual_audience = 0;   // heads
  double scenes_per_hour = 0;  // of some moments each
};

struct PlannedMoment {
  double second = 0;  // since the script's beginning
  reactions::Event event = reactions::Event::kCustomEvent;
  float significance = 0;  // 0 to 1
};

// One stream, from its start to its end.
struct Airing {
  uint32_t streamer = 0;
  double start_second = 0;  // since the script's beginning
  double end_second = 0;
  bool raids = false;                  // at its end it sends its audience to another stream
  std::vector<PlannedMoment> moments;  // by time
};

struct Schedule {
  std::vector<Streamer> streamers;
  uint32_t newcomers = 0;       // how many of them, from the first on, have no past
  std::vector<Airing> airings;  // by start; those of one streamer do not overlap
};

inline constexpr double kShortestHours = 1;
inline constexpr double kLongestHours = 10;

Schedule MakeSchedule(const ScheduleOptions& options);

}  // namespace streaming::simulation
