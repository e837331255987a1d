#include "services/stream/ingest/chat_worker.h"

#include <unordered_map>

#include "libs/common/base/status.h"

namespace stream::ingest {
namespace {

using common::Uuid;
using pulses::BufferStore;

constexpr std::chrono::seconds kIdlePause{60};  // Offer wakes it earlier

constexpr const char* kDropped = "stream_chat_dropped_total";
constexpr const char* kDroppedHelp = "Chat sentiments that reached no buffer, by why.";

}  // namespace

ChatWorker::ChatWorker(size_t queue_max, Parts parts, common::metrics::Registry& metrics)
    : queue_max_(queue_max),
      parts_(parts),
      shed_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "shed"}})),
      lost_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "buffer_failed"}})),
      idle_(metrics.GetCounter(kDropped, kDroppedHelp, {{"reason", "no_session"}})),
      depth_(metrics.GetGauge("stream_chat_queue_depth", "Chat sentiments that wait.")),
      loop_("chat", metrics, [this] { return Step(); }) {
  metrics.GetGauge("stream_chat_queue_limit", "Chat sentiments that may wait; more are shed.")
      .Set(static_cast<double>(queue_max));
}

bool ChatWorker::Offer(ChatSentiment chat) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_) {
      shed_.Increment();
      return false;
    }
    queue_.push_back(std::move(chat));
    depth_.Set(static_cast<double>(queue_.size()));
  }
  loop_.Wake();
  return true;
}

std::vector<ChatSentiment> ChatWorker::TakeBatch() {
  const std::lock_guard lock(mutex_);
  std::vector<ChatSentiment> batch;
  while (!queue_.empty() && batch.size() < kBatchMax) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  depth_.Set(static_cast<double>(queue_.size()));
  return batch;
}

common::executor::Loop::Outcome ChatWorker::Step() {
  std::vector<ChatSentiment> batch = TakeBatch();
  if (batch.empty()) return {kIdlePause};
  std::unordered_map<Uuid, std::vector<ChatSentiment>> by_link;
  for (ChatSentiment& chat : batch) by_link[chat.link_id].push_back(std::move(chat));
  absl::Status result;
  for (const auto& [link_id, chats] : by_link) {
    const absl::Status status = Buffer(link_id, chats);
    if (!status.ok()) lost_.Increment(static_cast<double>(chats.size()));
    result.Update(status);
  }
  return {.status = result};
}

absl::Status ChatWorker::Buffer(const Uuid& link_id, const std::vector<ChatSentiment>& batch) {
  ASSIGN_OR_RETURN(const auto session, parts_.live.Find(link_id));
  if (!session) {
    idle_.Increment(static_cast<double>(batch.size()));
    return absl::OkStatus();
  }
  std::vector<pulses::Entry> entries;
  entries.reserve(batch.size());
  for (const ChatSentiment& chat : batch) {
    entries.push_back(pulses::Entry::Of(
        chat.felt, parts_.viewers.See(*session, chat.chatter, chat.roles), chat.received));
  }
  ASSIGN_OR_RETURN(auto appended, parts_.buffer.Append(*session, entries));
  if (appended == BufferStore::Appended::kAbsent) {
    // New, or Redis lost it, or it has ended and we remember too long: the database knows.
    parts_.live.Forget(link_id);
    ASSIGN_OR_RETURN(const auto live, parts_.live.Find(link_id));
    if (live == session) {
      RETURN_IF_ERROR(parts_.buffer.Open(*session));
      ASSIGN_OR_RETURN(appended, parts_.buffer.Append(*session, entries));
    }
  }
  if (appended != BufferStore::Appended::kDone) {
    parts_.viewers.Destroy(*session);
    parts_.live.Forget(link_id);
    idle_.Increment(static_cast<double>(batch.size()));
  }
  return absl::OkStatus();
}

}  // namespace stream::ingest
