// News that is published exactly when the change it tells of was committed.
//
// An event is a row of the same transaction (outbox.sql has the table). One relay a database reads
// the rows in order of id, publishes each to JetStream and deletes it. No row is locked meanwhile.
// What a transaction of one aggregate appends is in commit order if the transaction locks the
// aggregate's row first and appends last.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "libs/common/mysql/lock.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/nats/jetstream.h"

namespace common::outbox {

// nats-server takes 1 MiB with headers; a larger row would stop everything behind it.
inline constexpr size_t kMaxPayloadBytes = 1'000'000;

struct Event {
  Uuid event_id;             // the Nats-Msg-Id: consumers and streams tell repeats by it
  std::string subject;       // at most 128 bytes
  std::string message_type;  // the protobuf message's full name, at most 128 bytes
  std::string traceparent;   // "" = none; at most 64 bytes
  std::string payload;       // the serialized message, at most kMaxPayloadBytes
};

// Adds the event to the transaction. INVALID_ARGUMENT when a part is too long, ALREADY_EXISTS when
// an event with this id waits already.
absl::Status Append(mysql::Transaction& transaction, const Event& event);
// Adds many, in this order, with one statement for each kAppendBatch of them.
inline constexpr size_t kAppendBatch = 100;
absl::Status Append(mysql::Transaction& transaction, std::span<const Event> events);

struct RelayOptions {
  int batch = 100;                                // rows read at once
  std::chrono::milliseconds poll_interval{1000};  // without Notify, and between tries for the lock
  std::chrono::milliseconds backoff_min{100};     // after a failure; doubled by each further one
  std::chrono::milliseconds backoff_max{5000};
};

struct RelayStats {
  uint64_t published = 0;  // by this relay; a repeat that the stream recognised counts as well
  uint64_t failures = 0;   // publications and database calls
  int64_t backlog = 0;     // rows that wait, as last seen while leading; counted up to kMaxBacklog
  bool leading = false;    // whether this relay holds the database's lock
};
inline constexpr int64_t kMaxBacklog = 100'000;

// A thread that publishes. Any number may run on one database: one leads, the others stand by. A
// row that cannot be published stops those behind it, and is tried again. After a crash between
// publishing and deleting an event is published twice with the same id: harmless within the
// stream's duplicate window.
class Relay {
 public:
  // Both must outlive this. While leading it keeps one of the pool's connections.
  Relay(mysql::Pool& pool, nats::JetStream& jetstream, RelayOptions options = {})
      : pool_(pool), jetstream_(jetstream), options_(options) {}
  ~Relay() { Stop(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Starts the thread; once.
  void Start();
  // Ends after the publication under way.
  void Stop();
  // Ends when nothing waits any more, publishing fails, another relay leads, or `limit` has passed.
  void Finish(std::chrono::milliseconds limit);
  // To be called after a commit that appended: the relay looks at once.
  void Notify();

  RelayStats stats() const;

 private:
  void Run(const std::stop_token& stop);
  absl::Status Lead(const std::stop_token& stop);
  // How many rows it published; a failure is reported after what was published before is deleted.
  absl::StatusOr<int> PublishBatch(mysql::Connection& connection, const std::stop_token& stop);
  absl::Status PublishRow(const mysql::Row& row);
  absl::Status Delete(mysql::Connection& connection, std::span<const uint64_t> ids);
  void CountBacklog(mysql::Connection& connection);
  void Wait(const std::stop_token& stop, std::chrono::milliseconds duration);

  mysql::Pool& pool_;
  nats::JetStream& jetstream_;
  const RelayOptions options_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool notified_ = false;
  bool ended_ = false;
  std::atomic<bool> finishing_ = false;
  std::atomic<uint64_t> published_ = 0;
  std::atomic<uint64_t> failures_ = 0;
  std::atomic<int64_t> backlog_ = 0;
  std::atomic<bool> leading_ = false;
  std::jthread thread_;
};

}  // namespace common::outbox
