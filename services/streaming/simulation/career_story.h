// How careers go in a simulation: what newcomers reached, and when.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "services/streaming/careers/career.h"
#include "services/streaming/simulation/record.h"
#include "services/streaming/simulation/schedule.h"

namespace streaming::simulation {

// The end of a stream at which something was reached.
struct Chapter {
  double day = 0;                           // since the newcomer's first stream began
  uint32_t stream = 0;                      // the newcomer's count of its streams, from 1
  std::vector<careers::Milestone> reached;  // each for the first time; empty at the first stream
  double mean_heads = 0;                    // of this stream's audience
  uint32_t peak_heads = 0;
  uint32_t followers = 0;
};

struct CareerStory {
  uint32_t streamer = 0;
  uint32_t streams = 0;  // that have ended
  double live_hours = 0;
  double watch_hours = 0;  // of the audiences
  careers::Stats stats;    // at the end
  std::vector<Chapter> chapters;
};

// The careers of the schedule's newcomers, in their order; of those without an ended stream too.
std::vector<CareerStory> CareersOf(const Schedule& schedule, const Record& record);

// How many of them reached each phase, and when; by phase, from Rising.
struct PhaseFigures {
  careers::Phase phase = careers::Phase::kUnknown;
  uint32_t reached = 0;
  // Days and streams until it, of those who reached it; 0 when nobody did.
  double first_day = 0;
  double median_day = 0;
  double median_streams = 0;
};
std::vector<PhaseFigures> PhaseFiguresOf(const std::vector<CareerStory>& careers);

// For people: the table of phases, and the stories of the best, the middle and the last of them by
// growth.
std::string FormatCareers(const Schedule& schedule, const std::vector<CareerStory>& careers);

}  // namespace streaming::simulation
