// A whole simulation: a script, a world, the days that it warms up and the hours that count.
#pragma once
#include <cstdint>
#include <functional>

#include "services/streaming/simulation/record.h"
#include "services/streaming/simulation/schedule.h"
#include "services/streaming/simulation/world.h"

namespace streaming::simulation {

struct Plan {
  uint32_t streams = 500;  // channels; each streams about once a day
  double hours = 24;       // that count
  // Before them. Habits need some days: who follows has watched three streams before.
  double warm_up_hours = 96;
  uint64_t seed = 1;
  uint32_t newcomers = 0;  // channels that begin without a past, at most all
};

struct Outcome {
  Schedule schedule;
  Record record;
  uint64_t hash = 0;   // of the world at the end; equal for equal settings, plans and seeds
  bool sound = false;  // the bitmap and the audiences agreed after every hour
  uint32_t rounds = 0;
  uint64_t steps = 0;  // of a session in a round
};

// Told now and then how much is done, 0 to 1.
using Progress = std::function<void(double done, const World& world)>;

// The seeds in the settings are replaced by the plan's.
Outcome Run(WorldSettings settings, const Plan& plan, const Progress& progress = {});

}  // namespace streaming::simulation
