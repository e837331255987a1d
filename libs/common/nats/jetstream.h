// Durable messages: streams and publishing into them.
#pragma once
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/nats/connection.h"

namespace common::nats {

struct StreamSpec {
  enum class Storage { kFile, kMemory };
  enum class Retention { kLimits, kInterest, kWorkQueue };
  enum class Discard { kOld, kNew };  // what gives way when the stream is full

  std::string name{};                   // UPPER_SNAKE
  std::vector<std::string> subjects{};  // must not overlap with another stream's
  Storage storage = Storage::kFile;
  Retention retention = Retention::kLimits;
  Discard discard = Discard::kOld;
  std::chrono::seconds max_age{0};             // 0 = for ever
  std::chrono::seconds duplicate_window{120};  // how long a message id is remembered
  // A stream that discards new messages should fill up by number: nats-server 2.9 forgets the
  // record's overhead when it compares bytes, stores a message that just fits without it, and then
  // drops the oldest one to get below max_bytes again.
  int64_t max_messages = -1;       // -1 = no bound of its own
  int64_t max_bytes = -1;          // likewise
  int32_t max_message_bytes = -1;  // likewise
  int replicas = 1;
  // Somebody else's: it is not made or changed here, only its subjects matter.
  bool foreign = false;
};

struct PublishAck {
  uint64_t sequence = 0;   // in the stream
  bool duplicate = false;  // the stream had this message id within its window
};

// Thread-safe. `connection` must outlive it.
class JetStream {
 public:
  static absl::StatusOr<std::unique_ptr<JetStream>> Make(Connection& connection);

  // Stores a message and waits until the server has it. `message_id` makes a repeat within the
  // stream's window harmless; "" = none. UNAVAILABLE, at once while disconnected, also means that
  // the outcome may be unknown: repeat with the same id. RESOURCE_EXHAUSTED: the stream is full.
  absl::StatusOr<PublishAck> Publish(std::string_view subject, std::string_view payload,
                                     const Headers& headers, const std::string& message_id);

  // The sequence of the last message that the stream ever stored; 0 before the first. UNAVAILABLE
  // when the server is away.
  absl::StatusOr<uint64_t> LastSequence(const std::string& stream);

  // Makes every stream exist as described; what the server holds beyond the description stays.
  // Storage and retention of an existing stream cannot be changed: INTERNAL. A foreign stream must
  // exist and take all of the subjects: FAILED_PRECONDITION, with a message that says what lacks.
  absl::Status Declare(std::span<const StreamSpec> streams);

  // For the other files of this folder.
  jsCtx* handle() const { return context_.get(); }
  Connection& connection() const { return connection_; }

 private:
  JetStream(Connection& connection, JetStreamHandle context)
      : connection_(connection), context_(std::move(context)) {}
  absl::Status DeclareOne(const StreamSpec& spec);
  absl::Status CheckForeign(const StreamSpec& spec);

  Connection& connection_;
  JetStreamHandle context_;
};

}  // namespace common::nats
