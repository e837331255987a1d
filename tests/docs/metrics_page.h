// The page of all metrics, from the daemons themselves.
#pragma once
#include <string>

namespace docs {

// Builds both daemons, which talks to nothing outside, and tells of every metric that they have
// then. A metric that appears only later is missed: tests/e2e compares the page with a scrape.
std::string Metrics();

}  // namespace docs
