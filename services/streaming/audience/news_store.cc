#include "services/streaming/audience/news_store.h"

#include <algorithm>

namespace streaming::audience {

NewsQueue::NewsQueue(common::metrics::Registry& metrics)
    : dropped_(metrics.GetCounter("streaming_audience_news_dropped_total",
                                  "Joined and left events that found their queue full.")),
      depth_(metrics.GetGauge("streaming_audience_news_queue_depth",
                              "Joined and left events that wait to be published.")) {
  metrics
      .GetGauge("streaming_audience_news_queue_limit",
                "Joined and left events that may wait; more are dropped.")
      .Set(kLimit);
}

void NewsQueue::Push(const std::vector<News>& news) {
  const std::lock_guard lock(mutex_);
  const size_t room = std::min(kLimit - waiting_.size(), news.size());
  waiting_.insert(waiting_.end(), news.begin(), news.begin() + static_cast<ptrdiff_t>(room));
  depth_.Set(static_cast<double>(waiting_.size()));
  if (room < news.size()) dropped_.Increment(static_cast<double>(news.size() - room));
}

std::vector<News> NewsQueue::Take(size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<ptrdiff_t>(std::min(limit, waiting_.size()));
  std::vector<News> taken(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  depth_.Set(static_cast<double>(waiting_.size()));
  return taken;
}

}  // namespace streaming::audience
