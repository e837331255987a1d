// Signs messages and posts them to callbacks, with retries under the same id.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/config/secret.h"
#include "libs/common/http/client.h"
#include "tests/platform_sim/subscriptions.h"

namespace platform_sim {

struct Message {
  std::string kind;  // "notification", "webhook_callback_verification" or "revocation"
  std::string subscription_id;
  std::string type;
  std::string version;
  std::string callback;
  common::config::Secret secret;
  std::string body;
  // Told the last attempt's outcome; may be empty. Runs on a delivery thread.
  std::function<void(const absl::StatusOr<common::http::Response>&)> done = {};
};

Message MessageTo(const Subscription& subscription, std::string kind, std::string body);

// The headers of a signed message. `timestamp` as sent, `attempt` from 0.
common::http::Headers SignedHeaders(const Message& message, const std::string& id,
                                    const std::string& timestamp, int attempt);

struct DeliveryOptions {
  int threads = 4;
  size_t max_queued = 50'000;
  int max_attempts = 4;  // of notifications and revocations; a challenge has one
  std::chrono::milliseconds first_retry_delay{250};  // doubles each time
  std::chrono::milliseconds timeout{10'000};
};

struct DeliveryStats {
  uint64_t sent = 0;      // attempts
  uint64_t accepted = 0;  // attempts answered 2XX
  uint64_t rejected = 0;  // all other attempts
  uint64_t retried = 0;   // attempts after the first
  uint64_t dropped = 0;   // given up, no longer wanted, or more than the queue holds
  uint64_t pending = 0;   // queued or under way
};

class Delivery {
 public:
  // `wanted` says just before a notification's first attempt whether its subscription still exists.
  Delivery(DeliveryOptions options, std::function<bool(const std::string&)> wanted);
  ~Delivery();  // drops what is queued, waits for what is under way
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // To be sent after `delay`. False, and counted as dropped, when the queue is full.
  bool Enqueue(Message message, std::chrono::milliseconds delay);
  DeliveryStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Job {
    Clock::time_point due;
    uint64_t order = 0;  // of equally due jobs
    int attempt = 0;
    Message message;
    std::string id;  // drawn, with the timestamp, at the first attempt and then kept
    std::string timestamp;
  };
  struct Later {
    bool operator()(const Job& a, const Job& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };

  void Run();
  // True when the job should be tried again.
  bool Attempt(Job& job);

  const DeliveryOptions options_;
  const std::function<bool(const std::string&)> wanted_;
  common::http::Client client_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Job, std::vector<Job>, Later> queue_;
  DeliveryStats stats_;
  uint64_t next_order_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace platform_sim
