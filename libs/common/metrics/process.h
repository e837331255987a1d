// The process as its operating system sees it, under the names that every Prometheus client uses.
#pragma once
#include "libs/common/metrics/metrics.h"

namespace common::metrics {

// Measures the process at every scrape. To be called once, when the process begins.
void WatchProcess(Registry& registry);

}  // namespace common::metrics
