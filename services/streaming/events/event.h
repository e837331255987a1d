// From an event's message to what the outbox stores and NATS carries.
#pragma once
#include <optional>

#include <google/protobuf/timestamp.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/outbox/message.h"

namespace streaming::events {

inline google::protobuf::Timestamp ToTimestamp(common::Time time) {
  const int64_t micros = common::ToMicros(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(micros / 1'000'000);
  timestamp.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  return timestamp;
}

// nullopt for what is no time that the contract or the database can carry: beyond the year 9999,
// before the year 1, or with nanoseconds out of range. Cut to microseconds.
inline std::optional<common::Time> ToTime(const google::protobuf::Timestamp& timestamp) {
  constexpr int64_t kFirst = -62'135'596'800;
  constexpr int64_t kLast = 253'402'300'799;
  const int64_t seconds = timestamp.seconds();
  const int32_t nanos = timestamp.nanos();
  if (seconds < kFirst || seconds > kLast || nanos < 0 || nanos > 999'999'999) return std::nullopt;
  return common::FromMicros(seconds * 1'000'000 + nanos / 1000);
}

// Fills `event_id` and `timestamp`; subject and type are those of the message's own declaration.
// An event that may be made again, because a step is repeated after a crash, gets a derived `id`
// (Uuid::V5), so that the repeat is known as one.
template <class Message>
common::outbox::Event MakeEvent(Message message, common::Time now,
                                const common::Uuid& id = common::Uuid::V4()) {
  message.set_event_id(id.ToString());
  *message.mutable_timestamp() = ToTimestamp(now);
  return common::outbox::EventOf(message, id);
}

}  // namespace streaming::events
