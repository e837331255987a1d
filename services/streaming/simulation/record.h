// What a simulation writes down while it runs: raw counts, from which facts.h works out figures.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "services/streaming/careers/career.h"

namespace streaming::simulation {

// A stream that ended.
struct StreamRecord {
  uint32_t streamer = 0;
  double ended_second = 0;  // since the script's beginning
  careers::Stats career;    // the streamer's, with this stream
  double live_minutes = 0;
  double viewer_minutes = 0;
  uint32_t peak_heads = 0;
  uint32_t followers_gained = 0;  // heads
  uint32_t followers_lost = 0;
  uint32_t trains = 0;             // hype trains
  uint32_t train_levels = 0;       // the highest level of each, summed
  std::vector<uint32_t> crowd;     // heads after each round
  std::vector<uint32_t> arrivals;  // heads that each round brought, moments' and raids' apart
};

struct RaidRecord {
  uint32_t heads = 0;  // of the audience that was sent
  uint32_t moved = 0;
};

struct Record {
  std::vector<StreamRecord> streams;
  std::vector<double> views;  // heads by the minutes that they stayed, 0 = less than one
  std::array<double, 101> interests = {};  // heads of attendees by mean interest, in hundredths
  std::vector<RaidRecord> raids;
  std::vector<uint32_t> heads;  // in all audiences after each round
  std::vector<uint32_t> live;   // streams after each round
  uint64_t member_steps = 0;    // members whom a round asked whether to stay

  void AddView(double minutes, uint32_t view_heads) {
    const auto minute = static_cast<size_t>(minutes);
    if (views.size() <= minute) views.resize(minute + 1);
    views[minute] += view_heads;
  }
};

}  // namespace streaming::simulation
