// What is read at most once in a while for everybody who asks.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/recently_used.h"
#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace common {

// One value by key. Any thread.
template <class Value>
class SharedReads {
 public:
  using Read = std::function<absl::StatusOr<Value>()>;

  // Keeps at most `most` values. One that is younger than `fresh` is given without being read
  // again; one that is younger than `usable` while somebody else reads it, or when that failed.
  SharedReads(size_t most, Duration fresh, Duration usable)
      : fresh_(fresh), usable_(usable), entries_(most) {}

  // One reader a key at a time; who comes meanwhile and has nothing usable waits for it, no longer
  // than the thread's deadline. The reader's error when nothing usable is there.
  absl::StatusOr<std::shared_ptr<const Value>> Get(const Uuid& key, Time now, const Read& read) {
    const std::shared_ptr<Entry> entry = EntryOf(key);
    std::unique_lock lock(entry->mutex);
    if (entry->Within(fresh_, now)) return entry->value;
    if (entry->reading) {
      if (!entry->Within(usable_, now)) {
        entry->read.wait_for(lock, Remaining(kPatience), [&] { return !entry->reading; });
      }
    } else {
      entry->reading = true;
      lock.unlock();
      absl::StatusOr<Value> value = read();
      lock.lock();
      entry->reading = false;
      entry->failure = value.status();
      if (value.ok()) {
        entry->value = std::make_shared<const Value>(*std::move(value));
        entry->read_at = now;
      }
      entry->read.notify_all();
    }
    if (entry->Within(usable_, now)) return entry->value;
    if (!entry->failure.ok()) return entry->failure;
    return absl::UnavailableError("whoever reads it takes too long");
  }

 private:
  struct Entry {
    bool Within(Duration age, Time now) const {
      return value != nullptr && std::chrono::abs(now - read_at) < age;
    }

    std::mutex mutex;
    std::condition_variable read;
    bool reading = false;
    absl::Status failure;  // of the last reader
    std::shared_ptr<const Value> value;
    Time read_at;
  };
  static constexpr std::chrono::seconds kPatience{10};

  std::shared_ptr<Entry> EntryOf(const Uuid& key) {
    const std::lock_guard lock(mutex_);
    if (auto found = entries_.Find(key)) return *std::move(found);
    auto entry = std::make_shared<Entry>();
    entries_.Put(key, entry);
    return entry;
  }

  const Duration fresh_;
  const Duration usable_;
  std::mutex mutex_;
  RecentlyUsed<Uuid, std::shared_ptr<Entry>> entries_;
};

}  // namespace common
