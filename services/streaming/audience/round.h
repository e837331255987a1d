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
#include "services/streaming/audience/followers.h"
#include "services/streaming/audience/party.h"
#include "services/streaming/audience/view.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

struct Step {
  std::vector<Leave> leavers;  // bored, by position
  uint32_t leaving_heads = 0;
  std::vector<Demand> followers;                   // who come because they follow, by name
  pool::PerArchetype<uint32_t> wanted_heads = {};  // other newcomers
  Audience audience;                               // as it is after the step
};

// The step of one cohort of session view.sessions[self], whose parties are in Redis' order.
//
// Members of a session step in cohorts spread over the round, so that nothing jumps once an
// interval: cohort c of n has the members with index mod n = c, and an n-th of the newcomers.
// Interest moves with cohort 0. Who came in this round is not asked again in it.
Step StepSession(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                 const Field& field, uint32_t self, const Audience& audience,
                 std::span<const Party> parties, const Followers& followers, uint32_t cohort);

// Members of one party who go over to another stream.
struct Mover {
  Leave leave = {};
  uint32_t destination = 0;  // its position in View::sessions
};

// Those of a cohort whom another stream has won over (Competed), by position. For when the cohort
// has stepped in every session: the winner may lie before or behind.
std::vector<Mover> MoversOf(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                            const Field& field, uint32_t self, const Audience& audience,
                            std::span<const Party> parties, uint32_t cohort);

// What is kept of members of a party who leave now.
Departure DepartureOf(const pool::Pool& pool, const Audience& audience, const Party& party);

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

// No member of the party has a higher chance than this, which may be above 1.
double MemberBoredChanceAtMost(const RoundSettings& settings, const Party& party,
                               float archetype_interest, uint32_t round, double minutes);

// The draw that decides whether a member leaves in a round, in [0, 1): below its chance, it does.
double LeaveDraw(uint64_t seed, uint32_t round, uint32_t member);
// The same for many members of a round: LeaveDraw(LeaveKey(seed, round), member).
uint64_t LeaveKey(uint64_t seed, uint32_t round);
double LeaveDraw(uint64_t key, uint32_t member);

}  // namespace streaming::audience
