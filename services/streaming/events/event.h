// From an event's message to what the outbox stores and NATS carries.
#pragma once
#include <string>

#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/outbox/outbox.h"
#include "libs/common/trace/trace.h"

namespace streaming::events {

inline google::protobuf::Timestamp ToTimestamp(common::Time time) {
  const int64_t micros = common::ToMicros(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(micros / 1'000'000);
  timestamp.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  return timestamp;
}

// Fills `event_id` and `timestamp`; subject and type are those of the message's own declaration.
// An event that may be made again, because a step is repeated after a crash, gets a derived `id`
// (Uuid::V5), so that the repeat is known as one.
template <class Message>
common::outbox::Event MakeEvent(Message message, common::Time now,
                                const common::Uuid& id = common::Uuid::V4()) {
  message.set_event_id(id.ToString());
  *message.mutable_timestamp() = ToTimestamp(now);
  const google::protobuf::Descriptor& type = *Message::descriptor();
  return {.event_id = id,
          .subject = type.options().GetExtension(bannou::common::v1::event).subject(),
          .message_type = type.full_name(),
          .traceparent = common::trace::CurrentTraceparent(),
          .payload = message.SerializeAsString()};
}

}  // namespace streaming::events
