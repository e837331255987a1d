// Fixed threads and a bounded queue. gRPC's own threads must never block, so every handler runs
// here; a full queue is an answer (RESOURCE_EXHAUSTED), not a wait.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>

#include "libs/common/metrics/metrics.h"

namespace common::executor {

class Executor {
 public:
  // For the metrics.
  struct Stats {
    size_t queued = 0;     // tasks that wait for a thread
    size_t busy = 0;       // threads that run a task
    uint64_t refused = 0;  // tasks that found the queue full or the executor stopped, since ever
  };

  // Both at least 1. Threads start at once.
  Executor(size_t threads, size_t queue_max);
  // Runs what was accepted, then joins.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Never blocks; false when the queue is full or the executor stops. `task` must not throw.
  bool TrySubmit(std::function<void()> task);

  // Refuses new tasks, runs the accepted ones and joins. May be called twice.
  void Stop();

  Stats stats() const;
  size_t queue_max() const { return queue_max_; }
  size_t threads() const { return threads_.size(); }

 private:
  void Run();

  const size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  size_t busy_ = 0;
  uint64_t refused_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Takes one step after another on a thread of its own until destroyed or stopped. All workers of
// both daemons are Loops: so each has the same metrics, every step runs in a trace of its own, and
// a streak of failures is logged when it begins and when it ends.
class Loop {
 public:
  // How a step went.
  struct Outcome {
    std::chrono::microseconds pause{0};      // before the next one; zero: at once
    absl::Status status = absl::OkStatus();  // what kept it from doing all it had to
  };

  // `name` is a constant of the code: a label of the metrics. `metrics` outlives the loop. `step`
  // must not throw.
  Loop(std::string name, metrics::Registry& metrics, std::function<Outcome()> step);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Start();  // once; a further call has no effect
  void Stop();   // waits for the running step, which is told by Stopping(); idempotent
  void Wake();   // the next step begins now

 private:
  void Run();
  std::chrono::microseconds TakeStep();
  void Judge(const absl::Status& status);

  const std::string name_;
  const std::function<Outcome()> step_;
  metrics::Histogram& seconds_;
  metrics::Counter& failures_;
  metrics::Gauge& due_;
  bool failing_ = false;  // of the loop's thread
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  bool woken_ = false;
  std::thread thread_;
};

}  // namespace common::executor
