// At most so many connections to one server, lent one borrower at a time; and nobody waits for a
// server that is known not to answer.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/pool/breaker.h"

namespace common::pool {

// For the metrics: connections that may exist, that do, those lent, and how often a caller had to
// wait for one.
struct Stats {
  size_t limit = 0;
  size_t open = 0;
  size_t in_use = 0;
  uint64_t waits = 0;
};

// Thread-safe. T needs `bool broken() const`: a broken one is closed when it comes back, never lent
// again. The pool must outlive its leases.
template <class T>
class BoundedPool {
 public:
  // A borrowed T, given back at the end of the lease's life.
  class Lease {
   public:
    Lease(BoundedPool& pool, std::unique_ptr<T> item, bool pooled)
        : pool_(&pool), item_(std::move(item)), pooled_(pooled) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (item_) pool_->GiveBack(std::move(item_));
    }

    T* operator->() const { return item_.get(); }
    T& operator*() const { return *item_; }
    // Whether it served somebody before, so that the server may have closed it since.
    bool pooled() const { return pooled_; }

   private:
    BoundedPool* pool_;
    std::unique_ptr<T> item_;
    bool pooled_;
  };

  // `size`: how many may be open; `wait`: how long a borrower waits for one to come free, if its
  // thread's deadline is not nearer; `pause`: see Breaker.
  BoundedPool(size_t size, std::chrono::microseconds wait, std::chrono::milliseconds pause)
      : size_(size), wait_(wait), breaker_(pause) {}

  // Lends an idle one that `usable(T&)` accepts (the others are closed), else what `open()`
  // returns, a StatusOr<std::unique_ptr<T>>. UNAVAILABLE, at once, while the server does not
  // answer; RESOURCE_EXHAUSTED when none came free in time, DEADLINE_EXCEEDED when the deadline was
  // nearer.
  template <class Usable, class Open>
  absl::StatusOr<Lease> Borrow(Usable usable, Open open) {
    if (!breaker_.Allow(std::chrono::steady_clock::now())) return Down();
    RETURN_IF_ERROR(Reserve());
    while (std::unique_ptr<T> item = TakeIdle()) {
      if (usable(*item)) return Lease(*this, std::move(item), /*pooled=*/true);
    }
    const TimePoint begun = std::chrono::steady_clock::now();
    absl::StatusOr<std::unique_ptr<T>> item = open();
    if (!item.ok()) {
      GiveBack(nullptr);
      // A refusal costs nobody any time, and the server may be back with the next call.
      const bool waited = std::chrono::steady_clock::now() - begun >= kSilence;
      if (waited && absl::IsUnavailable(item.status())) NoteSilence();
      return item.status();
    }
    breaker_.Succeed();
    return Lease(*this, *std::move(item), /*pooled=*/false);
  }

  // To be told when the server did not answer in time: whoever waits for a connection stops
  // waiting.
  void NoteSilence() {
    {
      const std::lock_guard lock(mutex_);
      breaker_.Fail(std::chrono::steady_clock::now());
    }
    returned_.notify_all();
    CloseIdle();
  }

  // Closes the idle ones: what broke one connection has most likely broken them all.
  void CloseIdle() {
    std::vector<std::unique_ptr<T>> closing;
    const std::lock_guard lock(mutex_);
    closing.swap(idle_);
  }

  Stats stats() const {
    const std::lock_guard lock(mutex_);
    return {.limit = size_, .open = idle_.size() + in_use_, .in_use = in_use_, .waits = waits_};
  }

 private:
  static constexpr std::chrono::milliseconds kSilence{100};

  static absl::Status Down() { return absl::UnavailableError("the server does not answer"); }

  absl::Status Reserve() {
    std::unique_lock lock(mutex_);
    if (in_use_ >= size_) {
      ++waits_;
      const auto limit = Remaining(wait_);
      // Only a failure that happens meanwhile counts: who tries a server that is down may wait.
      const bool was_down = breaker_.down();
      const auto done = [&] { return in_use_ < size_ || (breaker_.down() && !was_down); };
      if (!returned_.wait_for(lock, limit, done)) {
        return limit < wait_ ? absl::DeadlineExceededError("no connection before the deadline")
                             : absl::ResourceExhaustedError("all connections are in use");
      }
      if (in_use_ >= size_) return Down();
    }
    ++in_use_;
    return absl::OkStatus();
  }

  std::unique_ptr<T> TakeIdle() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<T> item = std::move(idle_.back());
    idle_.pop_back();
    return item;
  }

  void GiveBack(std::unique_ptr<T> item) {
    {
      const std::lock_guard lock(mutex_);
      --in_use_;
      if (item && !item->broken()) {
        breaker_.Succeed();
        idle_.push_back(std::move(item));
      }
    }
    returned_.notify_one();
  }

  const size_t size_;
  const std::chrono::microseconds wait_;
  Breaker breaker_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<T>> idle_;  // the last one given back is lent first
  size_t in_use_ = 0;
  uint64_t waits_ = 0;
};

}  // namespace common::pool
