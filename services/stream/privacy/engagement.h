// How much a viewer takes part: how often, how lately and in how many ways.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "libs/common/base/time.h"

namespace stream::privacy {

// After the recency and frequency of the RFM model of marketing; the constants are ours. Somebody
// who wrote a dozen lines within ten minutes, of more than one kind, scores about 0.75.
class Engagement {
 public:
  // `kinds`: a bit for each way of taking part that this was.
  void Take(uint32_t kinds, common::Time now) {
    acts_ = static_cast<float>(acts_ * Faded(now, kActsHalfLife)) + 1;
    kinds_ |= kinds;
    last_ = std::max(last_, now);
  }

  // 0 to 1; 0 of somebody who did nothing.
  double Score(common::Time now) const {
    if (kinds_ == 0) return 0;
    const double frequency = 1 - std::exp(-acts_ * Faded(now, kActsHalfLife) / kManyActs);
    const double recency = Faded(now, kRecencyHalfLife);
    const double variety = 1 - std::exp2(1 - std::popcount(kinds_));
    return 0.5 * frequency + 0.3 * recency + 0.2 * variety;
  }

 private:
  static constexpr std::chrono::minutes kActsHalfLife{10};
  static constexpr std::chrono::minutes kRecencyHalfLife{5};
  static constexpr double kManyActs = 8;

  // What is left of 1 since the last act.
  double Faded(common::Time now, std::chrono::minutes half_life) const {
    const std::chrono::duration<double> idle = std::max(now - last_, common::Duration::zero());
    return std::exp2(-idle / half_life);
  }

  float acts_ = 0;  // fading
  uint32_t kinds_ = 0;
  common::Time last_;
};

}  // namespace stream::privacy
