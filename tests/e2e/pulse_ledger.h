// The stream PULSES as its consumers read it: what JetStream kept, each message once.
#pragma once
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include <bannou/stream/v1/sentiment.pb.h>

#include "libs/common/base/uuid.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/testing/servers.h"

namespace story {

class PulseLedger {
 public:
  explicit PulseLedger(const std::string& url = common::testing::SharedNats().url()) {
    connection_ = common::nats::Connection::Connect({.url = url, .name = "ledger"}).value();
    jetstream_ = common::nats::JetStream::Make(*connection_).value();
  }

  // Reads what came since the last call. A pulse that is there twice throws.
  void Read() {
    if (!consumer_) {
      consumer_ = common::nats::PullConsumer::Open(
                      *jetstream_, {.stream = "PULSES",
                                    .durable = "ledger_" + common::Uuid::V4().ToString(),
                                    .inactive_threshold = std::chrono::minutes(1)})
                      .value();
    }
    for (;;) {
      auto messages = consumer_->Fetch(100, std::chrono::milliseconds(100));
      if (!messages.ok() || messages->empty()) return;
      for (auto& message : *messages) {
        bannou::stream::v1::SentimentPulse pulse;
        if (!pulse.ParseFromArray(message.payload().data(),
                                  static_cast<int>(message.payload().size()))) {
          throw std::runtime_error("a malformed pulse");
        }
        if (!seen_.insert(pulse.pulse_id()).second) throw std::runtime_error("a pulse came twice");
        entries_[pulse.platform_session_id()] += pulse.sentiments_size();
        if (!message.Ack().ok()) throw std::runtime_error("no acknowledgement");
      }
    }
  }
  // The sentiments that a session's pulses brought.
  int EntriesOf(const std::string& session) {
    Read();
    return entries_[session];
  }

 private:
  std::unique_ptr<common::nats::Connection> connection_;
  std::unique_ptr<common::nats::JetStream> jetstream_;
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  std::set<std::string> seen_;
  std::map<std::string, int> entries_;
};

}  // namespace story
