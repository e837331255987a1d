// Protobuf messages as events: the contract names the subject of each, so that nothing repeats it.
#pragma once
#include <bannou/common/v1/options.pb.h>
#include <google/protobuf/message.h>

#include "libs/common/nats/connection.h"
#include "libs/common/outbox/outbox.h"
#include "libs/common/trace/trace.h"

namespace common::outbox {

// The subject that the message's contract states.
inline const std::string& SubjectOf(const google::protobuf::Message& message) {
  return message.GetDescriptor()->options().GetExtension(bannou::common::v1::event).subject();
}

// The event of a message, under the current trace. `event_id` is the one that the message carries.
inline Event EventOf(const google::protobuf::Message& message, const Uuid& event_id) {
  return {.event_id = event_id,
          .subject = SubjectOf(message),
          .message_type = message.GetDescriptor()->full_name(),
          .traceparent = trace::CurrentTraceparent(),
          .payload = message.SerializeAsString()};
}

// What a relay or a publisher tells of the payload.
inline nats::Headers HeadersOf(const Event& event) {
  return {{"Content-Type", "application/protobuf"},
          {"Bannou-Message-Type", event.message_type},
          {"traceparent", event.traceparent}};
}

}  // namespace common::outbox
