// Fixed threads and a bounded queue. gRPC's own threads must never block, so every handler runs
// here; a full queue is an answer (RESOURCE_EXHAUSTED), not a wait.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace common::executor {

class Executor {
 public:
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

  size_t queue_depth() const;
  size_t queue_max() const { return queue_max_; }

 private:
  void Run();

  const size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Calls `step` about every `interval` on a thread of its own until destroyed or stopped. The
// workers of both daemons are Loops.
class Loop {
 public:
  // `step` returns how long to wait before the next one (zero: at once) and must not throw.
  explicit Loop(std::function<std::chrono::microseconds()> step);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Start();  // once; a further call has no effect
  void Stop();   // waits for the running step; idempotent
  void Wake();   // the next step begins now

 private:
  void Run();

  const std::function<std::chrono::microseconds()> step_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool woken_ = false;
  std::thread thread_;
};

}  // namespace common::executor
