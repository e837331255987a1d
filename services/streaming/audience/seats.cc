#include "services/streaming/audience/seats.h"

#include <algorithm>
#include <utility>

#include "services/streaming/audience/random.h"
#include "services/streaming/blending/crowd.h"

namespace streaming::audience {
namespace {

// A member and its draw: the lowest sit.
using Drawn = std::pair<uint64_t, uint32_t>;

void Add(const LiveSession& session, const Party& party, std::vector<Drawn>& drawn) {
  if (session.pool->WeightOfRun(party.run) != 1) return;
  ForEachPlace(party.members, [&](uint32_t place) {
    const uint32_t member = party.run * pool::kRunLength + place;
    drawn.emplace_back(Random(session.state.viewer_secret, Draw::kSeat, member), member);
  });
}

}  // namespace

std::vector<uint32_t> SeatedMembers(const LiveSession& session) {
  return SeatedAttendees(session, {});
}

std::vector<uint32_t> SeatedAttendees(const LiveSession& session,
                                      const std::vector<DepartedParty>& departed) {
  const size_t seats = blending::DecodeCrowd(session.mood).seats();
  if (seats == 0) return {};
  std::vector<Drawn> drawn;
  for (const Party& party : session.parties) Add(session, party, drawn);
  for (const DepartedParty& gone : departed) Add(session, gone.party, drawn);
  std::ranges::sort(drawn);
  const auto repeated = std::ranges::unique(drawn);  // who left and came back
  drawn.erase(repeated.begin(), repeated.end());
  drawn.resize(std::min(seats, drawn.size()));
  std::vector<uint32_t> members;
  for (const auto& [draw, member] : drawn) members.push_back(member);
  std::ranges::sort(members);
  return members;
}

}  // namespace streaming::audience
