// Messages of the contract as the JSON that others read: members as the caller names them on top
// and in lowerCamelCase below, enum values by the specification's words, numbers as numbers
// (protobuf's own JSON writes 64-bit ones as strings), times as RFC 3339. No member is left out.
#pragma once
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace streaming::events {

enum class Members { kSnakeCase, kLowerCamelCase };  // of the outermost object

// Of fields that are not repeated, and of maps from string to string.
nlohmann::json ToObject(const google::protobuf::Message& message, Members members);

// What ToObject made, without maps. False when a member is absent or of another type; `message` is
// then half filled.
bool FromObject(const nlohmann::json& object, Members members, google::protobuf::Message& message);

}  // namespace streaming::events
