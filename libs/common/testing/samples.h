// Reading a scrape.
#pragma once
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

namespace common::testing {

// The value of a series in a scrape's text; `series` is its name with its labels as the text has
// them, for example `calls_total{code="OK"}`. NaN, which equals nothing, when it is not there.
inline double SampleOf(std::string_view scrape, std::string_view series) {
  const std::string line = "\n" + std::string(series) + " ";
  const size_t at = scrape.find(line);
  if (at == std::string_view::npos) return std::numeric_limits<double>::quiet_NaN();
  return std::strtod(std::string(scrape.substr(at + line.size(), 64)).c_str(), nullptr);
}

}  // namespace common::testing
