// Commands to neighbours: what the outbox stores of them.
#pragma once
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "libs/common/base/uuid.h"
#include "libs/common/outbox/message.h"

namespace streaming::events {

// Fills `idempotency_key`. Derive the key (Uuid::V5) from what makes the command a single one, so
// that a step that is repeated after a crash sends the same command.
// Byte for byte: also maps, which have no order of their own, are written in one.
template <class Command>
common::outbox::Event MakeCommand(Command command, const common::Uuid& idempotency_key) {
  command.set_idempotency_key(idempotency_key.ToString());
  common::outbox::Event event = common::outbox::EventOf(command, idempotency_key);
  event.payload.clear();
  google::protobuf::io::StringOutputStream out(&event.payload);
  google::protobuf::io::CodedOutputStream coded(&out);
  coded.SetSerializationDeterministic(true);
  command.SerializeToCodedStream(&coded);
  coded.Trim();
  return event;
}

}  // namespace streaming::events
