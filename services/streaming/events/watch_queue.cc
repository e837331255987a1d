#include "services/streaming/events/watch_queue.h"

#include <algorithm>
#include <utility>

namespace streaming::events {

bool WatchQueue::Put(std::shared_ptr<const Delivery> delivery) {
  if (over_) return false;
  if (waiting_.size() - missed_ < limit_ || DropOne(Keeping::kSnapshot) ||
      (delivery->keeping > Keeping::kSnapshot && DropOne(Keeping::kReaction))) {
    Append(std::move(delivery));
    return true;
  }
  if (delivery->keeping != Keeping::kAlways) {
    // What waits is worth more than this.
    ++dropped_;
    ++gap_;
    return true;
  }
  over_ = true;
  waiting_.clear();
  missed_ = 0;
  return false;
}

void WatchQueue::PutMissed(std::shared_ptr<const Delivery> delivery) {
  ++missed_;
  Append(std::move(delivery));
}

void WatchQueue::Append(std::shared_ptr<const Delivery> delivery) {
  waiting_.push_back({std::move(delivery), std::exchange(gap_, 0)});
}

bool WatchQueue::DropOne(Keeping at_most) {
  const auto found =
      std::find_if(waiting_.begin() + static_cast<ptrdiff_t>(missed_), waiting_.end(),
                   [&](const Waiting& waiting) { return waiting.delivery->keeping <= at_most; });
  if (found == waiting_.end()) return false;
  const uint32_t gap = found->gap + 1;
  const auto next = waiting_.erase(found);
  (next == waiting_.end() ? gap_ : next->gap) += gap;
  ++dropped_;
  return true;
}

std::optional<WatchQueue::Taken> WatchQueue::Take() {
  if (waiting_.empty()) return std::nullopt;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  if (missed_ > 0) --missed_;
  // What is told once may come from an instance that has read less than the watcher has seen.
  cursor_ = std::max(cursor_, first.delivery->cursor);
  return Taken{std::move(first.delivery), first.gap, cursor_};
}

}  // namespace streaming::events
