#include "libs/common/metrics/metrics.h"

#include <fstream>

#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "libs/common/metrics/process.h"
#include "libs/common/testing/samples.h"

namespace common::metrics {
namespace {

using testing::SampleOf;

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  Registry registry;
  registry.GetCounter("calls_total", "Calls.", {{"code", "OK"}}).Increment();
  registry.GetCounter("calls_total", "Calls.", {{"code", "OK"}}).Increment();
  registry.GetCounter("calls_total", "Calls.", {{"code", "ABORTED"}});
  EXPECT_EQ(SampleOf(registry.Text(), "calls_total{code=\"OK\"}"), 2);
  EXPECT_EQ(SampleOf(registry.Text(), "calls_total{code=\"ABORTED\"}"), 0);
}

TEST(Metrics, WhatSomebodyElseCountsIsSampledAtEachScrape) {
  Registry registry;
  uint64_t total = 0;
  registry.OnScrape(
      [&total, &counter = registry.GetCounter("seen_total", "Seen.")] { RaiseTo(counter, total); });
  EXPECT_EQ(SampleOf(registry.Text(), "seen_total"), 0);
  total = 5;
  EXPECT_EQ(SampleOf(registry.Text(), "seen_total"), 5);
  total = 7;
  EXPECT_EQ(SampleOf(registry.Text(), "seen_total"), 7);
}

TEST(Metrics, TheProcessIsMeasured) {
  Registry registry;
  WatchProcess(registry);
  const std::string before = registry.Text();
  EXPECT_GT(SampleOf(before, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_NEAR(SampleOf(before, "process_start_time_seconds"), ToSeconds(Now().time_since_epoch()),
              3600);
  EXPECT_GE(SampleOf(before, "process_max_fds"), SampleOf(before, "process_open_fds"));
  const std::ifstream file("/proc/self/stat");
  const std::string after = registry.Text();
  EXPECT_EQ(SampleOf(after, "process_open_fds"), SampleOf(before, "process_open_fds") + 1);
  EXPECT_GE(SampleOf(after, "process_cpu_seconds_total"),
            SampleOf(before, "process_cpu_seconds_total"));
  EXPECT_GT(SampleOf(after, "process_cpu_seconds_total"), 0);
}

}  // namespace
}  // namespace common::metrics
