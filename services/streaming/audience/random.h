// Counter-based randomness: a draw is a function of what it is for, never of what was drawn before.
// So any instance can repeat any part of a round, in any order, with the same result.
#pragma once
#include <cstdint>

namespace streaming::audience {

// The output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014), with its published constants: a bijection in which every input bit
// flips about half of the output bits.
constexpr uint64_t Mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// What a draw is for. It is the first word of every key, so that two uses of one (seed, member)
// never see the same number. Values are part of what pools and rounds were made with: append only.
enum class Draw : uint64_t {
  kArchetypeAxis = 1,
  kArchetypeInterestCount = 2,
  kArchetypeInterest = 3,
  kArchetypeOfRun = 4,
  kCollective = 5,
  kEngagement = 6,
  kMemberId = 7,
  kViewerId = 8,
  kLeave = 9,
  kNewcomers = 10,
  kRunOrder = 11,
  kReactionLeave = 12,
  kReactionNewcomers = 13,
  kMove = 14,
  kFollowerComes = 15,
  kRaid = 16,
  kTemper = 17,
  kVoice = 18,
  kVoiceDelay = 19,
  kSeat = 20,
  kListening = 21,
};

// The bits for a key that has one word more. A key that many draws share is worked out once.
constexpr uint64_t Extend(uint64_t key, uint64_t word) {
  return Mix64((key + 0x9e3779b97f4a7c15ull) ^ word);
}

// 64 random bits for (seed, purpose, words…). Every word passes a full mix before the next, so
// order and number of words matter.
template <typename... Words>
constexpr uint64_t Random(uint64_t seed, Draw draw, Words... words) {
  uint64_t key = Extend(Mix64(seed), static_cast<uint64_t>(draw));
  ((key = Extend(key, static_cast<uint64_t>(words))), ...);
  return key;
}

// The bits as a number in [0, 1).
constexpr double Uniform(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

// The bits as a number in [0, bound). `bound` > 0; the bias is below bound / 2^32.
constexpr uint32_t Below(uint64_t bits, uint32_t bound) {
  return static_cast<uint32_t>(((bits >> 32) * bound) >> 32);
}

}  // namespace streaming::audience
