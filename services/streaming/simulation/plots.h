// The pictures of a simulation.
#pragma once
#include <string>
#include <vector>

#include "services/streaming/simulation/figures.h"
#include "services/streaming/simulation/record.h"

namespace streaming::simulation {

struct Plot {
  std::string name;  // of the file, without its ending
  std::string svg;
};

// What one run looks like: one picture of six charts.
Plot OverviewOf(const Record& record, double round_minutes);

// What a run with one value of a setting came to.
struct Compared {
  double value = 0;
  Figures figures;
};
// What a setting does: figures over its values.
Plot ComparisonOf(const std::string& setting, const std::vector<Compared>& runs);

}  // namespace streaming::simulation
