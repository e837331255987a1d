// Remembers the last things that happened, so that a repeat is told apart. Bounded, in memory.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_set>

namespace stream::ingest {

// Thread-safe. Keeps hashes only: two different names meet in one of 2^64 pairs.
class Recent {
 public:
  explicit Recent(size_t capacity) : capacity_(capacity) {}

  // True the first time, and again once `capacity` others came after it.
  bool Add(std::string_view name) {
    const size_t hash = std::hash<std::string_view>()(name);
    const std::lock_guard lock(mutex_);
    if (!known_.insert(hash).second) return false;
    order_.push_back(hash);
    if (order_.size() > capacity_) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::unordered_set<size_t> known_;
  std::deque<size_t> order_;
};

}  // namespace stream::ingest
