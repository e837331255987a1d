#include "services/streaming/simulation/shard.h"

#include <algorithm>

namespace streaming::simulation {

using audience::BitOf;
using audience::CountOf;
using audience::Demand;
using audience::Party;
using audience::RunMask;

RunMask SomeOf(RunMask free, uint32_t start, uint32_t want) {
  RunMask chosen = 0;
  for (uint32_t i = 0; i < pool::kRunLength / 8 && want > 0; ++i) {
    const uint32_t cell = (start / 8 + i) % (pool::kRunLength / 8);
    const RunMask of_cell = RunMask{0xff} << (pool::kRunLength - 8 - 8 * cell);
    if (CountOf(free & of_cell) <= want) {
      chosen |= free & of_cell;
      want -= CountOf(free & of_cell);
      continue;
    }
    for (uint32_t place = start % 8; want > 0; ++place) {
      const RunMask one = BitOf(8 * cell + place % 8);
      if ((free & one) == 0) continue;
      chosen |= one;
      --want;
    }
  }
  return chosen;
}

RunMask Shard::Read(uint32_t run) const {
  RunMask members = 0;
  for (size_t i = 0; i < kRunBytes; ++i) {
    members = members << 8 | static_cast<uint8_t>(taken_[run * kRunBytes + i]);
  }
  return members;
}

void Shard::Write(uint32_t run, RunMask members) {
  for (size_t i = 0; i < kRunBytes; ++i) {
    taken_[run * kRunBytes + i] =
        static_cast<char>(members >> (pool::kRunLength - 8 - 8 * i) & 0xff);
  }
}

std::vector<Party> Shard::Take(std::span<const Demand> demands, uint32_t room) {
  std::vector<Party> parties;
  uint32_t short_of = 0;
  for (const Demand& demand : demands) {
    if (demand.count > 0) short_of = demand.count;
    const uint32_t want = std::min(short_of, room);
    if (want == 0) continue;
    const RunMask taken = Read(demand.run);
    const RunMask gained = SomeOf(demand.members & ~taken, demand.start, want);
    if (gained == 0) continue;
    Write(demand.run, taken | gained);
    parties.push_back({.run = demand.run, .members = gained, .joining = demand.joining});
    short_of -= CountOf(gained);
    room -= CountOf(gained);
    count_ += CountOf(gained);
  }
  return parties;
}

void Shard::GiveBack(std::span<const Party> parties) {
  for (const Party& party : parties) {
    const RunMask taken = Read(party.run);
    Write(party.run, taken & ~party.members);
    count_ -= CountOf(taken & party.members);
  }
}

}  // namespace streaming::simulation
