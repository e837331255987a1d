#include "libs/common/executor/executor.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace common::executor {
namespace {

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
    EXPECT_EQ(executor.queue_depth(), 4u);
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
  Loop loop([&] {
    const int step = ++steps;
    if (step == 1) first.set_value();
    if (step == 2) second.set_value();
    return std::chrono::hours(1);
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

}  // namespace
}  // namespace common::executor
