// At most so many connections to one server, lent one borrower at a time.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/status.h"

namespace common::pool {

using TimePoint = std::chrono::steady_clock::time_point;

// For the metrics: connections that exist, those lent, and how often a caller had to wait for one.
struct Stats {
  size_t open = 0;
  size_t in_use = 0;
  uint64_t waits = 0;
};

// `limit`, or what is left until the deadline if that is less. Zero or below: it has passed.
inline std::chrono::microseconds Remaining(std::chrono::microseconds limit,
                                           std::optional<TimePoint> deadline) {
  if (!deadline) return limit;
  return std::min(limit, std::chrono::duration_cast<std::chrono::microseconds>(
                             *deadline - std::chrono::steady_clock::now()));
}

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

  // `size`: how many may be open; `wait`: how long a borrower waits for one to come free.
  BoundedPool(size_t size, std::chrono::microseconds wait) : size_(size), wait_(wait) {}

  // Lends an idle one that `usable(T&)` accepts (the others are closed), else what `open()`
  // returns, a StatusOr<std::unique_ptr<T>>. RESOURCE_EXHAUSTED when none came free in time,
  // DEADLINE_EXCEEDED when the deadline was nearer.
  template <class Usable, class Open>
  absl::StatusOr<Lease> Borrow(std::optional<TimePoint> deadline, Usable usable, Open open) {
    RETURN_IF_ERROR(Reserve(deadline));
    while (std::unique_ptr<T> item = TakeIdle()) {
      if (usable(*item)) return Lease(*this, std::move(item), /*pooled=*/true);
    }
    absl::StatusOr<std::unique_ptr<T>> item = open();
    if (!item.ok()) {
      GiveBack(nullptr);
      return item.status();
    }
    return Lease(*this, *std::move(item), /*pooled=*/false);
  }

  // Closes the idle ones: what broke one connection has most likely broken them all.
  void CloseIdle() {
    std::vector<std::unique_ptr<T>> closing;
    const std::lock_guard lock(mutex_);
    closing.swap(idle_);
  }

  Stats stats() const {
    const std::lock_guard lock(mutex_);
    return {.open = idle_.size() + in_use_, .in_use = in_use_, .waits = waits_};
  }

 private:
  absl::Status Reserve(std::optional<TimePoint> deadline) {
    std::unique_lock lock(mutex_);
    const auto has_room = [this] { return in_use_ < size_; };
    if (!has_room()) {
      ++waits_;
      if (!returned_.wait_for(lock, Remaining(wait_, deadline), has_room)) {
        if (deadline && std::chrono::steady_clock::now() >= *deadline) {
          return absl::DeadlineExceededError("deadline passed while waiting for a connection");
        }
        return absl::ResourceExhaustedError("all connections are in use");
      }
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
      if (item && !item->broken()) idle_.push_back(std::move(item));
    }
    returned_.notify_one();
  }

  const size_t size_;
  const std::chrono::microseconds wait_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<T>> idle_;  // the last one given back is lent first
  size_t in_use_ = 0;
  uint64_t waits_ = 0;
};

}  // namespace common::pool
