// Who came to a session, in the figures that the audience badges ask for.
#pragma once
#include <array>
#include <cstdint>

#include "services/streaming/pool/archetype.h"

namespace streaming::careers {

// A loyalty from which a viewer is a regular: reached by attending five sessions in a row.
inline constexpr double kRegularLoyalty = 0.4;

struct Gathering {
  uint32_t heads = 0;     // that attended, each once
  uint32_t regulars = 0;  // those of them who are regulars
  // How evenly their interests are spread, 0 (all like one thing) to 1 (all ten alike): the entropy
  // of the interests over that of an even spread.
  double evenness = 0;
  bool operator==(const Gathering&) const = default;
};

class GatheringCount {
 public:
  // A member who attended, standing for `heads`, with its loyalty after the session.
  void Add(uint32_t heads, double loyalty, pool::InterestMask interests);
  Gathering Result() const;

 private:
  Gathering counted_;
  std::array<uint64_t, pool::kInterests> heads_of_interest_ = {};
};

}  // namespace streaming::careers
