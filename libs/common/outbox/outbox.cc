#include "libs/common/outbox/outbox.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"

namespace common::outbox {
namespace {

constexpr size_t kMaxName = 128;
constexpr size_t kMaxTraceparent = 64;
constexpr std::string_view kLock = "outbox";

constexpr size_t kColumns = 5;

absl::Status CheckLengths(const Event& event) {
  if (event.payload.size() > kMaxPayloadBytes || event.subject.size() > kMaxName ||
      event.message_type.size() > kMaxName || event.traceparent.size() > kMaxTraceparent) {
    return absl::InvalidArgumentError("outbox event too large");
  }
  return absl::OkStatus();
}

std::string InsertOf(size_t rows) {
  std::string sql =
      "INSERT INTO outbox (event_id, subject, message_type, traceparent, payload)"
      " VALUES (?, ?, ?, ?, ?)";
  for (size_t row = 1; row < rows; ++row) absl::StrAppend(&sql, ", (?, ?, ?, ?, ?)");
  return sql;
}

absl::Status Insert(mysql::Transaction& transaction, const std::string& sql,
                    std::span<const Event> events) {
  std::vector<mysql::Value> values;
  values.reserve(events.size() * kColumns);
  for (const Event& event : events) {
    RETURN_IF_ERROR(CheckLengths(event));
    values.insert(values.end(), {mysql::ToValue(event.event_id), mysql::ToValue(event.subject),
                                 mysql::ToValue(event.message_type),
                                 mysql::ToValue(event.traceparent), mysql::ToValue(event.payload)});
  }
  return transaction.ExecuteValues(sql, values).status();
}

}  // namespace

absl::Status Append(mysql::Transaction& transaction, const Event& event) {
  return Append(transaction, std::span(&event, 1));
}

absl::Status Append(mysql::Transaction& transaction, std::span<const Event> events) {
  // Two texts for any number of events, so that a connection prepares two statements.
  static const std::string kOne = InsertOf(1);
  static const std::string kBatch = InsertOf(kAppendBatch);
  for (; events.size() >= kAppendBatch; events = events.subspan(kAppendBatch)) {
    RETURN_IF_ERROR(Insert(transaction, kBatch, events.first(kAppendBatch)));
  }
  for (; !events.empty(); events = events.subspan(1)) {
    RETURN_IF_ERROR(Insert(transaction, kOne, events.first(1)));
  }
  return absl::OkStatus();
}

void Relay::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    Run(stop);
    const std::lock_guard lock(mutex_);
    ended_ = true;
    woken_.notify_all();
  });
}

void Relay::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Relay::Finish(std::chrono::milliseconds limit) {
  finishing_ = true;
  Notify();
  {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, limit, [this] { return ended_; });
  }
  Stop();
}

void Relay::Notify() {
  {
    const std::lock_guard lock(mutex_);
    notified_ = true;
  }
  woken_.notify_all();
}

RelayStats Relay::stats() const {
  return {.published = published_, .failures = failures_, .backlog = backlog_, .leading = leading_};
}

void Relay::Wait(const std::stop_token& stop, std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, stop, duration, [this] { return notified_; });
  notified_ = false;
}

void Relay::Run(const std::stop_token& stop) {
  std::chrono::milliseconds backoff = options_.backoff_min;
  while (!stop.stop_requested()) {
    const uint64_t published_before = published_;
    const absl::Status led = Lead(stop);
    leading_ = false;
    if (finishing_) return;
    if (led.ok()) {
      Wait(stop, options_.poll_interval);
      continue;
    }
    ++failures_;
    if (published_ != published_before) backoff = options_.backoff_min;
    // A notification does not shorten this: what is down is not up because there is more to send.
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, stop, backoff, [] { return false; });
    backoff = std::min(2 * backoff, options_.backoff_max);
  }
}

// Publishes for as long as it holds the lock and nothing fails. OK at once when another relay
// leads.
absl::Status Relay::Lead(const std::stop_token& stop) {
  ASSIGN_OR_RETURN(std::optional<mysql::NamedLock> lock,
                   mysql::NamedLock::Acquire(pool_, kLock, std::chrono::seconds(0)));
  if (!lock) return absl::OkStatus();
  leading_ = true;
  while (!stop.stop_requested()) {
    // Every statement runs in the session that holds the lock, so that one which succeeds was led.
    const absl::StatusOr<int> published = PublishBatch(lock->connection(), stop);
    if (!published.ok()) CountBacklog(lock->connection());
    RETURN_IF_ERROR(published.status());
    if (*published == options_.batch) {
      CountBacklog(lock->connection());
      continue;
    }
    backlog_ = 0;
    if (finishing_) return absl::OkStatus();
    Wait(stop, options_.poll_interval);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Relay::PublishBatch(mysql::Connection& connection,
                                        const std::stop_token& stop) {
  ASSIGN_OR_RETURN(
      const mysql::Rows rows,
      connection.Query("SELECT id, event_id, subject, message_type, traceparent, payload"
                       " FROM outbox ORDER BY id LIMIT ?",
                       options_.batch));
  std::vector<uint64_t> done;
  absl::Status failure;
  for (const mysql::Row& row : rows) {
    if (stop.stop_requested()) break;
    failure = PublishRow(row);
    if (!failure.ok()) break;
    done.push_back(row.Get<uint64_t>(0));
    ++published_;
  }
  RETURN_IF_ERROR(Delete(connection, done));
  RETURN_IF_ERROR(failure);
  return static_cast<int>(done.size());
}

absl::Status Relay::PublishRow(const mysql::Row& row) {
  nats::Headers headers = {{"Content-Type", "application/protobuf"},
                           {"Bannou-Message-Type", row.Get<std::string>(3)}};
  if (auto traceparent = row.Get<std::string>(4); !traceparent.empty()) {
    headers.emplace_back("traceparent", std::move(traceparent));
  }
  return jetstream_
      .Publish(row.Get<std::string>(2), row.Get<std::string>(5), headers,
               row.Get<Uuid>(1).ToString())
      .status();
}

// By the ids themselves and not "up to the last": a transaction that began earlier may commit a
// smaller id later.
absl::Status Relay::Delete(mysql::Connection& connection, std::span<const uint64_t> ids) {
  if (ids.empty()) return absl::OkStatus();
  std::string sql = "DELETE FROM outbox WHERE id IN (?";
  for (int i = 1; i < options_.batch; ++i) absl::StrAppend(&sql, ",?");
  absl::StrAppend(&sql, ")");
  // Always as many values, so that there is one statement to prepare.
  std::vector<mysql::Value> values(static_cast<size_t>(options_.batch), ids.back());
  std::copy(ids.begin(), ids.end(), values.begin());
  return connection.ExecuteValues(sql, values).status();
}

void Relay::CountBacklog(mysql::Connection& connection) {
  const auto rows = connection.Query(
      "SELECT COUNT(*) FROM (SELECT 1 FROM outbox LIMIT ?) AS waiting", kMaxBacklog);
  if (rows.ok()) backlog_ = rows->at(0).Get<int64_t>(0);
}

}  // namespace common::outbox
