#include "services/streaming/audience/check_out.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "services/streaming/audience/random.h"

namespace streaming::audience {
namespace {

// Runs named beyond those that would do if every run had its share of free members.
constexpr uint32_t kSpareRuns = 2;

// Runs of one archetype and weight that shall give `members` in all.
struct Group {
  std::vector<uint32_t> runs;
  uint32_t members = 0;
};

void AppendDemands(std::vector<Demand>& demands, const Group& group, double free_share,
                   const Joining& joining, uint64_t key) {
  const auto runs = static_cast<uint32_t>(group.runs.size());
  const double free_in_run = std::max(1.0, free_share * pool::kRunLength);
  const auto needed = static_cast<uint32_t>(std::ceil(group.members / free_in_run));
  const uint32_t first = Below(key, runs);
  for (uint32_t i = 0; i < std::min(runs, needed + kSpareRuns); ++i) {
    const uint32_t run = group.runs[(first + i) % runs];
    demands.push_back({.run = run,
                       .count = static_cast<uint16_t>(i == 0 ? group.members : 0),
                       .start = static_cast<uint8_t>(Mix64(key + i) % pool::kRunLength),
                       .joining = joining});
  }
}

// The members of the pool's last run that do not exist are never asked for.
void ExcludeAbsent(const pool::Pool& pool, std::vector<Demand>& demands) {
  const uint32_t last = pool.runs() - 1;
  const uint32_t absent = pool::kRunLength - pool.MembersOfRun(last);
  for (Demand& demand : demands) {
    if (demand.run == last) demand.members &= kWholeRun << absent;
  }
}

// A whole number whose mean is `expected`, at most `most`.
uint32_t RoundAtRandom(double expected, uint64_t bits, uint32_t most) {
  return std::min(static_cast<uint32_t>(expected + Uniform(bits)), most);
}

// The archetype's runs, individuals first, with how many members each kind shall give: on average
// `heads` in the kinds' shares, though a collective may bring more than was wished, but `room`.
std::array<Group, 2> Share(const pool::Pool& pool, std::span<const uint32_t> runs, uint32_t heads,
                           uint32_t room, uint64_t key) {
  std::array<Group, 2> groups;
  std::array<double, 2> heads_of = {};
  for (const uint32_t run : runs) {
    const bool collective = pool.WeightOfRun(run) > 1;
    groups[collective].runs.push_back(run);
    heads_of[collective] += pool.MembersOfRun(run) * pool.WeightOfRun(run);
  }
  const double collective_heads = heads * heads_of[1] / (heads_of[0] + heads_of[1]);
  const uint32_t size = pool.spec().collective_size;
  constexpr uint32_t kMost = UINT16_MAX;
  groups[1].members =
      RoundAtRandom(collective_heads / size, Mix64(key), std::min(room / size, kMost));
  room -= groups[1].members * size;
  groups[0].members = RoundAtRandom(heads - collective_heads, Mix64(~key), std::min(room, kMost));
  return groups;
}

}  // namespace

std::vector<Demand> PlanCheckOut(const pool::Pool& pool, uint32_t shard, const CheckOut& wish) {
  std::vector<Demand> demands;
  uint32_t room = wish.capacity_heads;
  const uint32_t first = Below(Random(wish.key, Draw::kRunOrder), pool::kArchetypes);
  for (uint32_t i = 0; i < pool::kArchetypes && room > 0; ++i) {
    const auto a = static_cast<uint8_t>((first + i) % pool::kArchetypes);
    const uint32_t heads = std::min(wish.wanted_heads[a], room);
    const auto runs = pool.RunsOf(shard, a);
    if (heads == 0 || runs.empty()) continue;
    const double free_share =
        std::clamp(static_cast<double>(wish.free_heads[a]) / pool.HeadsOf(shard, a), 0.0, 1.0);
    const uint64_t key = Random(wish.key, Draw::kRunOrder, a);
    for (const Group& group : Share(pool, runs, heads, room, key)) {
      if (group.members == 0 || group.runs.empty()) continue;
      room -= group.members * pool.WeightOfRun(group.runs[0]);
      AppendDemands(demands, group, free_share, wish.joining[a], key);
    }
  }
  ExcludeAbsent(pool, demands);
  if (wish.followers != nullptr) {
    for (Demand& demand : demands) demand.members &= ~wish.followers->In(demand.run);
  }
  return demands;
}

Demand DemandFor(uint32_t run, RunMask members, const Joining& joining) {
  return {.run = run,
          .count = static_cast<uint16_t>(CountOf(members)),
          .members = members,
          .joining = joining};
}

uint32_t HeadsOf(const pool::Pool& pool, const std::vector<Party>& parties) {
  uint32_t heads = 0;
  for (const Party& party : parties) heads += CountOf(party.members) * pool.WeightOfRun(party.run);
  return heads;
}

}  // namespace streaming::audience
