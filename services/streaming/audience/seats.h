// Which members of an audience stand for real viewers. For admins: nothing that players see depends
// on it.
//
// Nobody is given a seat and keeps it: that would be those who watched when the real viewer first
// spoke, and whoever compares how long people stay would find them. Seats follow from who is there
// now, by chance alone, and change only when somebody comes or leaves whose chance is higher
// (docs/adr/0022).
#pragma once
#include <cstdint>
#include <vector>

#include "services/streaming/audience/live_session.h"

namespace streaming::audience {

// The members in seats, ascending: as many as there are voices, or all of the audience when it has
// fewer. Members who are collectives take no seat.
std::vector<uint32_t> SeatedMembers(const LiveSession& session);

// Likewise of all who ever came, with those who left: to have been there at the end makes nobody
// more likely. For the end of a session.
std::vector<uint32_t> SeatedAttendees(const LiveSession& session,
                                      const std::vector<DepartedParty>& departed);

}  // namespace streaming::audience
