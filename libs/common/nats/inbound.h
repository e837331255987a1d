// Events of other services, whose bodies are JSON. Their messages are in inbound.proto.
#pragma once
#include <string_view>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

namespace common::nats {

// False when it is no JSON object, or a member that we know is of another type. Members that we do
// not know are nobody's business.
inline bool ReadInbound(std::string_view json, google::protobuf::Message& event) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage(
             google::protobuf::StringPiece(json.data(), static_cast<ptrdiff_t>(json.size())),
             &event, options)
      .ok();
}

}  // namespace common::nats
