// Watchers of in-game streams, as a game's clients are: any number of them in one process.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <bannou/streaming/v1/session.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/testing/eventually.h"

namespace story {

// A channel whose streams hold no more than some bytes that nobody has read, so that a reader who
// stops is noticed at once.
inline std::shared_ptr<grpc::Channel> NarrowChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}
// One with a connection of its own.
inline std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

class Watching final : private grpc::ClientReadReactor<bannou::streaming::v1::ClientEvent> {
  using Stub = bannou::streaming::v1::StreamSessionService::Stub;

 public:
  using Event = bannou::streaming::v1::ClientEvent;

  // Begins to watch. `reads` = false: takes nothing until Read() is called.
  Watching(const std::shared_ptr<grpc::Channel>& channel, const std::string& authorization,
           const std::string& session, std::optional<uint64_t> cursor = std::nullopt,
           bool reads = true)
      : stub_(channel), reads_(reads) {
    request_.set_session_id(session);
    if (cursor) request_.set_cursor(*cursor);
    context_.AddMetadata("authorization", authorization);
    stub_.async()->WatchStreamSession(&context_, &request_, this);
    AddHold();  // reads may begin later
    if (reads_) StartRead(&next_);
    StartCall();
  }
  ~Watching() {
    Leave();
    Read();
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return status_.has_value(); });
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  void Leave() { context_.TryCancel(); }
  void Read() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(reads_, true)) return;
    }
    StartRead(&next_);
  }

  std::vector<Event> Seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  size_t Count() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  // How many of one kind, Event::kHypeStarted for example.
  size_t Count(Event::EventCase kind) const {
    const std::lock_guard lock(mutex_);
    size_t count = 0;
    for (const Event& event : seen_) count += event.event_case() == kind ? 1 : 0;
    return count;
  }
  uint64_t cursor() const {
    const std::lock_guard lock(mutex_);
    return seen_.empty() ? 0 : seen_.back().cursor();
  }
  bool Has(Event::EventCase kind, size_t count = 1) const {
    return common::testing::Eventually([&] { return Count(kind) >= count; });
  }
  // How it ended; waits for it.
  grpc::Status End() const {
    std::unique_lock lock(mutex_);
    if (!over_.wait_for(lock, std::chrono::seconds(60), [this] { return status_.has_value(); })) {
      return grpc::Status(grpc::StatusCode::UNKNOWN, "it has not ended");
    }
    return *status_;
  }
  bool HasEnded() const {
    const std::lock_guard lock(mutex_);
    return status_.has_value();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(next_);
    }
    StartRead(&next_);
  }
  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    over_.notify_all();
  }

  Stub stub_;
  grpc::ClientContext context_;
  bannou::streaming::v1::WatchStreamSessionRequest request_;
  Event next_;
  mutable std::mutex mutex_;
  mutable std::condition_variable over_;
  std::vector<Event> seen_;
  std::optional<grpc::Status> status_;
  bool reads_;
};

}  // namespace story
