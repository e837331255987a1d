// Random numbers of the script that a simulation plays. Counter-based like those of the rules, so
// that one streamer's script does not depend on how many others there are.
#pragma once
#include <cmath>
#include <cstdint>

#include "services/streaming/audience/random.h"

namespace streaming::simulation {

// What a draw of the script is for: values of their own, far from those of audience::Draw.
enum class Choice : uint64_t {
  kPool = 0x73696d00,
  kPast,
  kTalent,
  kTags,
  kLength,
  kStart,
  kMoments,
  kRaid,
};

// A stream of draws for one purpose and one subject.
class Chance {
 public:
  Chance(uint64_t seed, Choice choice, uint64_t subject)
      : key_(audience::Extend(
            audience::Extend(audience::Mix64(seed), static_cast<uint64_t>(choice)), subject)) {}

  uint64_t Bits() { return audience::Extend(key_, next_++); }
  double Uniform() { return audience::Uniform(Bits()); }  // [0, 1)
  double OpenUniform() { return 1 - Uniform(); }          // (0, 1]
  uint32_t Below(uint32_t bound) { return audience::Below(Bits(), bound); }
  double Exponential(double mean) { return -mean * std::log(OpenUniform()); }
  // Box and Muller's method.
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(OpenUniform()));
    return radius * std::cos(2 * 3.14159265358979323846 * Uniform());
  }
  // At least `least`; above x with chance (least / x) ^ exponent.
  double Pareto(double least, double exponent) {
    return least * std::pow(OpenUniform(), -1 / exponent);
  }

 private:
  uint64_t key_;
  uint64_t next_ = 0;
};

}  // namespace streaming::simulation
