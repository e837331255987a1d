// A member of an audience as Redis keeps it: packed, written when it joins and when it leaves only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace streaming::audience {

// Bytes, all little-endian:
//   0  member index, 4
//   4  joined round, 3   (16 M rounds: 31 years of minutes)
//   7  flags, 1
//   8  offset at joining, 1, signed, in 1/128
//   9  interest sum at joining, 3, in 1/1024 interest-rounds, modulo 2^24
// The sum is its archetype's running total of interest when it joined: with the total when it left,
// the mean interest of its whole stay is one subtraction, though nobody writes its record
// meanwhile. The Functions know only that the index comes first and that a record has 12 bytes. The
// member's engagement is a function of its index and therefore not here.
struct Member {
  uint32_t index = 0;
  uint32_t joined_round = 0;  // below 2^24
  uint8_t flags = 0;
  int8_t offset = 0;
  uint32_t joined_sum = 0;  // below 2^24
  bool operator==(const Member&) const = default;
};

enum MemberFlag : uint8_t {
  kFollows = 1,  // followed the streamer when it joined
  kSeated = 2,   // a real viewer's seat; never leaves the process
};

inline constexpr size_t kMemberBytes = 12;
inline constexpr size_t kIndexBytes = 4;
inline constexpr size_t kJoiningBytes = kMemberBytes - kIndexBytes;
inline constexpr uint32_t kRoundLimit = 1u << 24;
inline constexpr uint32_t kSumModulus = 1u << 24;
inline constexpr float kSumUnit = 1.0f / 1024;
inline constexpr float kOffsetUnit = 1.0f / 128;

// Appends all 12 bytes, or only the 8 after the index, which is what a demand carries.
void AppendMember(std::string& out, const Member& member);
void AppendJoining(std::string& out, const Member& member);

// Reads the record at `data`, which must hold kMemberBytes.
Member ReadMember(const char* data);

// What is kept of a member that left, for the end of the session: the record as it was and these.
//   12  left round, 3
//   15  mean interest of the stay, 1, in 1/255
struct Departure {
  uint32_t left_round = 0;
  float mean_interest = 0;  // 0 to 1
};
inline constexpr size_t kDepartureBytes = 4;
inline constexpr size_t kDepartedBytes = kMemberBytes + kDepartureBytes;

void AppendDeparture(std::string& out, const Departure& departure);
// Reads the departure at `data`, which must hold kDepartureBytes.
Departure ReadDeparture(const char* data);

}  // namespace streaming::audience
