#include "tests/platform_sim/delivery.h"

#include <iterator>

namespace platform_sim {

using common::http::Response;

namespace {

// A message and all that come after it.
size_t Count(const Message& message) {
  size_t count = 1;
  for (const Message& next : message.then) count += Count(next);
  return count;
}

}  // namespace

Delivery::Delivery(DeliveryOptions options)
    : options_(std::move(options)),
      client_(
          {.max_in_flight = static_cast<size_t>(options_.threads), .ca_file = options_.ca_file}) {
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
    const size_t count = Count(message);
    if (stats_.pending + count > options_.max_queued) {
      stats_.dropped += count;
      return false;
    }
    stats_.pending += count;
    queue_.push(
        {.due = Clock::now() + delay, .order = next_order_++, .message = std::move(message)});
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
      Continue(job.message);
    }
  }
}

void Delivery::Continue(Message& message) {
  if (message.then.empty()) return;
  Message next = std::move(message.then.front());
  // Its own followers, if it has any, come before the rest.
  next.then.insert(next.then.end(), std::make_move_iterator(message.then.begin() + 1),
                   std::make_move_iterator(message.then.end()));
  queue_.push({.due = Clock::now(), .order = next_order_++, .message = std::move(next)});
}

bool Delivery::Attempt(Job& job) {
  const Message& message = job.message;
  if (job.attempt == 0 && message.wanted && !message.wanted()) {
    const std::lock_guard lock(mutex_);
    ++stats_.dropped;
    return false;
  }
  const auto answer =
      client_.Send({.method = message.method,
                    .url = message.url,
                    .headers = message.headers ? message.headers(message.body, job.attempt)
                                               : common::http::Headers(),
                    .body = message.body,
                    .timeout = options_.timeout});
  const bool accepted = answer.ok() && answer->status / 100 == 2;
  const bool again = !accepted && message.retried && job.attempt + 1 < options_.max_attempts;
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
