// From "so many heads of each archetype" to the runs in which Redis shall look for them.
#pragma once
#include <cstdint>
#include <vector>

#include "services/streaming/audience/followers.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/pool/archetype.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

struct CheckOut {
  pool::PerArchetype<uint32_t> wanted_heads = {};
  // Heads of each archetype that are believed free: decides how many spare runs are named.
  pool::PerArchetype<uint32_t> free_heads = {};
  pool::PerArchetype<Joining> joining = {};
  // Asked for by name if at all, so that each has the record of one who follows. May be null.
  const Followers* followers = nullptr;
  uint32_t capacity_heads = 0;  // more are never asked for
  // Decides which runs: make it different for each session and round.
  uint64_t key = 0;
};

// The demands, archetype by archetype, beginning at a random one, as the last ones are the first
// to suffer from the capacity. Collectives come in their share of the archetype's heads.
std::vector<Demand> PlanCheckOut(const pool::Pool& pool, uint32_t shard, const CheckOut& wish);

// The demand for exactly these members of one run: a follower, a seat.
Demand DemandFor(uint32_t run, RunMask members, const Joining& joining);

// Heads of these parties.
uint32_t HeadsOf(const pool::Pool& pool, const std::vector<Party>& parties);

}  // namespace streaming::audience
