#include "libs/common/executor/executor.h"

#include <atomic>
#include <future>
#include <set>

#include <gtest/gtest.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/time.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/samples.h"
#include "libs/common/trace/trace.h"

namespace common::executor {
namespace {

using testing::Eventually;
using testing::SampleOf;

TEST(Executor, RefusesWhenFullAndRunsAllThatItAccepted) {
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  std::atomic<int> ran = 0;
  int accepted = 0;
  {
    Executor executor(1, 4);
    std::promise<void> started;
    ASSERT_TRUE(executor.TrySubmit([&] {
      started.set_value();
      open.wait();
      ++ran;
    }));
    started.get_future().wait();
    for (int i = 0; i < 10; ++i) accepted += executor.TrySubmit([&] { ++ran; });
    EXPECT_EQ(accepted, 4);
    EXPECT_EQ(executor.stats().queued, 4u);
    EXPECT_EQ(executor.stats().busy, 1u);
    EXPECT_EQ(executor.stats().refused, 6u);
    gate.set_value();
  }
  EXPECT_EQ(ran, 5);
}

TEST(Executor, RefusesAfterStop) {
  Executor executor(2, 4);
  executor.Stop();
  EXPECT_FALSE(executor.TrySubmit([] {}));
}

TEST(Loop, WakesAndStops) {
  std::atomic<int> steps = 0;
  std::promise<void> first, second;
  metrics::Registry metrics;
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    const int step = ++steps;
    if (step == 1) first.set_value();
    if (step == 2) second.set_value();
    return {std::chrono::hours(1)};
  });
  loop.Start();
  first.get_future().wait();
  loop.Wake();
  second.get_future().wait();
  loop.Stop();
  const int after = steps;
  loop.Wake();
  EXPECT_EQ(steps, after);
}

TEST(Loop, EveryStepIsATraceOfItsOwn) {
  std::set<std::string> traces;
  std::atomic<int> steps = 0;
  metrics::Registry metrics;
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    if (trace::Current() != nullptr) traces.insert(trace::Current()->TraceIdHex());
    ++steps;
    return {std::chrono::milliseconds(1)};
  });
  loop.Start();
  EXPECT_TRUE(Eventually([&] { return steps >= 3; }));
  loop.Stop();
  EXPECT_EQ(traces.size(), static_cast<size_t>(steps));
}

TEST(Loop, ItsMetricsTellStepsFailuresAndWhenTheNextIsDue) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string labels = "{worker=\"test\"}";
  std::atomic<int> steps = 0;
  metrics::Registry metrics;
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    if (++steps < 3) return {std::chrono::milliseconds(0), absl::UnavailableError("away")};
    return {std::chrono::hours(1)};
  });
  const auto sample = [&](const std::string& name) {
    return SampleOf(metrics.Text(), name + labels);
  };
  EXPECT_EQ(sample("worker_due_timestamp_seconds"), kInfinity);
  const double start = ToSeconds(Now().time_since_epoch());
  loop.Start();
  EXPECT_TRUE(Eventually([&] {
    const double due = sample("worker_due_timestamp_seconds");
    return due >= start + 3600 && due < kInfinity;
  }));
  EXPECT_EQ(sample("worker_failures_total"), 2);
  EXPECT_EQ(sample("worker_step_seconds_count"), 3);
  loop.Stop();
  EXPECT_EQ(sample("worker_due_timestamp_seconds"), kInfinity);
}

TEST(Loop, AStepThatHangsIsOverdueSinceItBegan) {
  std::promise<void> hanging;
  std::promise<void> gate;
  metrics::Registry metrics;
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    hanging.set_value();
    gate.get_future().wait();
    return {std::chrono::hours(1)};
  });
  const double start = ToSeconds(Now().time_since_epoch());
  loop.Start();
  hanging.get_future().wait();
  const double due = SampleOf(metrics.Text(), "worker_due_timestamp_seconds{worker=\"test\"}");
  EXPECT_GE(due, start);
  EXPECT_LE(due, ToSeconds(Now().time_since_epoch()));
  gate.set_value();
}

TEST(Loop, ALongStepIsToldToEndAndHasNotFailed) {
  metrics::Registry metrics;
  std::promise<void> begun;
  bool told = false;
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    begun.set_value();
    told = Eventually([] { return Stopping(); });
    const StopScope uninterrupted(nullptr);
    told = told && !Stopping();
    return {.status = absl::UnavailableError("cut short")};
  });
  EXPECT_FALSE(Stopping());
  loop.Start();
  begun.get_future().wait();
  loop.Stop();
  EXPECT_TRUE(told);
  EXPECT_EQ(SampleOf(metrics.Text(), "worker_failures_total{worker=\"test\"}"), 0);
}

TEST(Loop, AStreakOfFailuresIsTwoLines) {
  std::atomic<int> steps = 0;
  metrics::Registry metrics;
  ::testing::internal::CaptureStderr();
  Loop loop("test", metrics, [&]() -> Loop::Outcome {
    const int step = ++steps;
    if (step <= 5) return {std::chrono::milliseconds(0), absl::UnavailableError("away")};
    return {std::chrono::milliseconds(step < 8 ? 0 : 3'600'000)};
  });
  loop.Start();
  EXPECT_TRUE(Eventually([&] { return steps == 8; }));
  loop.Stop();
  const std::string log = ::testing::internal::GetCapturedStderr();
  const auto count = [&log](std::string_view event) {
    size_t found = 0;
    for (size_t at = 0; (at = log.find(event, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("\"worker.failing\""), 1u) << log;
  EXPECT_EQ(count("\"worker.recovered\""), 1u) << log;
  EXPECT_EQ(count("\"UNAVAILABLE\""), 1u) << log;
}

}  // namespace
}  // namespace common::executor
