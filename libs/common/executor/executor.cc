#include "libs/common/executor/executor.h"

#include <limits>
#include <utility>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/base/time.h"
#include "libs/common/log/log.h"
#include "libs/common/trace/trace.h"

namespace common::executor {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

}  // namespace

Executor::Executor(size_t threads, size_t queue_max) : queue_max_(queue_max) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

Executor::~Executor() { Stop(); }

bool Executor::TrySubmit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) {
      ++refused_;
      return false;
    }
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void Executor::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

Executor::Stats Executor::stats() const {
  const std::lock_guard lock(mutex_);
  return {.queued = queue_.size(), .busy = busy_, .refused = refused_};
}

void Executor::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> task = std::move(queue_.front());
    queue_.pop_front();
    ++busy_;
    lock.unlock();
    task();
    task = nullptr;  // what it holds ends before the lock is taken
    lock.lock();
    --busy_;
  }
}

Loop::Loop(std::string name, metrics::Registry& metrics, std::function<Outcome()> step)
    : name_(std::move(name)),
      step_(std::move(step)),
      seconds_(metrics.GetTimer("worker_step_seconds",
                                "What a worker's step took, waiting for messages included.",
                                {{"worker", name_}})),
      failures_(metrics.GetCounter("worker_failures_total",
                                   "Steps that could not do all they had to and are repeated.",
                                   {{"worker", name_}})),
      due_(metrics.GetGauge("worker_due_timestamp_seconds",
                            "Unix time at which a worker's running step began, or its next one is "
                            "due; +Inf while it does not run. What this lies behind is its lag.",
                            {{"worker", name_}})) {
  due_.Set(kNever);
}

Loop::~Loop() { Stop(); }

void Loop::Start() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] { Run(); });
}

void Loop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loop::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

void Loop::Run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
      woken_ = false;
    }
    const auto pause = TakeStep();
    due_.Set(ToSeconds((Now() + pause).time_since_epoch()));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return stopping_ || woken_; });
  }
  due_.Set(kNever);
}

std::chrono::microseconds Loop::TakeStep() {
  const trace::Scope scope(trace::NewRoot());
  const StopScope stop(&stopping_);
  const auto begin = std::chrono::steady_clock::now();
  due_.Set(ToSeconds(Now().time_since_epoch()));
  const Outcome outcome = step_();
  seconds_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  // What was cut short did not fail.
  if (!stopping_) Judge(outcome.status);
  return outcome.pause;
}

void Loop::Judge(const absl::Status& status) {
  if (!status.ok()) failures_.Increment();
  if (failing_ == !status.ok()) return;
  failing_ = !status.ok();
  // Transitions only: an outage is two lines, not one a step.
  if (failing_) {
    log::Warning("worker.failing", {{"worker", name_},
                                    {"code", absl::StatusCodeToString(status.code())},
                                    {"problem", ToStd(status.message())}});
  } else {
    log::Info("worker.recovered", {{"worker", name_}});
  }
}

}  // namespace common::executor
