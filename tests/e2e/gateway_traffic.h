// What goes on through a gateway while instances come and go, and what must have come of it.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/stream/v1/platform.pb.h>
#include <bannou/streaming/v1/audience.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <bannou/streaming/v1/pool.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <gtest/gtest.h>

#include "libs/common/nats/consumer.h"
#include "libs/common/rpc/method.h"
#include "tests/e2e/gateway_stack.h"
#include "tests/e2e/hype_ledger.h"
#include "tests/e2e/webhooks.h"
#include "tests/story/token.h"
#include "tests/story/watching.h"

namespace story {

// How often what happened, told by threads.
class Tally {
 public:
  void Note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[what];
  }
  std::map<std::string, int> Counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
};

// A step that a thread of its own takes again and again.
class Worker {
 public:
  Worker(std::chrono::milliseconds pause, std::function<void()> step)
      : thread_([this, pause, step = std::move(step)] {
          while (!stop_) {
            step();
            ++steps_;
            common::testing::Eventually([this] { return stop_.load(); }, pause);
          }
        }) {}
  ~Worker() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int steps() const { return steps_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> steps_ = 0;
  std::thread thread_;
};

// A JetStream stream as its consumers read it: whatever it holds, each message once.
class StreamLedger {
 public:
  explicit StreamLedger(std::string stream) {
    connection_ =
        common::nats::Connection::Connect({.url = common::testing::SharedNats().url()}).value();
    jetstream_ = common::nats::JetStream::Make(*connection_).value();
    consumer_ = common::nats::PullConsumer::Open(
                    *jetstream_, {.stream = std::move(stream),
                                  .durable = "ledger_" + common::Uuid::V4().ToString(),
                                  .max_ack_pending = 1000,
                                  .inactive_threshold = std::chrono::minutes(1)})
                    .value();
  }
  // The events of one kind that came until now.
  template <class Event>
  std::vector<Event> Of() {
    Read();
    std::vector<Event> events;
    for (const std::string& payload : payloads_
             [Event::descriptor()->options().GetExtension(bannou::common::v1::event).subject()]) {
      if (!events.emplace_back().ParseFromString(payload)) {
        throw std::runtime_error("a malformed event");
      }
    }
    return events;
  }

 private:
  void Read() {
    for (;;) {
      auto messages = consumer_->Fetch(500, std::chrono::milliseconds(200));
      if (!messages.ok() || messages->empty()) return;
      for (auto& message : *messages) {
        payloads_[std::string(message.subject())].emplace_back(message.payload());
        if (!message.Ack().ok()) throw std::runtime_error("no acknowledgement");
      }
    }
  }

  std::unique_ptr<common::nats::Connection> connection_;
  std::unique_ptr<common::nats::JetStream> jetstream_;
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  std::map<std::string, std::vector<std::string>> payloads_;
};

// A game server and platforms at work. Calls are made again by gRPC as docs/gateway.md says; what
// fails in spite of that is noted, and made again under its request id.
class GatewayTraffic {
  using Detail = bannou::streaming::v1::StreamSessionDetail;

 public:
  explicit GatewayTraffic(GatewayStack& stack) : stack_(stack) {
    bannou::streaming::v1::SeedAudiencePoolRequest seed;
    seed.set_game_service_id(game_);
    seed.set_count(2000);
    Do<bannou::streaming::v1::SeedAudiencePoolResponse>(seed);
    show_ = GoLive(common::Uuid::V4().ToString());
    hype_ = std::make_unique<HypeLedger>(show_);
    for (Channel& channel : channels_) Link(channel);
    Watch();
    Begin();
  }
  ~GatewayTraffic() { Stop(); }

  // Returns when everything has gone on for a while.
  void Proceed() {
    std::vector<int> before;
    for (const auto& worker : workers_) before.push_back(worker->steps());
    EXPECT_TRUE(common::testing::Eventually(
        [&] {
          for (size_t i = 0; i < workers_.size(); ++i) {
            if (workers_[i]->steps() < before[i] + 3) return false;
          }
          return true;
        },
        std::chrono::seconds(30)));
  }
  void Stop() {
    for (const auto& worker : workers_) worker->Stop();
  }

  std::map<std::string, int> failures() const { return failures_.Counts(); }
  std::map<std::string, int> resends() const { return resends_.Counts(); }
  std::map<std::string, int> watch_ends() const { return watch_ends_.Counts(); }

  // After Stop: what was acknowledged has happened, once.
  void ExpectEffects() {
    bannou::streaming::v1::EndStreamSessionRequest end;
    end.set_session_id(show_);
    const auto summary = Do<bannou::streaming::v1::StreamSessionSummary>(end);
    ended_.insert(show_);
    EXPECT_EQ(summary.hype_trains_triggered(), triggered_);
    ExpectTrains();
    ExpectSessions();
    ExpectPlatformSessions();
  }

 private:
  struct Channel {
    std::string account;
    std::string url;
    std::string secret;
    int acknowledged = 0;  // onlines, and as many offlines
  };

