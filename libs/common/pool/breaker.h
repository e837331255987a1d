// Keeps callers from queueing up behind a server that does not answer.
#pragma once
#include <atomic>
#include <chrono>
#include <mutex>

#include "libs/common/base/deadline.h"

namespace common::pool {

// Counts a server as down after one time-out. From then on one caller in each `pause` may try it,
// so that at most a few threads wait at once; the others are told "no" immediately. The first
// success ends it. Thread-safe; free of locks while all is well.
class Breaker {
 public:
  explicit Breaker(std::chrono::milliseconds pause) : pause_(pause) {}

  bool down() const { return down_.load(std::memory_order_acquire); }

  // Whether to go on to the server. While it is down, true makes the caller the one who tries.
  bool Allow(TimePoint now) {
    if (!down()) return true;
    const std::lock_guard lock(mutex_);
    if (now < next_trial_) return false;
    next_trial_ = now + pause_;
    return true;
  }

  void Succeed() {
    if (down()) down_.store(false, std::memory_order_release);
  }

  void Fail(TimePoint now) {
    const std::lock_guard lock(mutex_);
    next_trial_ = now + pause_;
    down_.store(true, std::memory_order_release);
  }

 private:
  const std::chrono::milliseconds pause_;
  std::atomic<bool> down_{false};
  std::mutex mutex_;
  TimePoint next_trial_{};
};

}  // namespace common::pool
