// A small memory of answers that may be a little old. Bounded, thread-safe.
#pragma once
#include <mutex>
#include <optional>
#include <unordered_map>

#include "libs/common/base/time.h"

namespace stream {

template <class Key, class Value>
class TtlCache {
 public:
  TtlCache(common::Duration ttl, size_t capacity) : ttl_(ttl), capacity_(capacity) {}

  std::optional<Value> Get(const Key& key, common::Time now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.expires_at <= now) return std::nullopt;
    return found->second.value;
  }

  // A full cache starts afresh: its answers are cheap to ask for again.
  void Put(const Key& key, Value value, common::Time now) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= capacity_) entries_.clear();
    entries_.insert_or_assign(key, Entry{std::move(value), now + ttl_});
  }

  void Forget(const Key& key) {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
  }

 private:
  struct Entry {
    Value value;
    common::Time expires_at;
  };

  const common::Duration ttl_;
  const size_t capacity_;
  std::mutex mutex_;
  std::unordered_map<Key, Entry> entries_;
};

}  // namespace stream
