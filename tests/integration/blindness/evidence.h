// From what players see to what learners are given, and the mistakes that a blending could make.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/blindness/distinguishers.h"
#include "tests/integration/blindness/record.h"

namespace blindness {

// Those who are seen together at some looks of each session, with the truth then, and what all
// looks of the session show of them.
std::vector<Sample> SightsOf(const std::vector<SessionRecord>& sessions);
// Likewise those whose coming or going was told, and who are there then.
std::vector<Sample> NewsOf(const std::vector<SessionRecord>& sessions);
// Followers; together are those who began at the same time.
std::vector<Sample> FollowersOf(const std::vector<FollowerSight>& followers);

// A way to give real viewers away. Some change what is seen of them; others choose who they are in
// a way that shows.
enum class Tell {
  kIdComesAgain,      // the same id in another session
  kIdInFollowerList,  // the same id as in the list of followers
  kValueGrid,         // engagement in coarser steps
  kChangesAtOnce,     // changes when the pulse comes, not with the step
  kStaysInRaids,      // never goes along with a raid
  kRoleOfThePerson,   // the type that the person has at the platform
  kSeatAloneFeels,    // only the seat feels what its person says, 0 to 2 rounds later; the streamer
                      // has two people speak to a rhythm and looks for their seats
  kJoinsWithItsVoice,  // the seat is taken by somebody who comes when the person first speaks
  kKeepsItsSeat,       // one of those there then, who stays it
  kNearestKind,        // of those seen then, one of a temper that fits
};
inline constexpr size_t kTells = 10;
std::string NameOf(Tell tell);

// The records as they would be with that mistake.
std::vector<SessionRecord> Plant(Tell tell, std::vector<SessionRecord> sessions);

}  // namespace blindness
