// Which members of an audience stand for real viewers. For admins: nothing that players see depends
// on it.
//
// Nobody is given a seat and keeps it: that would be those who watched when the real viewer first
// spoke, and whoever compares how long people stay would find them. A seat follows from who is
// there now, by chance alone, and changes only when somebody comes or leaves whose chance is higher
// (docs/adr/0022).
#pragma once
#include <cstdint>
#include <vector>

#include "services/streaming/audience/live_session.h"

namespace streaming::audience {

// The member in each voice's seat, ascending. A voice to which nobody listens has none. Members who
// are collectives take no seat.
std::vector<uint32_t> SeatedMembers(const LiveSession& session);

// Of all who ever came to the session: who had the seat of a voice for as long as they were there,
// one for each. To be there at the end makes nobody more likely.
std::vector<uint32_t> SeatedAttendees(const LiveSession& session,
                                      const std::vector<DepartedParty>& departed);

}  // namespace streaming::audience
