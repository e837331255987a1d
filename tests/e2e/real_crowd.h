// Real crowds as the platform side tells of them on the bus, for tests that must dictate every
// pulse: whose a platform session is, and what its viewers feel. NATS may go and come back.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/stream/v1/sentiment.pb.h>
#include <google/protobuf/util/time_util.h>
#include <nats/nats.h>

#include "libs/common/nats/jetstream.h"
#include "libs/common/outbox/message.h"
#include "libs/common/testing/eventually.h"
#include "tests/story/client.h"

namespace story {

class RealCrowd {
 public:
  using Pulse = bannou::stream::v1::SentimentPulse;
  using Started = bannou::stream::v1::StreamPlatformSessionStartedEvent;

  explicit RealCrowd(const std::string& nats_url)
      : connection_(ValueOf(common::nats::Connection::Connect({.url = nats_url}))),
        jetstream_(ValueOf(common::nats::JetStream::Make(*connection_))) {}

  static google::protobuf::Timestamp Stamp(common::Time time) {
    return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(common::ToMicros(time));
  }

  // A channel of the account goes live, and those who blend have heard of it; its platform session.
  std::string GoLive(const common::Uuid& account) {
    const std::string channel = common::Uuid::V4().ToString();
    Announce(channel, account);
    const auto heard = [this] { return IsDone("STREAM", "streaming_platform_sessions"); };
    if (!common::testing::Eventually(heard, std::chrono::seconds(60))) {
      throw std::runtime_error("nobody hears of a channel");
    }
    return channel;
  }
  void Announce(const std::string& channel, const common::Uuid& account) {
    const common::Uuid id = common::Uuid::V4();
    Started started;
    started.set_event_id(id.ToString());
    *started.mutable_timestamp() = Stamp(common::Now());
    started.set_platform_session_id(channel);
    started.set_account_id(account.ToString());
    started.set_platform(bannou::stream::v1::STREAM_PLATFORM_TWITCH);
    Store(started, id, id.ToString());
  }

  // A pulse without sentiments yet; `session` "" = it names no in-game session.
  static Pulse PulseOf(const std::string& channel, const std::string& session) {
    Pulse pulse;
    pulse.set_pulse_id(common::Uuid::V4().ToString());
    pulse.set_platform_session_id(channel);
    if (!session.empty()) pulse.set_in_game_session_id(session);
    *pulse.mutable_timestamp() = Stamp(common::Now());
    pulse.set_interval_seconds(15);
    return pulse;
  }
  static void Feel(Pulse& pulse, bannou::stream::v1::SentimentCategory category, float intensity) {
    auto& entry = *pulse.add_sentiments();
    entry.set_category(category);
    entry.set_intensity(intensity);
  }

  // As the platform side sends it: kept once, however often it is sent.
  void Send(const Pulse& pulse) {
    Store(pulse, *common::Uuid::Parse(pulse.pulse_id()), pulse.pulse_id());
  }
  // As if whoever repeats it no longer knew: for the bus it is another message.
  void SendAsNew(const Pulse& pulse) { Store(pulse, *common::Uuid::Parse(pulse.pulse_id()), ""); }
  // Anything at all, where pulses go.
  void SendBytes(const std::string& payload) {
    Store(common::outbox::SubjectOf(Pulse::default_instance()), payload, {}, "");
  }

  // Whether every pulse that the bus has was taken by those who blend, and answered.
  bool AllAreTaken() const { return IsDone("PULSES", "streaming_blending"); }
  // Pulses that nobody has answered yet.
  int64_t Unanswered() const {
    jsConsumerInfo* info = nullptr;
    if (js_GetConsumerInfo(&info, jetstream_->handle(), "PULSES", "streaming_blending", nullptr,
                           nullptr) != NATS_OK) {
      throw std::runtime_error("nobody blends");
    }
    const int64_t unanswered = static_cast<int64_t>(info->NumPending) + info->NumAckPending;
    jsConsumerInfo_Destroy(info);
    return unanswered;
  }
  // Whether anybody has ever asked for pulses.
  bool SomebodyBlends() const {
    jsConsumerInfo* info = nullptr;
    const natsStatus status = js_GetConsumerInfo(&info, jetstream_->handle(), "PULSES",
                                                 "streaming_blending", nullptr, nullptr);
    jsConsumerInfo_Destroy(info);
    if (status != NATS_OK && status != NATS_NOT_FOUND) throw std::runtime_error("NATS fails");
    return status == NATS_OK;
  }

 private:
  // Whether a consumer has answered all that its stream has for it.
  bool IsDone(const char* stream, const char* consumer) const {
    jsConsumerInfo* info = nullptr;
    if (js_GetConsumerInfo(&info, jetstream_->handle(), stream, consumer, nullptr, nullptr) !=
        NATS_OK) {
      return false;
    }
    const bool done = info->NumPending == 0 && info->NumAckPending == 0;
    jsConsumerInfo_Destroy(info);
    return done;
  }
  template <class Event>
  void Store(const Event& event, const common::Uuid& id, const std::string& message_id) {
    const auto about = common::outbox::EventOf(event, id);
    Store(about.subject, about.payload, common::outbox::HeadersOf(about), message_id);
  }
  // Until it is there: the bus may be away.
  void Store(const std::string& subject, const std::string& payload,
             const common::nats::Headers& headers, const std::string& message_id) {
    const bool stored = common::testing::Eventually(
        [&] { return jetstream_->Publish(subject, payload, headers, message_id).ok(); },
        std::chrono::seconds(60));
    if (!stored) throw std::runtime_error("the bus does not take " + subject);
  }

  const std::unique_ptr<common::nats::Connection> connection_;
  const std::unique_ptr<common::nats::JetStream> jetstream_;
};

}  // namespace story