  void Begin() {
    using std::chrono::milliseconds;
    for (int i = 0; i < 2; ++i) {
      workers_.push_back(std::make_unique<Worker>(
          milliseconds(20),
          [this, streamer = common::Uuid::V4().ToString()] { Stream(streamer); }));
      workers_.push_back(std::make_unique<Worker>(milliseconds(10), [this] { Look(); }));
    }
    workers_.push_back(std::make_unique<Worker>(milliseconds(20), [this] { Tell(); }));
    workers_.push_back(std::make_unique<Worker>(milliseconds(50), [this] { KeepWatching(); }));
    for (Channel& channel : channels_) {
      workers_.push_back(
          std::make_unique<Worker>(milliseconds(20), [this, &channel] { Broadcast(channel); }));
    }
  }

  // --- The game. ---------------------------------------------------------------------------------

  Answer Ask(const google::protobuf::Message& request) { return wire_.Call(request, service_); }
  static std::string NameOf(const Answer& answer) {
    return std::string(common::rpc::CodeName(answer.status.error_code())) + " " + answer.reason() +
           " " + answer.status.error_message();
  }
  // Until it is answered.
  template <class Response>
  Response Do(const google::protobuf::Message& request) {
    Response response;
    EXPECT_TRUE(common::testing::Eventually(
        [&] {
          const Answer answer = Ask(request);
          if (answer.status.ok()) return response.ParseFromString(answer.messages.at(0));
          failures_.Note(request.GetDescriptor()->name() + " " + NameOf(answer));
          return false;
        },
        std::chrono::seconds(20)))
        << request.GetDescriptor()->name() << ": " << testing::PrintToString(failures());
    return response;
  }
  std::string GoLive(const std::string& streamer) {
    bannou::streaming::v1::CreateStreamSessionRequest create;
    create.set_game_service_id(game_);
    create.set_streamer_id(streamer);
    create.set_streamer_type(bannou::streaming::v1::STREAMER_ENTITY_TYPE_ACTOR);
    create.set_request_id(common::Uuid::V4().ToString());
    std::string session = Do<Detail>(create).session_id();
    bannou::streaming::v1::StartStreamSessionRequest start;
    start.set_session_id(session);
    const Answer started = Ask(start);
    // It has no request id: an answer that was lost shows in the second one.
    if (!started.status.ok() && started.reason() != "SESSION_NOT_PENDING") {
      failures_.Note("StartStreamSession " + NameOf(started));
      const Answer again = Ask(start);
      EXPECT_TRUE(again.status.ok() || again.reason() == "SESSION_NOT_PENDING") << NameOf(again);
    }
    return session;
  }
  // A whole session of one of the streamers.
  void Stream(const std::string& streamer) {
    const std::string session = GoLive(streamer);
    bannou::streaming::v1::EndStreamSessionRequest end;
    end.set_session_id(session);
    Do<bannou::streaming::v1::StreamSessionSummary>(end);
    const std::lock_guard lock(mutex_);
    ended_.insert(session);
  }
  void Look() {
    bannou::streaming::v1::StreamSessionStatusRequest status;
    status.set_session_id(show_);
    Do<Detail>(status);
  }
  void Tell() {
    bannou::streaming::v1::TriggerReactionRequest told;
    told.set_session_id(show_);
    told.set_event_type(bannou::streaming::v1::REACTION_EVENT_TYPE_CUSTOM_EVENT);
    told.set_significance(0.5f);
    told.set_request_id(common::Uuid::V4().ToString());
    triggered_ += Do<bannou::streaming::v1::AudienceReactionResult>(told).triggered_hype_train();
  }

  void Watch() { watching_ = std::make_unique<Watching>(watch_channel_, service_, show_, cursor_); }
  // Whoever watches comes back, however it ended, and knows where it was.
  void KeepWatching() {
    if (!watching_->HasEnded()) return;
    watch_ends_.Note(std::string(common::rpc::CodeName(watching_->End().error_code())));
    Gather();
    Watch();
  }
  void Gather() {
    for (const auto& event : watching_->Seen()) {
      if (event.has_cursor()) cursor_ = event.cursor();
      if (event.has_hype_started()) seen_.insert(event.hype_started().hype_id());
    }
  }

