#include "tests/platform_sim/delivery.h"

#include "libs/common/base/uuid.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "tests/platform_sim/ids.h"

namespace platform_sim {

using common::http::Response;

Message MessageTo(const Subscription& subscription, std::string kind, std::string body) {
  return {.kind = std::move(kind),
          .subscription_id = subscription.id,
          .type = subscription.type,
          .version = subscription.version,
          .callback = subscription.callback,
          .secret = subscription.secret,
          .body = std::move(body)};
}

common::http::Headers SignedHeaders(const Message& message, const std::string& id,
                                    const std::string& timestamp, int attempt) {
  const std::string mac = common::crypto::HmacSha256(message.secret, {id, timestamp, message.body});
  return {{"Content-Type", "application/json"},
          {"Twitch-Eventsub-Message-Id", id},
          {"Twitch-Eventsub-Message-Timestamp", timestamp},
          {"Twitch-Eventsub-Message-Signature", "sha256=" + common::crypto::HexEncode(mac)},
          {"Twitch-Eventsub-Message-Type", message.kind},
          {"Twitch-Eventsub-Message-Retry", std::to_string(attempt)},
          {"Twitch-Eventsub-Subscription-Type", message.type},
          {"Twitch-Eventsub-Subscription-Version", message.version}};
}

Delivery::Delivery(DeliveryOptions options, std::function<bool(const std::string&)> wanted)
    : options_(options),
      wanted_(std::move(wanted)),
      client_({.max_in_flight = static_cast<size_t>(options.threads)}) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
}

Delivery::~Delivery() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Delivery::Enqueue(Message message, std::chrono::milliseconds delay) {
  {
    const std::lock_guard lock(mutex_);
    if (stats_.pending >= options_.max_queued) {
      ++stats_.dropped;
      return false;
    }
    ++stats_.pending;
    queue_.push({.due = Clock::now() + delay,
                 .order = next_order_++,
                 .message = std::move(message),
                 .id = {},
                 .timestamp = {}});
  }
  changed_.notify_one();
  return true;
}

DeliveryStats Delivery::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Delivery::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Clock::time_point due = queue_.top().due;
    if (due > Clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    Job job = queue_.top();
    queue_.pop();
    lock.unlock();
    const bool again = Attempt(job);
    lock.lock();
    if (again) {
      job.due = Clock::now() + options_.first_retry_delay * (1 << job.attempt);
      ++job.attempt;
      queue_.push(std::move(job));
    } else {
      --stats_.pending;
    }
  }
}

bool Delivery::Attempt(Job& job) {
  const Message& message = job.message;
  if (message.kind == "notification" && !wanted_(message.subscription_id)) {
    const std::lock_guard lock(mutex_);
    ++stats_.dropped;
    return false;
  }
  if (job.attempt == 0) {
    job.id = common::Uuid::V4().ToString();
    job.timestamp = FormatNanos(std::chrono::system_clock::now());
  }
  const auto answer =
      client_.Send({.method = "POST",
                    .url = message.callback,
                    .headers = SignedHeaders(message, job.id, job.timestamp, job.attempt),
                    .body = message.body,
                    .timeout = options_.timeout});
  const bool accepted = answer.ok() && answer->status / 100 == 2;
  const bool challenge = message.kind == "webhook_callback_verification";
  const bool again = !accepted && !challenge && job.attempt + 1 < options_.max_attempts;
  // Before the counters move, so that who sees nothing pending also sees what it led to.
  if (!again && message.done) message.done(answer);
  const std::lock_guard lock(mutex_);
  ++stats_.sent;
  ++(accepted ? stats_.accepted : stats_.rejected);
  if (job.attempt > 0) ++stats_.retried;
  if (!accepted && !again) ++stats_.dropped;
  return again;
}

}  // namespace platform_sim
