// News that is published exactly when the change it tells of was committed.
//
// An event is a row of the same transaction (outbox.sql has the table). One relay a database reads
// the rows in order of id, publishes each to JetStream and deletes it. No row is locked meanwhile.
// What a transaction of one aggregate appends is in commit order if the transaction locks the
// aggregate's row first and appends last.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "libs/common/executor/executor.h"
#include "libs/common/metrics/metrics.h"
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
  int64_t backlog = 0;     // rows that wait, as last seen while leading; counted up to kMaxBacklog
  bool leading = false;    // whether this relay holds the database's lock
};
inline constexpr int64_t kMaxBacklog = 100'000;

// The worker that publishes. Any number may run on one database: one leads, the others stand by. A
// row that cannot be published stops those behind it, and is tried again. After a crash between
// publishing and deleting an event is published twice with the same id: harmless within the
// stream's duplicate window.
class Relay {
 public:
  // Both must outlive this. While leading it keeps one of the pool's connections.
  Relay(mysql::Pool& pool, metrics::Registry& metrics, RelayOptions options = {});
  ~Relay() { Stop(); }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Begins; once. `jetstream` must not end before Stop.
  void Start(nats::JetStream& jetstream);
  // Ends after the publication under way.
  void Stop();
  // Ends when nothing waits any more, publishing fails, another relay leads, or `limit` has passed.
  void Finish(std::chrono::milliseconds limit);
  // To be called after a commit that appended: a relay that leads looks at once. One that does not,
  // for example because of a failure, waits its time: what is down is not up because there is more
  // to send.
  void Notify();

  RelayStats stats() const;

 private:
  executor::Loop::Outcome Step();
  // One batch, if this relay leads or can take the lead. Whether more may wait.
  absl::StatusOr<bool> Lead();
  // How many rows it published; a failure is reported after what was published before is deleted.
  absl::StatusOr<int> PublishBatch(mysql::Connection& connection);
  absl::Status PublishRow(const mysql::Row& row);
  absl::Status Delete(mysql::Connection& connection, std::span<const uint64_t> ids);
  void MeasureBacklog(mysql::Connection& connection);
  void GiveUpLead();

  mysql::Pool& pool_;
  const RelayOptions options_;
  metrics::Counter& published_;
  metrics::Gauge& backlog_;
  metrics::Gauge& lag_;
  metrics::Gauge& leading_;
  nats::JetStream* jetstream_ = nullptr;
  std::optional<mysql::NamedLock> lock_;  // the lead; of the loop's thread, and of Stop after it
  std::chrono::milliseconds backoff_{0};
  std::atomic<bool> stopping_ = false;
  executor::Loop loop_;
};

}  // namespace common::outbox