  void ExpectTrains() {
    ASSERT_TRUE(common::testing::Eventually([&] {
      const Trains& trains = hype_->Read();
      return trains.size() >= static_cast<size_t>(triggered_) &&
             std::ranges::all_of(trains, [](const auto& t) { return !t.second.completed.empty(); });
    }));
    const Trains& trains = hype_->Read();
    EXPECT_EQ(trains.size(), static_cast<size_t>(triggered_));
    for (const auto& [id, train] : trains) {
      EXPECT_EQ(train.triggered, 1) << id;
      EXPECT_EQ(train.completed.size(), 1u) << id;
      EXPECT_EQ(std::set<int>(train.levels.begin(), train.levels.end()).size(), train.levels.size())
          << id;
    }
    // The watcher missed none of them.
    common::testing::Eventually([&] {
      KeepWatching();
      Gather();
      return seen_.size() >= trains.size();
    });
    for (const auto& [id, train] : trains) EXPECT_TRUE(seen_.contains(id)) << id;
  }
  void ExpectSessions() {
    namespace v1 = bannou::streaming::v1;
    StreamLedger ledger("STREAMING");
    std::map<std::string, int> started, ended;
    const auto all_ended = [&] {
      ended.clear();
      for (const auto& event : ledger.Of<v1::StreamingSessionEndedEvent>()) {
        if (ended_.contains(event.session_id())) ++ended[event.session_id()];
      }
      return ended.size() == ended_.size();
    };
    EXPECT_TRUE(common::testing::Eventually(all_ended));
    for (const auto& event : ledger.Of<v1::StreamingSessionStartedEvent>()) {
      if (ended_.contains(event.session_id())) ++started[event.session_id()];
    }
    for (const std::string& session : ended_) {
      EXPECT_EQ(started[session], 1) << session;
      EXPECT_EQ(ended[session], 1) << session;
    }
    EXPECT_GT(ended_.size(), 5u);
    // Nobody follows twice without having left.
    std::map<std::string, int> follows;
    for (const auto& event : ledger.Of<v1::StreamingFollowGainedEvent>()) {
      if (event.game_service_id() == game_) ++follows[event.streamer_id() + event.member_id()];
    }
    for (const auto& event : ledger.Of<v1::StreamingFollowLostEvent>()) {
      if (event.game_service_id() == game_) --follows[event.streamer_id() + event.member_id()];
    }
    EXPECT_FALSE(follows.empty());
    for (const auto& [pair, count] : follows) EXPECT_TRUE(count == 0 || count == 1) << pair;
  }

  // --- Platforms. --------------------------------------------------------------------------------

  void Link(Channel& channel) {
    const common::Uuid account = common::Uuid::V4();
    channel.account = account.ToString();
    bannou::stream::v1::LinkPlatformRequest link;
    link.set_account_id(channel.account);
    link.set_platform(bannou::stream::v1::STREAM_PLATFORM_CUSTOM);
    link.set_custom_rtmp_endpoint("rtmp://live.example.com/app/key");
    const auto linked = Do<bannou::stream::v1::LinkPlatformResponse>(link);
    channel.url = linked.webhook_url();
    channel.secret = linked.webhook_secret();
  }
  void Broadcast(Channel& channel) {
    Send(channel, "online");
    Send(channel, "offline");
    ++channel.acknowledged;
  }
  // Until it is acknowledged, as platforms do.
  void Send(const Channel& channel, const std::string& type) {
    const std::string body = nlohmann::json{{"id", common::Uuid::V4().ToString()},
                                            {"type", type},
                                            {"at", common::FormatTime(common::Now())},
                                            {"data", nlohmann::json::object()}}
                                 .dump();
    EXPECT_TRUE(common::testing::Eventually(
        [&] {
          const auto answer = browser_.Send({.method = "POST",
                                             .url = channel.url,
                                             .headers = CustomHeaders(channel.secret, body),
                                             .body = body});
          const int status = answer.ok() ? answer->status : 0;
          if (status != 204) resends_.Note(std::to_string(status));
          return status == 204;
        },
        std::chrono::seconds(20), std::chrono::milliseconds(50)));
  }
  void ExpectPlatformSessions() {
    StreamLedger ledger("STREAM");
    const auto count = [](const auto& events, const Channel& channel) {
      return std::ranges::count_if(
          events, [&](const auto& event) { return event.account_id() == channel.account; });
    };
    for (const Channel& channel : channels_) {
      EXPECT_TRUE(common::testing::Eventually([&] {
        return count(ledger.Of<bannou::stream::v1::StreamPlatformSessionEndedEvent>(), channel) >=
               channel.acknowledged;
      }));
      EXPECT_EQ(count(ledger.Of<bannou::stream::v1::StreamPlatformSessionStartedEvent>(), channel),
                channel.acknowledged);
      EXPECT_EQ(count(ledger.Of<bannou::stream::v1::StreamPlatformSessionEndedEvent>(), channel),
                channel.acknowledged);
      EXPECT_GT(channel.acknowledged, 5);
    }
  }

  GatewayStack& stack_;
  const std::string service_ =
      "Bearer " + Sign(Claims(common::Uuid::V4(), {"admin", "service"}, {}));
  const std::string game_ = common::Uuid::V4().ToString();
  const SecureWire wire_{stack_.gateway().Channel(true)};
  const std::shared_ptr<grpc::Channel> watch_channel_ = stack_.gateway().Channel(true);
  common::http::Client browser_{{.ca_file = stack_.gateway().ca_file()}};
  std::string show_;  // the session that goes on
  std::unique_ptr<HypeLedger> hype_;
  Tally failures_;
  Tally resends_;
  Tally watch_ends_;
  std::atomic<int> triggered_ = 0;
  std::mutex mutex_;
  std::set<std::string> ended_;
  std::array<Channel, 3> channels_;
  std::optional<uint64_t> cursor_;
  std::set<std::string> seen_;  // trains
  std::unique_ptr<Watching> watching_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace story
