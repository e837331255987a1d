#include "services/streaming/pool/archetype.h"

#include <algorithm>

#include "services/streaming/audience/random.h"

namespace streaming::pool {
namespace {

using audience::Draw;
using audience::Random;
using audience::Uniform;

// How many of a hundred people name the interest, relative to the others. Skewed, as taste is.
constexpr std::array<double, kInterests> kPopularity = {30, 22, 18, 12, 8, 20, 14, 12, 6, 10};
// Shares of archetypes with 1, 2, 3 and 4 interests.
constexpr std::array<double, kMaxInterestsPerArchetype> kInterestCounts = {0.3, 0.4, 0.2, 0.1};
// With some 90 000 combinations a repeat is rare and three in a row never seen; this only bounds
// it.
constexpr uint32_t kMaxAttempts = 64;

// The position at which a running sum of `weights` passes `uniform` of the total.
template <size_t N>
size_t Pick(const std::array<double, N>& weights, double uniform) {
  double total = 0;
  for (const double weight : weights) total += weight;
  double left = uniform * total;
  for (size_t i = 0; i + 1 < N; ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return N - 1;
}

PersonalityMask DrawPersonality(uint64_t seed, size_t archetype, uint32_t attempt) {
  PersonalityMask mask;
  for (size_t axis = 0; axis < kAxes; ++axis) {
    const uint32_t side =
        audience::Below(Random(seed, Draw::kArchetypeAxis, archetype, attempt, axis), 3);
    if (side < 2) mask.Add(static_cast<Personality>(2 * axis + side));
  }
  return mask;
}

InterestMask DrawInterests(uint64_t seed, size_t archetype, uint32_t attempt) {
  const double count_draw =
      Uniform(Random(seed, Draw::kArchetypeInterestCount, archetype, attempt));
  const size_t count = 1 + Pick(kInterestCounts, count_draw);
  std::array<double, kInterests> popularity = kPopularity;
  InterestMask mask;
  for (size_t n = 0; n < count; ++n) {
    const size_t interest =
        Pick(popularity, Uniform(Random(seed, Draw::kArchetypeInterest, archetype, attempt, n)));
    mask.Add(static_cast<Interest>(interest));
    popularity[interest] = 0;  // each is named once
  }
  return mask;
}

}  // namespace

ArchetypeTable BuildArchetypes(uint64_t pool_seed) {
  ArchetypeTable table;
  for (size_t i = 0; i < kArchetypes; ++i) {
    for (uint32_t attempt = 0; attempt < kMaxAttempts; ++attempt) {
      table[i] = {DrawPersonality(pool_seed, i, attempt), DrawInterests(pool_seed, i, attempt)};
      if (std::find(table.begin(), table.begin() + i, table[i]) == table.begin() + i) break;
    }
  }
  return table;
}

}  // namespace streaming::pool
