// Reading a stream at one's own pace, at least once.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/nats/jetstream.h"

namespace common::nats {

struct ConsumerSpec {
  std::string stream{};
  std::string durable{};  // service_purpose, no dots; instances that share it share the messages
  std::string filter_subject{};               // "" = everything in the stream
  std::chrono::milliseconds ack_wait{30000};  // then an unacknowledged message comes again
  int64_t max_deliver = -1;                   // how often one message comes at most; -1 = no bound
  int64_t max_ack_pending = 1000;             // delivered and not acknowledged at most
  bool only_new = false;                      // start with what comes after the first declaration
  std::optional<Time> from{};                 // start with what was stored then or later
  std::optional<uint64_t> from_sequence{};    // start with this message
  // The server forgets the consumer when nobody has asked for this long; 0 = never. For consumers
  // that belong to one instance.
  std::chrono::seconds inactive_threshold{0};
};

// One delivery. Its consumer must outlive it. Exactly one of the four answers should be given; what
// has none comes again after ack_wait. That an answer returns OK shows only that it was sent,
// except for AckSync.
class Message {
 public:
  explicit Message(natsMsg* message) : message_(message) {}

  std::string_view subject() const { return natsMsg_GetSubject(message_.get()); }
  std::string_view payload() const {
    return {natsMsg_GetData(message_.get()),
            static_cast<size_t>(natsMsg_GetDataLength(message_.get()))};
  }
  std::optional<std::string> Header(const std::string& name) const {
    return HeaderOf(*message_, name);
  }

  // From 1; how often this message was delivered to the consumer, this time included.
  uint64_t delivered() const { return Position().delivered; }
  // Its place in the stream.
  uint64_t sequence() const { return Position().sequence; }
  // When the stream got it, by the server's clock.
  Time stored_at() const { return Position().stored_at; }

  absl::Status Ack();      // done
  absl::Status AckSync();  // done, and the server knows when this returns OK
  absl::Status Nak(std::chrono::milliseconds delay);  // not now; again after the delay
  absl::Status Term();                                // never again

 private:
  struct Place {
    uint64_t delivered = 0;
    uint64_t sequence = 0;
    Time stored_at{};
  };
  Place Position() const;

  MessageHandle message_;
};

// How far a consumer is behind, over all instances that share it. Messages.
struct ConsumerLag {
  uint64_t pending = 0;        // not delivered yet
  int64_t unacknowledged = 0;  // delivered and not answered yet
  int64_t redelivered = 0;     // those of them that were delivered more than once
};

// A durable pull consumer, owned by one thread.
class PullConsumer {
 public:
  // Creates the consumer or updates it, and binds to it: it stays on the server when this is gone.
  static absl::StatusOr<std::unique_ptr<PullConsumer>> Open(JetStream& jetstream,
                                                            ConsumerSpec spec);
  ~PullConsumer();
  PullConsumer(const PullConsumer&) = delete;
  PullConsumer& operator=(const PullConsumer&) = delete;

  // At most `max` messages; waits up to `timeout` for the first. None is OK and empty. UNAVAILABLE
  // when the server is away. Without messages it returns no earlier than `timeout`, so that a loop
  // around it cannot spin. Declares the consumer again after a reconnect and from time to time: a
  // server that restarts forgets the consumers of streams in memory, and nats.c does not tell.
  absl::StatusOr<std::vector<Message>> Fetch(int max, std::chrono::milliseconds timeout);

  // Asks the server, one round trip. UNAVAILABLE, at once while disconnected; NOT_FOUND when the
  // server has forgotten the consumer, which the next declaration mends.
  absl::StatusOr<ConsumerLag> ReadLag();

 private:
  PullConsumer(JetStream& jetstream, ConsumerSpec spec)
      : jetstream_(jetstream), spec_(std::move(spec)) {}
  absl::Status Declare();
  absl::Status DeclareIfDue();
  absl::StatusOr<std::vector<Message>> FetchOnce(int max, std::chrono::milliseconds timeout);

  JetStream& jetstream_;
  const ConsumerSpec spec_;
  SubscriptionHandle subscription_;
  uint64_t declared_reconnects_ = 0;  // the connection's count at the last declaration
  std::chrono::steady_clock::time_point next_declaration_{};
};

}  // namespace common::nats
