#include "services/streaming/simulation/run.h"

#include <algorithm>
#include <cmath>

#include "services/streaming/simulation/chance.h"
#include "services/streaming/simulation/schedule.h"

namespace streaming::simulation {

Outcome Run(WorldSettings settings, const Plan& plan, const Progress& progress) {
  settings.pool.seed = Chance(plan.seed, Choice::kPool, 0).Bits();
  settings.round.seed = plan.seed;
  Outcome outcome{.schedule = MakeSchedule({.streamers = plan.streams,
                                            .heads = pool::Pool(settings.pool).HeadsOfShard(0),
                                            .hours = plan.warm_up_hours + plan.hours,
                                            .seed = plan.seed,
                                            .newcomers = plan.newcomers}),
                  .sound = true};
  const double rounds_an_hour = 3600.0 / settings.round.interval_seconds;
  const auto rounds_of = [&](double hours) {
    return static_cast<uint32_t>(std::lround(hours * rounds_an_hour));
  };
  const uint32_t warm_up = rounds_of(plan.warm_up_hours);
  const uint32_t check = std::max(1u, rounds_of(1));
  outcome.rounds = warm_up + rounds_of(plan.hours);
  World world(settings, outcome.schedule);
  for (uint32_t round = 0; round < outcome.rounds; ++round) {
    world.PlayRound(round < warm_up ? nullptr : &outcome.record);
    outcome.steps += world.live();
    if ((round + 1) % check != 0) continue;
    outcome.sound = outcome.sound && world.IsSound();
    if (progress) progress((round + 1.0) / outcome.rounds, world);
  }
  outcome.sound = outcome.sound && world.IsSound();
  outcome.hash = world.Hash();
  return outcome;
}

}  // namespace streaming::simulation
