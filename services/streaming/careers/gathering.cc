#include "services/streaming/careers/gathering.h"

#include <cmath>
#include <numeric>

namespace streaming::careers {

void GatheringCount::Add(uint32_t heads, double loyalty, pool::InterestMask interests) {
  counted_.heads += heads;
  if (loyalty >= kRegularLoyalty) counted_.regulars += heads;
  for (size_t i = 0; i < pool::kInterests; ++i) {
    if (interests.Has(static_cast<pool::Interest>(i))) heads_of_interest_[i] += heads;
  }
}

Gathering GatheringCount::Result() const {
  Gathering result = counted_;
  const auto total = static_cast<double>(
      std::accumulate(heads_of_interest_.begin(), heads_of_interest_.end(), uint64_t{0}));
  double entropy = 0;
  for (const uint64_t heads : heads_of_interest_) {
    if (heads == 0) continue;
    const double share = static_cast<double>(heads) / total;
    entropy -= share * std::log(share);
  }
  result.evenness = entropy / std::log(static_cast<double>(pool::kInterests));
  return result;
}

}  // namespace streaming::careers
