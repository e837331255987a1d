// A few values by key, the least recently used of which give way to new ones.
#pragma once
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace common {

// Any thread.
template <class Key, class Value>
class RecentlyUsed {
 public:
  // Keeps at most `most` values, above 0.
  explicit RecentlyUsed(size_t most) : most_(most) {}

  // A copy of the value of `key`; nullopt without one.
  std::optional<Value> Find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return std::nullopt;
    values_.splice(values_.begin(), values_, found->second);
    return found->second->second;
  }
  // The value itself, which is gone from here then.
  std::optional<Value> Take(const Key& key) {
    std::list<Entry> taken;  // dies outside the lock
    {
      const std::lock_guard lock(mutex_);
      Unlink(key, taken);
    }
    if (taken.empty()) return std::nullopt;
    return std::move(taken.front().second);
  }
  void Put(const Key& key, Value value) {
    std::list<Entry> added;
    std::list<Entry> gone;
    added.emplace_back(key, std::move(value));
    const std::lock_guard lock(mutex_);
    Unlink(key, gone);
    if (values_.size() >= most_) Unlink(Key(values_.back().first), gone);
    places_[key] = added.begin();
    values_.splice(values_.begin(), added);
  }
  void Erase(const Key& key) { Take(key); }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  using Entry = std::pair<Key, Value>;

  void Unlink(const Key& key, std::list<Entry>& to) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    to.splice(to.begin(), values_, found->second);
    places_.erase(found);
  }

  const size_t most_;
  mutable std::mutex mutex_;
  std::list<Entry> values_;  // the last used first
  std::unordered_map<Key, typename std::list<Entry>::iterator> places_;
};

}  // namespace common
