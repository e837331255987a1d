#include "services/streaming/audience/passage.h"

#include <algorithm>

namespace streaming::audience {
namespace {

// At most `count` of the members, from the first place on.
RunMask FirstOf(RunMask members, uint32_t count) {
  RunMask first = 0;
  for (; members != 0 && count > 0; --count) {
    const RunMask next = BitOf(static_cast<uint32_t>(std::countl_zero(members)));
    first |= next;
    members &= ~next;
  }
  return first;
}

// The destination's position in the list, to which it is added when there is a place for it.
size_t PositionOf(std::vector<Passage::Destination>& destinations, uint32_t number) {
  const auto found =
      std::find_if(destinations.begin(), destinations.end(),
                   [&](const Passage::Destination& to) { return to.number == number; });
  if (found != destinations.end()) return static_cast<size_t>(found - destinations.begin());
  if (destinations.size() < kDestinationsMax) destinations.push_back({.number = number});
  return destinations.size() - 1;
}

}  // namespace

Passage PassageOf(const pool::Pool& pool, std::span<const Party> parties,
                  std::span<const Mover> movers, std::vector<uint32_t> room_heads) {
  Passage passage;
  for (const Mover& mover : movers) {
    const uint32_t weight = pool.WeightOfRun(parties[mover.leave.position].run);
    uint32_t& room = room_heads[mover.destination];
    const RunMask members = FirstOf(mover.leave.members, room / weight);
    if (members == 0) continue;
    const size_t position = PositionOf(passage.destinations, mover.destination);
    Passage::Destination& to = passage.destinations[position];
    if (to.number != mover.destination) continue;  // one destination too many
    const uint32_t heads = CountOf(members) * weight;
    room -= heads;
    to.heads += heads;
    passage.heads += heads;
    passage.movers.push_back({.leave = {.position = mover.leave.position, .members = members},
                              .destination = static_cast<uint32_t>(position)});
  }
  return passage;
}

}  // namespace streaming::audience
