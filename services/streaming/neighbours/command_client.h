// Commands as the HTTP calls that a neighbour understands: POST <base>/<subject, dots as slashes>,
// the command as JSON (docs/neighbours.md).
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "libs/common/base/uuid.h"
#include "libs/common/config/secret.h"
#include "libs/common/http/client.h"
#include "services/streaming/neighbours/answer.h"

namespace streaming::neighbours {

// The command that a message of COMMANDS is; null when the subject is none of theirs.
// `readable`: whether the payload could be read.
struct Command {
  std::unique_ptr<google::protobuf::Message> message;
  bool readable = false;
};
Command ReadCommand(std::string_view subject, std::string_view payload);

// The field of a command with an id that belongs to the neighbour; null when it has none.
const google::protobuf::FieldDescriptor* TheirIdField(const google::protobuf::Message& command);

// "/seed/growth/record" for "seed.growth.record".
std::string RouteOf(std::string_view subject);
// The key travels as a header, and where the platform's contract has it, in the body too.
std::string BodyOf(const google::protobuf::Message& command);

struct Answer {
  Verdict verdict = Verdict::kUnavailable;
  int status = 0;                             // HTTP; 0 = there was no answer
  std::optional<std::chrono::seconds> pause;  // that the neighbour asked for
  std::optional<common::Uuid> their_id;       // for the command's TheirIdField
};

class CommandClient {
 public:
  struct Options {
    std::string base_url;          // http or https, without a final slash
    common::config::Secret token;  // sent as a bearer token; empty: none
    std::chrono::milliseconds timeout{5000};
  };
  explicit CommandClient(Options options);

  // Sends it once, and waits for the answer up to the timeout. Thread-safe.
  Answer Send(const google::protobuf::Message& command);

 private:
  const Options options_;
  common::http::Client client_;
};

}  // namespace streaming::neighbours
