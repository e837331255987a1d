// Sends messages to callbacks from threads of its own, with retries.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/http/client.h"

namespace platform_sim {

// The functions run on a delivery thread and may be empty.
struct Message {
  std::string method = "POST";
  std::string url;
  std::string body;
  bool retried = true;  // until it is accepted, as often as the options say; else sent once
  // Asked before the first attempt: false drops the message.
  std::function<bool()> wanted = {};
  // Of an attempt, counted from 0, to send the body.
  std::function<common::http::Headers(const std::string& body, int attempt)> headers = {};
  // Told the last attempt's outcome.
  std::function<void(const absl::StatusOr<common::http::Response>&)> done = {};
  // Sent after it is accepted or given up, each after the one before.
  std::vector<Message> then = {};
};

struct DeliveryOptions {
  int threads = 4;
  size_t max_queued = 50'000;
  int max_attempts = 4;
  std::chrono::milliseconds first_retry_delay{250};  // doubles each time
  std::chrono::milliseconds timeout{10'000};
  std::string ca_file = {};  // that callbacks over HTTPS are trusted by; empty: the system's
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
  explicit Delivery(DeliveryOptions options);
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
  };
  struct Later {
    bool operator()(const Job& a, const Job& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };

  void Run();
  // True when the job should be tried again.
  bool Attempt(Job& job);
  // What comes after a job that is over. The caller holds the lock.
  void Continue(Message& message);

  const DeliveryOptions options_;
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
