// Commands to neighbours: what the outbox stores of them.
#pragma once
#include <utility>

#include "libs/common/base/uuid.h"
#include "libs/common/outbox/message.h"

namespace streaming::events {

// Fills `idempotency_key`. Derive the key (Uuid::V5) from what makes the command a single one, so
// that a step that is repeated after a crash sends the same command.
template <class Command>
common::outbox::Event MakeCommand(Command command, const common::Uuid& idempotency_key) {
  command.set_idempotency_key(idempotency_key.ToString());
  return common::outbox::EventOf(command, idempotency_key);
}

}  // namespace streaming::events
