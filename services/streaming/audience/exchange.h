// A change of a live session on its way to the store of members and back: whom it asks for, and
// what the session is once it is known who came.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/party.h"

namespace streaming::audience {

// The parts of the parties that leave.
std::vector<Party> PartsOf(const std::vector<Party>& parties, const std::vector<Leave>& leaves);

// The demands for those whom the change names, first come first served, and then for its other
// newcomers; at most `room_heads` in all.
std::vector<Demand> DemandsOf(const LiveSession& session, const Change& change,
                              uint32_t room_heads);

// The session after the change, when `joined` came and `nonce` is its new one.
LiveSession After(const LiveSession& before, Change change, const std::vector<Party>& joined,
                  std::string nonce);

}  // namespace streaming::audience
