#include "libs/common/outbox/outbox.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "libs/common/base/deadline.h"
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

Relay::Relay(mysql::Pool& pool, metrics::Registry& metrics, RelayOptions options)
    : pool_(pool),
      options_(options),
      published_(metrics.GetCounter("outbox_published_total", "Events that the relay published.")),
      backlog_(metrics.GetGauge("outbox_backlog_events",
                                "Events that wait to be published, as the relay that leads last "
                                "saw; 0 where it does not lead.")),
      lag_(metrics.GetGauge("outbox_lag_seconds",
                            "Age of the oldest event that waits, as the relay that leads last saw; "
                            "0 where it does not lead.")),
      leading_(metrics.GetGauge("outbox_leading",
                                "1 where the relay leads: one instance for each database.")),
      loop_("outbox_relay", metrics, [this] { return Step(); }) {}

void Relay::Start(nats::JetStream& jetstream) {
  jetstream_ = &jetstream;
  loop_.Start();
}

void Relay::Stop() {
  stopping_ = true;
  loop_.Stop();
  GiveUpLead();
}

void Relay::Finish(std::chrono::milliseconds limit) {
  loop_.Stop();
  if (jetstream_ == nullptr) return;
  {
    // What the loop would still have to do, on this thread.
    const DeadlineScope deadline(limit);
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more && Remaining(limit).count() > 0) more = Lead();
  }
  Stop();
}

void Relay::Notify() {
  if (leading_.Value() != 0) loop_.Wake();
}

RelayStats Relay::stats() const {
  return {.published = static_cast<uint64_t>(published_.Value()),
          .backlog = static_cast<int64_t>(backlog_.Value()),
          .leading = leading_.Value() != 0};
}

executor::Loop::Outcome Relay::Step() {
  const double published_before = published_.Value();
  const absl::StatusOr<bool> more = Lead();
  if (more.ok()) {
    backoff_ = {};
    return {*more ? std::chrono::milliseconds(0) : options_.poll_interval};
  }
  // Another relay may have more luck.
  GiveUpLead();
  if (published_.Value() > published_before) backoff_ = {};
  backoff_ = std::clamp(2 * backoff_, options_.backoff_min, options_.backoff_max);
  return {backoff_, more.status()};
}

absl::StatusOr<bool> Relay::Lead() {
  if (!lock_) {
    ASSIGN_OR_RETURN(std::optional<mysql::NamedLock> lock,
                     mysql::NamedLock::Acquire(pool_, kLock, std::chrono::seconds(0)));
    if (!lock) {
      backlog_.Set(0);
      lag_.Set(0);
      return false;
    }
    lock_.emplace(*std::move(lock));
    leading_.Set(1);
  }
  // Every statement runs in the session that holds the lock, so that one which succeeds was led.
  mysql::Connection& connection = lock_->connection();
  const absl::StatusOr<int> published = PublishBatch(connection);
  const bool more = published.ok() && *published == options_.batch;
  if (more || !published.ok()) {
    MeasureBacklog(connection);
  } else {
    backlog_.Set(0);
    lag_.Set(0);
  }
  RETURN_IF_ERROR(published.status());
  return more;
}

void Relay::GiveUpLead() {
  leading_.Set(0);
  lock_.reset();
}

absl::StatusOr<int> Relay::PublishBatch(mysql::Connection& connection) {
  ASSIGN_OR_RETURN(
      const mysql::Rows rows,
      connection.Query("SELECT id, event_id, subject, message_type, traceparent, payload"
                       " FROM outbox ORDER BY id LIMIT ?",
                       options_.batch));
  std::vector<uint64_t> done;
  absl::Status failure;
  for (const mysql::Row& row : rows) {
    if (stopping_) break;
    failure = PublishRow(row);
    if (!failure.ok()) break;
    done.push_back(row.Get<uint64_t>(0));
    published_.Increment();
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
      ->Publish(row.Get<std::string>(2), row.Get<std::string>(5), headers,
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

void Relay::MeasureBacklog(mysql::Connection& connection) {
  const auto rows = connection.Query(
      "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM outbox LIMIT ?) AS waiting),"
      " (SELECT TIMESTAMPDIFF(MICROSECOND, created_at, CURRENT_TIMESTAMP(6))"
      " FROM outbox ORDER BY id LIMIT 1)",
      kMaxBacklog);
  if (!rows.ok()) return;
  const Duration age(rows->at(0).Get<std::optional<int64_t>>(1).value_or(0));
  backlog_.Set(static_cast<double>(rows->at(0).Get<int64_t>(0)));
  lag_.Set(ToSeconds(age));
}

}  // namespace common::outbox
