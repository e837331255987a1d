// Waiting for something that happens elsewhere, without a guess of how long it takes.
#pragma once
#include <chrono>
#include <functional>
#include <thread>

#include "libs/common/base/time.h"

namespace common::testing {

// Asks `condition`, with pauses, until it holds: true. False when `deadline` has passed.
inline bool Eventually(const std::function<bool()>& condition,
                       Duration deadline = std::chrono::seconds(10),
                       Duration pause = std::chrono::milliseconds(5)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace common::testing
