// What the stream STREAMING keeps of the hype trains of one session, as its consumers read it.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/base/uuid.h"
#include "libs/common/nats/consumer.h"
#include "libs/common/testing/servers.h"

namespace story {

struct TrainNews {
  int triggered = 0;
  std::multiset<int> levels;     // that it rose to
  std::multiset<int> completed;  // its peaks, one each time that it completed
  bool operator==(const TrainNews&) const = default;
};
using Trains = std::map<std::string, TrainNews>;  // by hype id

class HypeLedger {
 public:
  explicit HypeLedger(std::string session,
                      const std::string& url = common::testing::SharedNats().url())
      : session_(std::move(session)) {
    connection_ = common::nats::Connection::Connect({.url = url, .name = "ledger"}).value();
    jetstream_ = common::nats::JetStream::Make(*connection_).value();
    consumer_ = common::nats::PullConsumer::Open(
                    *jetstream_, {.stream = "STREAMING",
                                  .durable = "ledger_" + common::Uuid::V4().ToString(),
                                  .filter_subject = "streaming.hype.>",
                                  .inactive_threshold = std::chrono::minutes(1)})
                    .value();
  }

  // All that was announced so far.
  const Trains& Read() {
    for (;;) {
      auto messages = consumer_->Fetch(100, std::chrono::milliseconds(100));
      if (!messages.ok() || messages->empty()) return trains_;
      for (auto& message : *messages) {
        Note(message);
        if (!message.Ack().ok()) throw std::runtime_error("no acknowledgement");
      }
    }
  }

 private:
  template <class Event>
  void Take(const common::nats::Message& message,
            const std::function<void(const Event&, TrainNews&)>& note) {
    Event event;
    const std::string_view payload = message.payload();
    if (!event.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      throw std::runtime_error("a malformed event");
    }
    if (event.session_id() == session_) note(event, trains_[event.hype_id()]);
  }
  void Note(const common::nats::Message& message) {
    namespace v1 = bannou::streaming::v1;
    if (message.subject() == "streaming.hype.triggered") {
      Take<v1::StreamingHypeTriggeredEvent>(message,
                                            [](const auto&, auto& train) { ++train.triggered; });
    } else if (message.subject() == "streaming.hype.level-up") {
      Take<v1::StreamingHypeLevelUpEvent>(
          message, [](const auto& event, auto& train) { train.levels.insert(event.new_level()); });
    } else {
      Take<v1::StreamingHypeCompletedEvent>(message, [](const auto& event, auto& train) {
        train.completed.insert(event.peak_level());
      });
    }
  }

  const std::string session_;
  std::unique_ptr<common::nats::Connection> connection_;
  std::unique_ptr<common::nats::JetStream> jetstream_;
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  Trains trains_;
};

}  // namespace story
