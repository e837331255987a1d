// Who of those that would go over to other sessions can: as many as have room there.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "services/streaming/audience/party.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

struct Passage {
  struct Destination {
    uint32_t number = 0;  // as the movers named it
    uint32_t heads = 0;   // that go there, above 0
  };
  std::vector<Mover> movers;  // by ascending position; destination = position in `destinations`
  std::vector<Destination> destinations;  // at most kDestinationsMax
  uint32_t heads = 0;                     // in all
};

// `movers` of these parties, by ascending position, as far as `room_heads` by their destination
// lasts; who comes first is served first.
Passage PassageOf(const pool::Pool& pool, std::span<const Party> parties,
                  std::span<const Mover> movers, std::vector<uint32_t> room_heads);

}  // namespace streaming::audience
