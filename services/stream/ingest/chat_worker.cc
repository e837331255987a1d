#include "services/stream/ingest/chat_worker.h"

#include <unordered_map>
#include <utility>

#include "libs/common/base/status.h"

namespace stream::ingest {
namespace {

using common::Uuid;

constexpr std::chrono::seconds kIdlePause{60};  // Offer wakes it earlier
// What comes one by one goes to Redis together: nobody waits for it.
constexpr std::chrono::milliseconds kCollect{10};

constexpr const char* kDropped = "stream_chat_dropped_total";
constexpr const char* kDroppedHelp = "Chat sentiments that reached no buffer, by why.";

}  // namespace

ChatWorker::ChatWorker(size_t queue_max, CrowdStore& crowd, common::metrics::Registry& metrics)
    : queue_max_(queue_max),
      crowd_(crowd),
      shed_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "shed"}})),
      lost_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "buffer_failed"}})),
      idle_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "no_session"}})),
      depth_(metrics.GetGauge("stream_chat_queue_depth", "Chat sentiments that wait.")),
      loop_("chat", metrics, [this] { return Step(); }) {
  metrics.GetGauge("stream_chat_queue_limit", "Chat sentiments that may wait; more are shed.")
      .Set(static_cast<double>(queue_max));
}

bool ChatWorker::Offer(ChatSentiment chat) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_) {
      shed_.Increment();
      return false;
    }
    queue_.push_back(std::move(chat));
    depth_.Set(static_cast<double>(queue_.size()));
    wake = std::exchange(sleeping_, false) || queue_.size() == kBatchMax;
  }
  if (wake) loop_.Wake();
  return true;
}

std::vector<ChatSentiment> ChatWorker::TakeBatch() {
  const std::lock_guard lock(mutex_);
  std::vector<ChatSentiment> batch;
  while (!queue_.empty() && batch.size() < kBatchMax) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  sleeping_ = batch.empty();
  depth_.Set(static_cast<double>(queue_.size()));
  return batch;
}

common::executor::Loop::Outcome ChatWorker::Step() {
  std::vector<ChatSentiment> batch = TakeBatch();
  if (batch.empty()) return {kIdlePause};
  std::unordered_map<Uuid, std::vector<Happening>> by_link;
  for (ChatSentiment& chat : batch) by_link[chat.link_id].push_back(std::move(chat.happening));
  absl::Status result;
  for (const auto& [link_id, happenings] : by_link) {
    const absl::Status status = Buffer(link_id, happenings);
    if (!status.ok()) lost_.Increment(static_cast<double>(happenings.size()));
    result.Update(status);
  }
  return {batch.size() == kBatchMax ? std::chrono::milliseconds(0) : kCollect, result};
}

absl::Status ChatWorker::Buffer(const Uuid& link_id, const std::vector<Happening>& batch) {
  ASSIGN_OR_RETURN(const auto put, crowd_.Take(link_id, batch));
  if (put == CrowdStore::Put::kNoSession) idle_.Increment(static_cast<double>(batch.size()));
  return absl::OkStatus();
}

}  // namespace stream::ingest
