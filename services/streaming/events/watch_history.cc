#include "services/streaming/events/watch_history.h"

#include <algorithm>
#include <utility>

namespace streaming::events {

void WatchHistory::Begin(uint64_t sequence) {
  if (position_ != 0) return;
  begin_ = sequence;
  position_ = sequence;
}

void WatchHistory::Clear() {
  begin_ = 0;
  position_ = 0;
  sessions_.clear();
  order_.clear();
}

void WatchHistory::Pass(uint64_t sequence) {
  Begin(sequence - 1);
  position_ = std::max(position_, sequence);
}

void WatchHistory::Add(const common::Uuid& session, std::shared_ptr<const Delivery> delivery) {
  const uint64_t sequence = delivery->cursor;
  Keep(session, {sequence, std::move(delivery)});
}

void WatchHistory::End(const common::Uuid& session, uint64_t sequence) {
  Keep(session, {sequence, nullptr});
}

void WatchHistory::Keep(const common::Uuid& session, Kept kept) {
  Pass(kept.sequence);
  sessions_[session].push_back(std::move(kept));
  order_.push_back(session);
  if (order_.size() <= limit_) return;
  const auto oldest = sessions_.find(order_.front());
  begin_ = oldest->second.front().sequence;
  oldest->second.pop_front();
  if (oldest->second.empty()) sessions_.erase(oldest);
  order_.pop_front();
}

const std::deque<WatchHistory::Kept>* WatchHistory::Find(const common::Uuid& session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : &found->second;
}

bool WatchHistory::HasEnded(const common::Uuid& session) const {
  const auto* kept = Find(session);
  return kept != nullptr && std::any_of(kept->rbegin(), kept->rend(),
                                        [](const Kept& one) { return one.delivery == nullptr; });
}

bool WatchHistory::TrainRuns(const common::Uuid& session) const {
  const auto* kept = Find(session);
  if (kept == nullptr) return false;
  const auto last = std::find_if(kept->rbegin(), kept->rend(), [](const Kept& one) {
    return one.delivery != nullptr && one.delivery->train != Train::kNone;
  });
  return last != kept->rend() && last->delivery->train == Train::kBegins;
}

std::optional<std::vector<std::shared_ptr<const Delivery>>> WatchHistory::Since(
    const common::Uuid& session, uint64_t cursor) const {
  if (cursor < begin_) return std::nullopt;
  std::vector<std::shared_ptr<const Delivery>> missed;
  const auto* kept = Find(session);
  if (kept == nullptr) return missed;
  for (const Kept& one : *kept) {
    if (one.sequence > cursor && one.delivery != nullptr) missed.push_back(one.delivery);
  }
  return missed;
}

}  // namespace streaming::events
