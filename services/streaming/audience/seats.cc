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

class Draws {
 public:
  explicit Draws(const LiveSession& session)
      : pool_(*session.pool), chorus_(session.audience.chorus), seats_(chorus_.size()) {}

  void Add(const Party& party) {
    if (seats_.empty() || pool_.WeightOfRun(party.run) != 1) return;
    ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const size_t voice = chorus_.HeardBy(member);
      const uint64_t draw = Random(chorus_[voice].id, Draw::kSeat, member);
      seats_[voice] = std::min(seats_[voice], {.draw = draw, .member = member});
    });
  }

  std::vector<uint32_t> Members() const {
    std::vector<uint32_t> members;
    for (const Candidate& seat : seats_) {
      if (seat.member != UINT32_MAX) members.push_back(seat.member);
    }
    std::ranges::sort(members);
    return members;
  }

 private:
  const pool::Pool& pool_;
  const blending::Chorus& chorus_;
  std::vector<Candidate> seats_;  // by voice
};

}  // namespace

std::vector<uint32_t> SeatedMembers(const LiveSession& session) {
  Draws draws(session);
  for (const Party& party : session.parties) draws.Add(party);
  return draws.Members();
}

std::vector<uint32_t> SeatedAttendees(const LiveSession& session,
                                      const std::vector<DepartedParty>& departed) {
  Draws draws(session);
  for (const Party& party : session.parties) draws.Add(party);
  for (const DepartedParty& gone : departed) draws.Add(gone.party);
  return draws.Members();
}

}  // namespace streaming::audience
