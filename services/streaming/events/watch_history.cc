#include "services/streaming/events/watch_history.h"

#include <algorithm>
#include <utility>

namespace streaming::events {

void WatchHistory::Begin(uint64_t sequence) {
  if (position_ != 0) return;
  begin_ = sequence;
  position_ = sequence;
}

void WatchHistory::Pass(uint64_t sequence) {
  Begin(sequence - 1);
  position_ = std::max(position_, sequence);
}

void WatchHistory::Add(const common::Uuid& session, std::shared_ptr<const Delivery> delivery) {
  const uint64_t sequence = delivery->cursor;
  Keep({session, sequence, std::move(delivery)});
}

void WatchHistory::End(const common::Uuid& session, uint64_t sequence) {
  Keep({session, sequence, nullptr});
}

void WatchHistory::Keep(Kept kept) {
  Pass(kept.sequence);
  ++counts_[kept.session];
  kept_.push_back(std::move(kept));
  if (kept_.size() <= limit_) return;
  const Kept& oldest = kept_.front();
  begin_ = oldest.sequence;
  const auto count = counts_.find(oldest.session);
  if (--count->second == 0) counts_.erase(count);
  kept_.pop_front();
}

bool WatchHistory::HasEnded(const common::Uuid& session) const {
  if (!counts_.contains(session)) return false;
  return std::any_of(kept_.rbegin(), kept_.rend(), [&](const Kept& kept) {
    return kept.session == session && kept.delivery == nullptr;
  });
}

std::optional<std::vector<std::shared_ptr<const Delivery>>> WatchHistory::Since(
    const common::Uuid& session, uint64_t cursor) const {
  if (cursor < begin_) return std::nullopt;
  std::vector<std::shared_ptr<const Delivery>> missed;
  const auto found = counts_.find(session);
  if (found == counts_.end()) return missed;
  missed.reserve(found->second);
  for (const Kept& kept : kept_) {
    if (kept.session == session && kept.sequence > cursor && kept.delivery != nullptr) {
      missed.push_back(kept.delivery);
    }
  }
  return missed;
}

}  // namespace streaming::events
