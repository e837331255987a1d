// How long the work of this thread may still take. The edge opens a scope for each call, and
// whatever waits below it (for a connection, an answer, a free place) waits no longer than that.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

namespace common {

using TimePoint = std::chrono::steady_clock::time_point;

// The nearest deadline of this thread's scopes; nullopt outside of all: workers wait for as long as
// their own time-outs say.
std::optional<TimePoint> CurrentDeadline();

// What is left until this thread's deadline, but at most `limit`. Zero or below: it has passed.
std::chrono::microseconds Remaining(std::chrono::microseconds limit);

class DeadlineScope {
 public:
  // From now on for so long. A scope inside another one cannot extend it.
  explicit DeadlineScope(std::chrono::microseconds budget);
  ~DeadlineScope();
  DeadlineScope(const DeadlineScope&) = delete;
  DeadlineScope& operator=(const DeadlineScope&) = delete;

 private:
  const std::optional<TimePoint> outer_;
};

// Whether this thread should end what it does, because the daemon stops: long work asks now and
// then, and long waits ask every second or so.
bool Stopping();

// While it lives, `flag` is what this thread asks; null: nothing stops what must not be left half
// done, such as an exchange whose answer must not be lost.
class StopScope {
 public:
  explicit StopScope(const std::atomic<bool>* flag);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  const std::atomic<bool>* const outer_;
};

}  // namespace common
