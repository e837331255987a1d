// The stream daemon as a process, on real servers, against a Twitch that speaks the real protocol.
#include <mutex>

#include <bannou/stream/v1/admin.grpc.pb.h>
#include <bannou/stream/v1/events.pb.h>
#include <bannou/stream/v1/platform.grpc.pb.h>
#include <bannou/stream/v1/session.grpc.pb.h>
#include <bannou/stream/v1/webhook.grpc.pb.h>
#include <gtest/gtest.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/client.h"
#include "libs/common/nats/connection.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "tests/story/processes.h"
#include "tests/story/wire.h"

namespace stream {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using common::http::Headers;
using common::http::Response;
using common::testing::Eventually;
using nlohmann::json;
using story::ReasonOf;

// One stack for all tests of this file; each links a channel of its own.
using Stack = story::PlatformSide;

class StreamDaemonTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { stack_ = new Stack; }
  static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

  StreamDaemonTest()
      : channel_(
            grpc::CreateChannel(stack_->daemon.grpc_address(), grpc::InsecureChannelCredentials())),
        platforms_(v1::PlatformService::NewStub(channel_)),
        sessions_(v1::PlatformSessionService::NewStub(channel_)),
        webhooks_(v1::WebhookService::NewStub(channel_)),
        admin_(v1::StreamAdminService::NewStub(channel_)) {}

  static Response Http(common::http::OutgoingRequest request) {
    auto response = common::http::Client().Send(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : Response{.status = 0};
  }
  static Response Sim(const std::string& path, const json& body) { return stack_->Sim(path, body); }
  static bool SimIsDone() {
    const auto stats = Http({.url = "http://" + stack_->sim.address() + "/sim/stats"});
    return json::parse(stats.body)["pending"] == 0;
  }

  template <class Stub, class Request, class Reply>
  grpc::Status Call(Stub& stub,
                    grpc::Status (Stub::element_type::*method)(grpc::ClientContext*, const Request&,
                                                               Reply*),
                    const Request& request, Reply& reply, const char* role = "user") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata("authorization", "Bearer " + story::Sign(story::Claims(account_, {role})));
    return (stub.get()->*method)(&context, request, &reply);
  }

