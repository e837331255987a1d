// Takes chat off the webhooks' hands: a bounded queue of sentiments whose words are gone already,
// and one thread that finds their session and puts them into its buffer, many at a time. What waits
// here dies with the process.
#pragma once
#include <deque>
#include <mutex>
#include <vector>

#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
#include "services/stream/privacy/viewers.h"
#include "services/stream/pulses/buffer_store.h"
#include "services/stream/sessions/live_sessions_store.h"

namespace stream::ingest {

struct ChatSentiment {
  common::Uuid link_id;
  privacy::PlatformUserId chatter;
  privacy::Roles roles;
  sentiment::Sentiment felt;
  common::Time received;
};

class ChatWorker {
 public:
  struct Parts {
    sessions::LiveSessions& live;
    pulses::BufferStore& buffer;
    privacy::ViewerRegistry& viewers;
  };
  ChatWorker(size_t queue_max, Parts parts, common::metrics::Registry& metrics);

  void Start() { loop_.Start(); }
  void Stop() { loop_.Stop(); }

  // False, and counted as shed, when the queue is full. Never blocks.
  bool Offer(ChatSentiment chat);

 private:
  static constexpr size_t kBatchMax = 512;

  common::executor::Loop::Outcome Step();
  std::vector<ChatSentiment> TakeBatch();
  absl::Status Buffer(const common::Uuid& link_id, const std::vector<ChatSentiment>& batch);

  const size_t queue_max_;
  const Parts parts_;
  common::metrics::Counter& shed_;
  common::metrics::Counter& lost_;
  common::metrics::Counter& idle_;
  common::metrics::Gauge& depth_;
  std::mutex mutex_;
  std::deque<ChatSentiment> queue_;
  common::executor::Loop loop_;
};

}  // namespace stream::ingest
