// News that waits in memory to be published. It is lost with the process, and beyond its bound the
// newest is dropped and counted: it is news, and the record is elsewhere.
#pragma once
#include <deque>
#include <mutex>
#include <vector>

#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/news.h"

namespace streaming::audience {

// Safe to use from any thread.
class NewsQueue {
 public:
  explicit NewsQueue(common::metrics::Registry& metrics);

  void Push(const std::vector<News>& news);
  // The oldest ones, at most `limit`.
  std::vector<News> Take(size_t limit);

  static constexpr size_t kLimit = 10000;

 private:
  common::metrics::Counter& dropped_;
  common::metrics::Gauge& depth_;
  std::mutex mutex_;
  std::deque<News> waiting_;
};

}  // namespace streaming::audience