  v1::LinkPlatformResponse BeginLink() {
    v1::LinkPlatformRequest request;
    request.set_account_id(account_.ToString());
    request.set_platform(v1::STREAM_PLATFORM_TWITCH);
    v1::LinkPlatformResponse response;
    const auto status =
        Call(platforms_, &v1::PlatformService::Stub::LinkPlatform, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Where the platform sends the browser of a user who agrees.
  std::string Approve(const std::string& authorization_url) {
    return stack_->Approve(authorization_url, login_);
  }
  std::vector<v1::PlatformLinkDetail> Links() {
    v1::ListPlatformsRequest request;
    request.set_account_id(account_.ToString());
    v1::ListPlatformsResponse response;
    EXPECT_TRUE(
        Call(platforms_, &v1::PlatformService::Stub::ListPlatforms, request, response).ok());
    return {response.platforms().begin(), response.platforms().end()};
  }
  std::vector<v1::PlatformSessionStatus> Sessions(bool ended = false) {
    v1::ListPlatformSessionsRequest request;
    request.set_account_id(account_.ToString());
    request.set_include_ended(ended);
    v1::ListPlatformSessionsResponse response;
    EXPECT_TRUE(
        Call(sessions_, &v1::PlatformSessionService::Stub::ListPlatformSessions, request, response)
            .ok());
    return {response.sessions().begin(), response.sessions().end()};
  }

  // A linked channel whose events arrive.
  void LinkChannel() {
    const Response user = Sim("/sim/users", {{"login", login_}, {"display_name", "Some One"}});
    ASSERT_EQ(user.status, 201);
    user_id_ = json::parse(user.body)["id"];
    ASSERT_EQ(Http({.url = Approve(BeginLink().authorization_url())}).status, 200);
    const auto links = Links();
    ASSERT_EQ(links.size(), 1u);
    link_id_ = links[0].link_id();
    ASSERT_TRUE(Eventually([&] { return stack_->HearsOf(link_id_); }));
  }
  void GoLive() {
    ASSERT_EQ(Sim("/sim/channels/" + user_id_ + "/live", json::object()).status, 202);
    ASSERT_TRUE(Eventually([&] { return Sessions().size() == 1; }));
    session_id_ = Sessions()[0].platform_session_id();
  }
  void Chat(int chatters) {
    for (int i = 0; i < chatters; ++i) {
      const json body = {{"login", "chatter_" + std::to_string(i)},
                         {"lines", {"that was insane PogChamp", "love this stream"}},
                         {"badges", i == 0 ? json{"subscriber"} : json::array()}};
      ASSERT_EQ(Sim("/sim/channels/" + user_id_ + "/chat", body).status, 202);
    }
  }

  // A signed message, as Twitch would send it; `change` may spoil it.
  struct Hook {
    std::string id = Uuid::V4().ToString();
    std::string timestamp = common::FormatTime(common::Now());
    std::string type = "notification";
    std::string subscription_type = "stream.online";
    std::string body;
    std::string secret = Stack::kWebhookSecret;
  };
  static Headers SignedHeaders(const Hook& hook) {
    const std::string signature = common::crypto::HexEncode(common::crypto::HmacSha256(
        common::config::Secret(hook.secret), {hook.id, hook.timestamp, hook.body}));
    return {{"Content-Type", "application/json"},
            {"Twitch-Eventsub-Message-Id", hook.id},
            {"Twitch-Eventsub-Message-Timestamp", hook.timestamp},
            {"Twitch-Eventsub-Message-Type", hook.type},
            {"Twitch-Eventsub-Subscription-Type", hook.subscription_type},
            {"Twitch-Eventsub-Message-Signature", "sha256=" + signature}};
  }
  static std::string HookUrl() {
    return "http://" + stack_->http_address + "/stream/webhook/twitch";
  }
  static Response Post(const Hook& hook, const std::string& path = "") {
    return Http({.method = "POST",
                 .url = HookUrl() + path,
                 .headers = SignedHeaders(hook),
                 .body = hook.body});
  }
  std::string OnlineBody(const std::string& stream_id, common::Time started_at) const {
    return json{{"event",
                 {{"id", stream_id},
                  {"broadcaster_user_id", user_id_},
                  {"started_at", common::FormatTime(started_at)}}}}
        .dump();
  }
  std::string OfflineBody() const {
    return json{{"event", {{"broadcaster_user_id", user_id_}}}}.dump();
  }

  static Stack* stack_;
  const Uuid account_ = Uuid::V4();
  const std::string login_ = "user_" + Uuid::V4().ToString().substr(0, 8);
  std::string user_id_;
  std::string link_id_;
  std::string session_id_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PlatformService::Stub> platforms_;
  std::unique_ptr<v1::PlatformSessionService::Stub> sessions_;
  std::unique_ptr<v1::WebhookService::Stub> webhooks_;
  std::unique_ptr<v1::StreamAdminService::Stub> admin_;
};
Stack* StreamDaemonTest::stack_ = nullptr;

// What arrives on a subject, decoded.
template <class Message>
class Listener {
 public:
  explicit Listener(const std::string& subject) {
    common::nats::Options options;
    options.url = common::testing::SharedNats().url();
    connection_ = *common::nats::Connection::Connect(options);
    EXPECT_TRUE(connection_
                    ->Subscribe(subject,
                                [this](std::string_view, std::string_view payload) {
                                  Message message;
                                  EXPECT_TRUE(message.ParseFromArray(
                                      payload.data(), static_cast<int>(payload.size())));
                                  const std::lock_guard lock(mutex_);
                                  messages_.push_back(std::move(message));
                                })
                    .ok());
  }

  std::vector<Message> About(const std::string& session_id) const {
    const std::lock_guard lock(mutex_);
    std::vector<Message> out;
    for (const Message& message : messages_) {
      if (message.platform_session_id() == session_id) out.push_back(message);
    }
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::unique_ptr<common::nats::Connection> connection_;
};

TEST_F(StreamDaemonTest, ALinkRequestIsGoodOnceAndForItsOwner) {
  ASSERT_EQ(Sim("/sim/users", {{"login", login_}, {"display_name", "Some One"}}).status, 201);
  const auto begun = BeginLink();
  const std::string location = Approve(begun.authorization_url());
  const auto query = common::http::FormDecode(location.substr(location.find('?') + 1));
  ASSERT_TRUE(query);

  v1::PlatformCallbackRequest request;
  request.set_link_request_id(begun.link_request_id());
  request.set_authorization_code(std::string(*common::http::FindParam(*query, "code")));
  request.set_state("guessed");
  v1::PlatformLinkDetail detail;
  const auto callback = [&] {
    return ReasonOf(
        Call(platforms_, &v1::PlatformService::Stub::PlatformCallback, request, detail));
  };
  EXPECT_EQ(callback(), "OAUTH_STATE_MISMATCH");
  request.set_state(std::string(*common::http::FindParam(*query, "state")));
  EXPECT_EQ(callback(), "");
  EXPECT_EQ(detail.platform_display_name(), "Some One");
  EXPECT_TRUE(detail.is_active());
  EXPECT_EQ(callback(), "LINK_REQUEST_NOT_FOUND");
  EXPECT_EQ(Http({.url = location}).status, 404);
  EXPECT_EQ(Links().size(), 1u);

  v1::LinkPlatformRequest again;
  again.set_account_id(account_.ToString());
  again.set_platform(v1::STREAM_PLATFORM_TWITCH);
  v1::LinkPlatformResponse response;
  EXPECT_EQ(ReasonOf(Call(platforms_, &v1::PlatformService::Stub::LinkPlatform, again, response)),
            "PLATFORM_ALREADY_LINKED");
  again.set_platform(v1::STREAM_PLATFORM_YOUTUBE);
  EXPECT_EQ(ReasonOf(Call(platforms_, &v1::PlatformService::Stub::LinkPlatform, again, response)),
            "PLATFORM_NOT_CONFIGURED");
}

TEST_F(StreamDaemonTest, ChatBecomesPulsesUntilTheStreamEnds) {
  const Listener<v1::SentimentPulse> pulses("stream.audience.pulse");
  const Listener<v1::StreamPlatformSessionStartedEvent> started("stream.platform.session.started");
  const Listener<v1::StreamPlatformSessionEndedEvent> ended("stream.platform.session.ended");
  LinkChannel();
  GoLive();
  Chat(6);
  ASSERT_TRUE(Eventually([&] { return !pulses.About(session_id_).empty(); }));
  EXPECT_EQ(started.About(session_id_).size(), 1u);

  const v1::SentimentPulse pulse = pulses.About(session_id_)[0];
  EXPECT_GE(pulse.sentiments_size(), 5);
  EXPECT_FALSE(pulse.has_in_game_session_id());
  for (const auto& entry : pulse.sentiments()) {
    EXPECT_NE(entry.category(), v1::SENTIMENT_CATEGORY_UNSPECIFIED);
    EXPECT_NEAR(entry.intensity() * 20, std::round(entry.intensity() * 20), 1e-4);
    EXPECT_EQ(entry.has_tracking_id(), entry.has_viewer_type());
  }
  v1::LatestPulseRequest latest;
  latest.set_platform_session_id(session_id_);
  v1::SentimentPulse found;
  ASSERT_TRUE(
      Call(admin_, &v1::StreamAdminService::Stub::GetLatestPulse, latest, found, "admin").ok());

  v1::AssociateSessionRequest associate;
  associate.set_platform_session_id(session_id_);
  associate.set_in_game_session_id(Uuid::V4().ToString());
  v1::AssociateSessionResponse associated;
  ASSERT_TRUE(
      Call(sessions_, &v1::PlatformSessionService::Stub::AssociateSession, associate, associated)
          .ok());
  Chat(6);
  EXPECT_TRUE(Eventually([&] {
    return pulses.About(session_id_).back().in_game_session_id() == associate.in_game_session_id();
  }));

  ASSERT_EQ(Sim("/sim/channels/" + user_id_ + "/offline", json::object()).status, 202);
  ASSERT_TRUE(Eventually([&] { return !ended.About(session_id_).empty(); }));
  EXPECT_TRUE(Sessions().empty());
  EXPECT_EQ(Sessions(true).size(), 1u);
  EXPECT_EQ(
      ReasonOf(Call(admin_, &v1::StreamAdminService::Stub::GetLatestPulse, latest, found, "admin")),
      "PULSE_NOT_FOUND");
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  const auto keys = common::redis::Redis(options).Command({"KEYS", "*" + session_id_ + "*"});
  ASSERT_EQ(keys->size(), 1u);  // its seal, for a while
  EXPECT_TRUE((*keys)[0].text().ends_with(":live"));
}

TEST_F(StreamDaemonTest, LifecycleMessagesMayComeTwiceLateAndInAnyOrder) {
  LinkChannel();
  const common::Time now = common::Now();
  const Hook online{.body = OnlineBody("9001", now - std::chrono::seconds(60))};
  EXPECT_EQ(Post(online).status, 204);
  ASSERT_EQ(Sessions().size(), 1u);
  EXPECT_EQ(Post(online).status, 204);                 // the same message
  EXPECT_EQ(Post({.body = online.body}).status, 204);  // the same news under another id
  EXPECT_EQ(Sessions(true).size(), 1u);

  const Hook late{.timestamp = common::FormatTime(now - std::chrono::seconds(90)),
                  .subscription_type = "stream.offline",
                  .body = OfflineBody()};
  EXPECT_EQ(Post(late).status, 204);  // the end of an earlier stream
  EXPECT_EQ(Sessions().size(), 1u);

  EXPECT_EQ(Post({.subscription_type = "stream.offline", .body = OfflineBody()}).status, 204);
  EXPECT_TRUE(Sessions().empty());
  EXPECT_EQ(Post({.body = online.body}).status, 204);
  EXPECT_EQ(Post({.body = OnlineBody("9002", now - std::chrono::seconds(30))}).status, 204);
  EXPECT_TRUE(Sessions().empty());
  EXPECT_EQ(Sessions(true).size(), 1u);
}

TEST_F(StreamDaemonTest, OnlyGoodMessagesAreHeard) {
  LinkChannel();
  const common::Time now = common::Now();
  const Hook good{.body = OnlineBody("77", now)};
  Hook forged = good;
  forged.secret = "another-secret";
  EXPECT_EQ(Post(forged).status, 403);
  Headers changed = SignedHeaders(good);
  changed.pop_back();
  EXPECT_EQ(
      Http({.method = "POST", .url = HookUrl(), .headers = changed, .body = good.body}).status,
      403);
  EXPECT_EQ(Http({.method = "POST",
                  .url = HookUrl(),
                  .headers = SignedHeaders(good),
                  .body = good.body + " "})
                .status,
            403);
  for (const auto away : {std::chrono::minutes(-11), std::chrono::minutes(11)}) {
    EXPECT_EQ(Post({.timestamp = common::FormatTime(now + away), .body = good.body}).status, 403);
  }
  EXPECT_EQ(Post({.body = "{\"event\":7}"}).status, 400);
  EXPECT_EQ(Post({.subscription_type = "channel.new", .body = "{}"}).status, 204);
  EXPECT_EQ(Post(good, "/" + Uuid::V4().ToString()).status, 204);  // not this link's channel
  EXPECT_EQ(Http({.url = HookUrl()}).status, 405);
  EXPECT_EQ(Post({.body = std::string(300 * 1024, ' ')}).status, 413);
  const Response challenged =
      Post({.type = "webhook_callback_verification", .body = "{\"challenge\":\"abc\"}"});
  EXPECT_EQ(challenged.status, 200);
  EXPECT_EQ(challenged.body, "abc");
  EXPECT_TRUE(
      common::http::FindHeader(challenged.headers, "content-type")->starts_with("text/plain"));
  EXPECT_TRUE(Sessions(true).empty());

  v1::TwitchWebhookPayload payload;
  for (const auto& [name, value] : SignedHeaders(good)) (*payload.mutable_headers())[name] = value;
  payload.set_body(good.body + " ");
  v1::HandleTwitchWebhookResponse response;
  EXPECT_EQ(
      ReasonOf(Call(webhooks_, &v1::WebhookService::Stub::HandleTwitchWebhook, payload, response)),
      "WEBHOOK_SIGNATURE_INVALID");
  payload.set_body(good.body);
  EXPECT_TRUE(
      Call(webhooks_, &v1::WebhookService::Stub::HandleTwitchWebhook, payload, response).ok());
  EXPECT_EQ(Sessions().size(), 1u);
}

TEST_F(StreamDaemonTest, TheOwnerStartsAndStopsByHand) {
  LinkChannel();
  v1::StartPlatformSessionRequest start;
  start.set_link_id(link_id_);
  v1::PlatformSessionStatus status;
  const auto begin = [&] {
    return ReasonOf(
        Call(sessions_, &v1::PlatformSessionService::Stub::StartPlatformSession, start, status));
  };
  EXPECT_EQ(begin(), "PLATFORM_NOT_LIVE");
  GoLive();
  EXPECT_EQ(begin(), "PLATFORM_SESSION_ACTIVE");
  v1::StopPlatformSessionRequest stop;
  stop.set_platform_session_id(session_id_);
  v1::StopPlatformSessionResponse stopped;
  const auto end = [&] {
    return ReasonOf(
        Call(sessions_, &v1::PlatformSessionService::Stub::StopPlatformSession, stop, stopped));
  };
  EXPECT_EQ(end(), "");
  EXPECT_EQ(end(), "PLATFORM_SESSION_NOT_FOUND");
  EXPECT_EQ(begin(), "");
  EXPECT_TRUE(status.is_active());
  EXPECT_FALSE(status.has_total_pulses_published());
  EXPECT_EQ(Sessions(true).size(), 2u);
}

TEST_F(StreamDaemonTest, SamplesAreAnsweredInOrder) {
  v1::TestSentimentRequest request;
  request.add_sample_messages("this is terrible");
  request.add_sample_messages("the third door");
  request.add_sample_messages("PogChamp");
  v1::TestSentimentResponse response;
  ASSERT_TRUE(Call(admin_, &v1::StreamAdminService::Stub::TestSentimentProcessing, request,
                   response, "developer")
                  .ok());
  ASSERT_EQ(response.entries_size(), 3);
  EXPECT_EQ(response.entries(0).category(), v1::SENTIMENT_CATEGORY_CRITICAL);
  EXPECT_LE(response.entries(1).intensity(), 0.2f);
  EXPECT_EQ(response.entries(2).category(), v1::SENTIMENT_CATEGORY_EXCITED);
}

}  // namespace
}  // namespace stream
