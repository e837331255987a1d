#include "services/streaming/audience/raid.h"

#include <cmath>

#include "services/streaming/audience/random.h"

namespace streaming::audience {
namespace {

// Of the difference between the two streams, in attraction: how sure the better one is.
constexpr double kRaidTemperature = 0.2;

}  // namespace

double RaidChance(float attraction_there, float interest_here) {
  return 1 / (1 + std::exp((interest_here - attraction_there) / kRaidTemperature));
}

std::vector<Leave> Raiders(const pool::Pool& pool, const Audience& audience,
                           std::span<const Party> parties, const SessionView& to, uint64_t key) {
  std::vector<Leave> raiders;
  for (uint32_t position = 0; position < parties.size(); ++position) {
    const Party& party = parties[position];
    const uint8_t a = pool.ArchetypeOfRun(party.run);
    const pool::PersonalityMask personality = pool.archetypes()[a].personality;
    // A member's own engagement goes with it and weighs on both sides alike.
    const auto chance = [&](uint32_t member) {
      return RaidChance(static_cast<float>(to.attraction[a]) / 255,
                        audience.interest[a] + audience.chorus.PushOn(member, personality));
    };
    const double most = RaidChance(static_cast<float>(to.attraction[a]) / 255,
                                   audience.interest[a] - audience.chorus.MostPush());
    RunMask members = 0;
    ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const double draw = Uniform(Random(key, Draw::kRaid, member));
      if (draw < most && draw < chance(member)) members |= BitOf(place);
    });
    if (members != 0) raiders.push_back({.position = position, .members = members});
  }
  return raiders;
}

pool::PerArchetype<uint32_t> KindsThere(const pool::Pool& pool, uint32_t shard,
                                        const pool::PerArchetype<uint32_t>& kinds) {
  pool::PerArchetype<uint32_t> there = {};
  uint64_t homeless = 0;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    const bool known = pool.HeadsOf(shard, static_cast<uint8_t>(a)) > 0;
    there[a] = known ? kinds[a] : 0;
    homeless += kinds[a] - there[a];
  }
  // By running sums, so that the parts add up to the whole.
  const uint64_t all = pool.HeadsOfShard(shard);
  uint64_t passed = 0;
  for (size_t a = 0; a < pool::kArchetypes && all > 0; ++a) {
    const uint64_t before = homeless * passed / all;
    passed += pool.HeadsOf(shard, static_cast<uint8_t>(a));
    there[a] += static_cast<uint32_t>(homeless * passed / all - before);
  }
  return there;
}

}  // namespace streaming::audience
