// The way from the bytes of a request to a message that keeps the contract's rules.
#pragma once
#include <vector>

#include <absl/status/status.h>
#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include "libs/common/errors/errors.h"

namespace common::rpc {

// Parses `bytes` into the empty `message`. INVALID_ARGUMENT MALFORMED_REQUEST when they are no such
// message. Texts that are not UTF-8 are added to `violations` by their fields' paths and stand in
// the message with '?' for each bad byte, so that the other rules can be checked too.
absl::Status Decode(const grpc::ByteBuffer& bytes, google::protobuf::Message& message,
                    std::vector<errors::FieldViolation>& violations);

}  // namespace common::rpc
