#include "libs/common/base/deadline.h"

namespace common {
namespace {

thread_local std::optional<TimePoint> current;
thread_local const std::atomic<bool>* stop_flag = nullptr;

}  // namespace

std::optional<TimePoint> CurrentDeadline() { return current; }

std::chrono::microseconds Remaining(std::chrono::microseconds limit) {
  if (!current) return limit;
  return std::min(limit, std::chrono::duration_cast<std::chrono::microseconds>(
                             *current - std::chrono::steady_clock::now()));
}

DeadlineScope::DeadlineScope(std::chrono::microseconds budget) : outer_(current) {
  const TimePoint deadline = std::chrono::steady_clock::now() + budget;
  current = outer_ ? std::min(*outer_, deadline) : deadline;
}

DeadlineScope::~DeadlineScope() { current = outer_; }

bool Stopping() { return stop_flag != nullptr && *stop_flag; }

StopScope::StopScope(const std::atomic<bool>* flag) : outer_(stop_flag) { stop_flag = flag; }

StopScope::~StopScope() { stop_flag = outer_; }

}  // namespace common
