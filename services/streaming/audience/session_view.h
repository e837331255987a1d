// From a live session to what a round sees of it.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// The settings with the seed of this shard's randomness.
RoundSettings SettingsOf(RoundSettings settings, const pool::Pool& pool, uint32_t shard);

// One session as the others see it.
SessionView ViewOf(const RoundSettings& settings, const pool::Pool& pool,
                   const LiveSession& session, common::Time now);

// Heads of each archetype in nobody's audience. `taken` is the shard's bitmap as Redis has it: the
// bits behind its end are 0.
pool::PerArchetype<uint32_t> FreeHeads(const pool::Pool& pool, uint32_t shard,
                                       std::string_view taken);

// What a session's step is to LiveStore.
Change ChangeOf(const LiveSession& session, const View& view, Step step);

// A member that was in a session's audience, at its end or for a while.
struct Attendee {
  uint32_t member = 0;
  float mean_interest = 0;  // over its stay, 0 to 1
  bool seated = false;      // SeatedAttendees; for admins
};
// Those who are there first; who left and came back is named more than once.
std::vector<Attendee> AttendeesOf(const AttractionWeights& weights, const pool::Pool& pool,
                                  const LiveSession& session,
                                  const std::vector<DepartedParty>& departed);

}  // namespace streaming::audience
