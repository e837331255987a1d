// Checks a request against the rules that its .proto states on its fields.
#pragma once
#include <vector>

#include <google/protobuf/message.h>

#include "libs/common/errors/errors.h"

namespace common::rpc {

// Every violation in the message and the messages in it; empty when it is good. Besides the rules:
// a known enum value, and finite numbers.
std::vector<errors::FieldViolation> Validate(const google::protobuf::Message& message);

}  // namespace common::rpc
