// The kinds of people a pool is made of: 256 combinations of temper and taste. Everything that
// depends on what a member is like is worked out once an archetype, never once a member.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace streaming::pool {

// The specification's order. Neighbours are the two sides of one axis: axis = value / 2.
enum class Personality : uint8_t {
  kHighExcitement,
  kLowExcitement,
  kGroupOriented,
  kSoloViewer,
  kVocal,
  kLurker,
  kLoyal,
  kExplorer,
  kConfrontational,
  kSupportive,
};
inline constexpr size_t kPersonalities = 10;
inline constexpr size_t kAxes = kPersonalities / 2;

// The specification's order. Also the tags of a stream's content.
enum class Interest : uint8_t {
  kCombat,
  kExploration,
  kSocial,
  kCrafting,
  kTechnical,
  kPvp,
  kDiscovery,
  kNarrative,
  kSpeedrunning,
  kCreative,
};
inline constexpr size_t kInterests = 10;

// A set of enumerators, bit n for value n.
template <typename Enum>
class Mask {
 public:
  constexpr Mask() = default;
  constexpr Mask(std::initializer_list<Enum> values) {
    for (const Enum value : values) Add(value);
  }
  // Bits beyond the enumerators are the caller's mistake and are kept.
  static constexpr Mask FromBits(uint16_t bits) {
    Mask mask;
    mask.bits_ = bits;
    return mask;
  }

  constexpr void Add(Enum value) {
    bits_ = static_cast<uint16_t>(bits_ | (1u << static_cast<unsigned>(value)));
  }
  constexpr bool Has(Enum value) const { return (bits_ >> static_cast<unsigned>(value) & 1u) != 0; }
  constexpr int Count() const { return std::popcount(bits_); }
  constexpr int CountCommon(Mask other) const {
    return std::popcount(static_cast<uint16_t>(bits_ & other.bits_));
  }
  constexpr uint16_t bits() const { return bits_; }
  constexpr bool operator==(const Mask&) const = default;

 private:
  uint16_t bits_ = 0;
};

using PersonalityMask = Mask<Personality>;  // at most one side of each axis
using InterestMask = Mask<Interest>;

// +1 for `side`, -1 for its opposite, 0 for neither.
constexpr int Leaning(PersonalityMask mask, Personality side) {
  const auto opposite = static_cast<Personality>(static_cast<uint8_t>(side) ^ 1u);
  return mask.Has(side) ? 1 : mask.Has(opposite) ? -1 : 0;
}

struct Archetype {
  PersonalityMask personality;
  InterestMask interests;  // 1 to 4
  bool operator==(const Archetype&) const = default;
};

inline constexpr size_t kArchetypes = 256;
inline constexpr int kMaxInterestsPerArchetype = 4;

using ArchetypeTable = std::array<Archetype, kArchetypes>;

// One value an archetype.
template <typename T>
using PerArchetype = std::array<T, kArchetypes>;

// The archetypes of the pool with this seed, all different. Each axis leans to one side, to the
// other, or to neither with about equal chance; interests follow a skewed popularity.
ArchetypeTable BuildArchetypes(uint64_t pool_seed);

}  // namespace streaming::pool
