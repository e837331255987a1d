// An audience as Redis keeps it: packed, and written only when somebody joins or leaves.
//
// Members lie in the pool in runs of one archetype (pool.h), and those who join together from one
// run have the rest of their record in common. So the record is the party, not the member: a
// check-out costs Redis a look at each run instead of a step for each member (measured at 5 000 of
// 100 000: a fifth to an eighth of the time that bit by bit takes), and a round works out once a
// party what does not differ within it.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/streaming/audience/bytes.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// Members of one run: place k is bit 63 - k, which is the order of Redis' bitmaps read as one
// big-endian number.
using RunMask = uint64_t;
inline constexpr RunMask kWholeRun = ~RunMask{0};
constexpr RunMask BitOf(uint32_t place) { return RunMask{1} << (pool::kRunLength - 1 - place); }
constexpr uint32_t CountOf(RunMask members) {
  return static_cast<uint32_t>(std::popcount(members));
}

// Calls f(place) for each member of the mask, ascending.
template <typename F>
void ForEachPlace(RunMask members, F&& f) {
  while (members != 0) {
    const auto place = static_cast<uint32_t>(std::countl_zero(members));
    members &= ~BitOf(place);
    f(place);
  }
}

// The members whose index modulo `of` is `number`.
struct Cohort {
  uint32_t number = 0;
  uint32_t of = 1;  // 1 to pool::kRunLength
};
constexpr RunMask CohortMask(uint32_t run, Cohort cohort) {
  RunMask members = 0;
  const uint32_t first = run * pool::kRunLength % cohort.of;
  for (uint32_t place = (cohort.number + cohort.of - first) % cohort.of; place < pool::kRunLength;
       place += cohort.of) {
    members |= BitOf(place);
  }
  return members;
}

// Joining::flags: they followed the streamer when they joined.
inline constexpr uint8_t kFollows = 1;

// What is written when they join and never changes. 8 bytes:
//   0  round, 3 (16 M rounds: 31 years of minutes)
//   3  flags, 1
//   4  offset, 1, signed, in 1/128: interest beyond the archetype's when they came
//   5  interest sum, 3, in 1/1024 interest-rounds, modulo 2^24
// The sum is their archetype's running total of interest (Audience::sums) when they joined: with
// the total when they leave, the mean interest of the whole stay is one subtraction, though nobody
// writes the record meanwhile.
struct Joining {
  uint32_t round = 0;  // below kRoundLimit
  uint8_t flags = 0;
  int8_t offset = 0;
  uint32_t interest_sum = 0;  // below kSumModulus
  bool operator==(const Joining&) const = default;
};
inline constexpr size_t kJoiningBytes = 8;
inline constexpr uint32_t kRoundLimit = 1u << 24;
inline constexpr uint32_t kSumModulus = 1u << 24;
inline constexpr float kSumUnit = 1.0f / 1024;
inline constexpr float kOffsetUnit = 1.0f / 128;

// 20 bytes, integers little-endian:  0 run, 4;  4 members, 8, as in the bitmap;  12 joining, 8.
struct Party {
  uint32_t run = 0;
  RunMask members = 0;  // never empty in Redis
  Joining joining = {};
  bool operator==(const Party&) const = default;
};
inline constexpr size_t kPartyBytes = 20;

// Who leaves: these members of the party at this position of the session's array. 12 bytes:
// position, 4; members, 8.
struct Leave {
  uint32_t position = 0;
  RunMask members = 0;
};
inline constexpr size_t kLeaveBytes = 12;

// Who goes over to another session: these members of a party, to the destination at this position
// of the caller's list. Joining says what they have in common there. 21 bytes: leave, 12; position
// + 1, 1; joining, 8.
inline constexpr size_t kMoverBytes = 21;
inline constexpr size_t kDestinationsMax = 255;

// What is kept with a party that left, for the end of the session. 4 bytes: left round, 3; mean
// interest of its archetype during the stay, 1, in 1/255.
struct Departure {
  uint32_t left_round = 0;
  float mean_interest = 0;
};
inline constexpr size_t kDepartureBytes = 4;

struct DepartedParty {
  Party party;
  Departure departure;
};

// A wish for members of one run. 23 bytes: run, 4; count, 2; start, 1; members, 8; joining, 8.
struct Demand {
  uint32_t run = 0;
  uint16_t count = 0;  // 0 = whatever the demands before it, back to one with a count, did not get
  uint8_t start = 0;   // the place to look from, 0 to 63
  RunMask members = kWholeRun;  // whom it may take
  Joining joining = {};
};
inline constexpr size_t kDemandBytes = 23;

void AppendMask(std::string& out, RunMask members);
RunMask TakeMask(ByteReader& reader);
void AppendParty(std::string& out, const Party& party);
void AppendJoining(std::string& out, const Joining& joining);
void AppendLeave(std::string& out, const Leave& leave);
void AppendMover(std::string& out, const Leave& leave, size_t destination, const Joining& joining);
void AppendDeparture(std::string& out, const Departure& departure);
void AppendDemand(std::string& out, const Demand& demand);

// INVALID_ARGUMENT when the bytes are not whole records.
absl::StatusOr<std::vector<Party>> DecodeParties(std::string_view bytes);
absl::StatusOr<std::vector<DepartedParty>> DecodeDeparted(std::string_view bytes);

}  // namespace streaming::audience
