// The published facts of live audiences beside what a simulation comes to.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "services/streaming/simulation/figures.h"

namespace streaming::simulation {

enum class Verdict { kPass, kFail, kNotApplicable };
std::string_view NameOf(Verdict verdict);

struct Fact {
  std::string name;
  std::string published;  // in its own words
  double value = 0;
  double least = 0;  // the band, inclusive
  double most = 0;
  Verdict verdict = Verdict::kNotApplicable;
  std::string note;  // what it is measured on; of kNotApplicable the reason
};

// Every row that is published, in the order of the table, each with as many facts as it has
// numbers. `members_each`: of the pool for each channel.
std::vector<Fact> FactsOf(const Figures& figures, const Emotions& emotions, double members_each);

// True unless one fails.
bool AllHold(const std::vector<Fact>& facts);

// A table for people, one fact a line.
std::string FormatFacts(const std::vector<Fact>& facts);
// The same for programs, with a head line.
std::string CsvOf(const std::vector<Fact>& facts);

}  // namespace streaming::simulation
