// Who goes along when a streamer sends the audience to another stream.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "services/streaming/audience/party.h"
#include "services/streaming/audience/view.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// The chance, 0 to 1, that a member goes along: one half where the other stream attracts it as much
// as this one holds it (raids move about half of the viewers), more for a better one.
double RaidChance(float attraction_there, float interest_here);

// Those who go along to the session seen as `to`, by position in `parties`. Each decides for
// itself; `key` decides the draws: make it different for each raid.
std::vector<Leave> Raiders(const pool::Pool& pool, const Audience& audience,
                           std::span<const Party> parties, const SessionView& to, uint64_t key);

// The heads of each kind that come to a shard in place of those who cannot leave theirs: the same
// kinds, and for kinds that the shard has not, as many of those that it has.
pool::PerArchetype<uint32_t> KindsThere(const pool::Pool& pool, uint32_t shard,
                                        const pool::PerArchetype<uint32_t>& kinds);

}  // namespace streaming::audience
