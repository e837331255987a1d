// Takes chat off the webhooks' hands: a bounded queue of sentiments whose words are gone already,
// and one thread that finds their session and puts them into its buffer, many at a time. What waits
// here dies with the process.
#pragma once
#include <deque>
#include <mutex>
#include <vector>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/ingest/crowd_store.h"

namespace stream::ingest {

struct ChatSentiment {
  common::Uuid link_id;
  Happening happening;
};

class ChatWorker {
 public:
  ChatWorker(size_t queue_max, CrowdStore& crowd, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // False, and counted as shed, when the queue is full. Never blocks.
  bool Offer(ChatSentiment chat);

 private:
  static constexpr size_t kBatchMax = 512;

  common::executor::Loop::Outcome Step();
  std::vector<ChatSentiment> TakeBatch();
  absl::Status Buffer(const common::Uuid& link_id, const std::vector<Happening>& batch);

  const size_t queue_max_;
  CrowdStore& crowd_;
  common::metrics::Counter& shed_;
  common::metrics::Counter& lost_;
  common::metrics::Counter& idle_;
  common::metrics::Gauge& depth_;
  std::mutex mutex_;
  std::deque<ChatSentiment> queue_;
  bool sleeping_ = true;  // until it is woken
  common::executor::Loop loop_;
};

}  // namespace stream::ingest
