// A round of a pool shard: everybody in an audience decides whether to stay, everybody outside
// whether to come.
//
// All steps of a round look at one View, taken when it begins and stored. A session's step is a
// function of that view, the session's own record and the round, so any instance can take a round
// over in the middle and comes to the same result.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "services/streaming/audience/arrival.h"
#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/audience/view.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// Members of one party who leave.
struct Leaver {
  Leave leave = {};      // all of them
  RunMask competed = 0;  // those of them whom another stream won (Competed); the rest is Bored
  uint32_t destination = Field::kNobody;  // the winner's position in View::sessions
};

struct Step {
  std::vector<Leaver> leavers;  // by position
  uint32_t leaving_heads = 0;
  pool::PerArchetype<uint32_t> wanted_heads = {};  // newcomers
  Audience audience;                               // as it is after the step
};

// Members of a session step in cohorts spread over the interval, so that nothing jumps once a
// round: cohort c of n has the members with index mod n = c, and an n-th of the newcomers. Interest
// moves with cohort 0.
struct Cohort {
  uint32_t number = 0;
  uint32_t of = 1;  // 1 to 64
};

// The step of session view.sessions[self], whose parties are in Redis' order.
Step StepSession(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                 const Field& field, uint32_t self, const Audience& audience,
                 std::span<const Party> parties, Cohort cohort = {});

// What the Function `apply` takes for these leavers: leaves, and the departures that belong to
// them.
struct LeaveRecords {
  std::string leaves;
  std::string departures;
};
LeaveRecords EncodeLeavers(const pool::Pool& pool, const Audience& audience,
                           std::span<const Party> parties, std::span<const Leaver> leavers);

// The interest of a member: its archetype's, its own engagement, what it came with (fading with the
// rounds since), and the bond of a follower. 0 to 1.
float MemberInterest(const AttractionWeights& weights, float archetype_interest,
                     const Joining& joining, float engagement_offset, uint32_t round);

// The mean interest of a member until `round`, from what its archetype's mean was.
float MeanMemberInterest(const AttractionWeights& weights, float archetype_mean,
                         const Joining& joining, float engagement_offset, uint32_t round);

// The chance, 0 to 1, that a member of this interest leaves within `minutes`, bored, after watching
// for `dwell_minutes`.
double BoredChance(float interest, double dwell_minutes, double minutes);

// The chance that one member of a party leaves, bored, in a round, given its archetype's interest.
double MemberBoredChance(const RoundSettings& settings, const pool::Pool& pool, const Party& party,
                         uint32_t member, float archetype_interest, uint32_t round, double minutes);

// The draw that decides whether a member leaves in a round, in [0, 1): below its chance, it does.
double LeaveDraw(uint64_t seed, uint32_t round, uint32_t member);

}  // namespace streaming::audience
