#include "services/streaming/audience/seats.h"

#include <algorithm>

#include "services/streaming/audience/random.h"

namespace streaming::audience {
namespace {

// Of a voice's listeners, the one whose draw is the lowest sits in its seat.
struct Candidate {
  uint64_t draw = UINT64_MAX;
  uint32_t member = UINT32_MAX;
  auto operator<=>(const Candidate&) const = default;
};

}  // namespace

std::vector<uint32_t> SeatedMembers(const LiveSession& session) {
  const blending::Chorus& chorus = session.audience.chorus;
  std::vector<Candidate> seats(chorus.size());
  for (const Party& party : session.parties) {
    if (seats.empty() || session.pool->WeightOfRun(party.run) != 1) continue;
    const size_t voice = chorus.HeardBy(party.run);
    ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const uint64_t draw = Random(chorus[voice].id, Draw::kSeat, member);
      seats[voice] = std::min(seats[voice], {.draw = draw, .member = member});
    });
  }
  std::vector<uint32_t> members;
  for (const Candidate& seat : seats) {
    if (seat.member != UINT32_MAX) members.push_back(seat.member);
  }
  std::ranges::sort(members);
  return members;
}

}  // namespace streaming::audience
