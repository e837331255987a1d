// Links from beginning to end, through the daemon: unlinked, linked anew, taken, custom, and erased
// with their account.
#include <thread>

#include <bannou/stream/v1/events.pb.h>
#include <gtest/gtest.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/nats/consumer.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/sinks.h"
#include "tests/e2e/stored_tokens.h"
#include "tests/e2e/webhooks.h"
#include "tests/story/wire.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;

class Linking : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    side_ = std::make_unique<PlatformSide>(std::vector<std::string>{
        "TOKEN_REFRESH_INTERVAL_SECONDS=1", "SESSION_POLL_INTERVAL_SECONDS=1"});
  }
  static void TearDownTestSuite() { side_ = nullptr; }

  static Answer Ask(const Uuid& account, const google::protobuf::Message& request) {
    const Wire wire(side_->daemon.grpc_address(), side_->daemon.grpc_address());
    return wire.Call(request, "Bearer " + Sign(Claims(account, {"user"})));
  }
  static Answer Unlink(const Uuid& account, const std::string& link_id) {
    v1::UnlinkPlatformRequest request;
    request.set_account_id(account.ToString());
    request.set_link_id(link_id);
    return Ask(account, request);
  }
  static v1::LinkPlatformRequest LinkRequest(const Uuid& account, v1::StreamPlatform platform) {
    v1::LinkPlatformRequest request;
    request.set_account_id(account.ToString());
    request.set_platform(platform);
    return request;
  }
  // The platform's user agrees: what the browser comes back with.
  static v1::PlatformCallbackRequest Agree(const Uuid& account, const std::string& login) {
    const auto begun = Ask(account, LinkRequest(account, v1::STREAM_PLATFORM_TWITCH))
                           .As<v1::LinkPlatformResponse>();
    const std::string location = side_->Approve(begun.authorization_url(), login);
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1)).value();
    v1::PlatformCallbackRequest callback;
    callback.set_link_request_id(begun.link_request_id());
    callback.set_authorization_code(std::string(*common::http::FindParam(query, "code")));
    callback.set_state(std::string(*common::http::FindParam(query, "state")));
    return callback;
  }
  static v1::ListPlatformsResponse Links(const Uuid& account) {
    v1::ListPlatformsRequest request;
    request.set_account_id(account.ToString());
    return Ask(account, request).As<v1::ListPlatformsResponse>();
  }
  static json Sim(const std::string& path, const json& body) {
    const auto answer = side_->Sim(path, body);
    EXPECT_LT(answer.status, 300) << path;
    return json::parse(answer.body, nullptr, false);
  }
  static std::string NewUser(const std::string& login) {
    return Sim("/sim/users", {{"login", login}})["id"];
  }
  static std::unique_ptr<common::mysql::Connection> Database() {
    return OpenDatabase(side_->daemon.database());
  }
  // The user withdraws the grant at the platform.
  static void Disconnect(const std::string& user_id) {
    Sim("/sim/users/" + user_id + "/disconnect", {{"client_id", PlatformSide::kClientId}});
  }
  static bool SubscribedFor(const std::string& link_id) {
    const auto listed =
        json::parse(common::http::Client()
                        .Send({.url = "http://" + side_->sim.address() + "/sim/eventsub"})
                        ->body);
    for (const json& subscription : listed["subscriptions"]) {
      if (subscription["transport"]["callback"].get<std::string>().ends_with(link_id)) return true;
    }
    return false;
  }
  static int StatusOfValidation(const std::string& access_token) {
    return common::http::Client()
        .Send({.url = "http://" + side_->sim.address() + "/oauth2/validate",
               .headers = {{"Authorization", "OAuth " + access_token}}})
        ->status;
  }

  static inline std::unique_ptr<PlatformSide> side_;
};

TEST_F(Linking, UnlinkingEndsTheSessionTheSubscriptionsAndTheGrant) {
  Channel channel(*side_);
  channel.Link();
  const std::string link_id = channel.Links()->platforms(0).link_id();
  channel.GoLive();
  const std::string access = ReadStoredTokens(side_->daemon.database(), link_id).access;
  EXPECT_EQ(StatusOfValidation(access), 200);

  EXPECT_EQ(Unlink(Uuid::V4(), link_id).reason(), "LINK_NOT_FOUND");
  EXPECT_EQ(Unlink(channel.account(), link_id).reason(), "");
  EXPECT_EQ(Unlink(channel.account(), link_id).reason(), "LINK_NOT_FOUND");
  EXPECT_EQ(Links(channel.account()).platforms_size(), 0);
  EXPECT_TRUE(Eventually([&] { return channel.Sessions().sessions_size() == 0; }));
  EXPECT_TRUE(Eventually([&] { return StatusOfValidation(access) == 401; }));
  EXPECT_TRUE(Eventually([&] { return !SubscribedFor(link_id); }));
  // The account is free to link again, as somebody else.
  Channel again(*side_, channel.account());
  const std::string other = "user_" + Uuid::V4().ToString().substr(0, 8);
  NewUser(other);
  EXPECT_EQ(Ask(channel.account(), Agree(channel.account(), other)).reason(), "");
}

TEST_F(Linking, AGrantThatTheUserWithdrewIsNoticedAndCanBeGivenAgain) {
  Channel channel(*side_);
  channel.Link();
  const std::string link_id = channel.Links()->platforms(0).link_id();
  const auto session_id = channel.GoLive();
  Disconnect(channel.user_id());
  ASSERT_TRUE(Eventually([&] { return !Links(channel.account()).platforms(0).is_active(); }));
  EXPECT_TRUE(Eventually([&] { return channel.Sessions().sessions_size() == 0; }));
  v1::StartPlatformSessionRequest start;
  start.set_link_id(link_id);
  EXPECT_EQ(Ask(channel.account(), start).reason(), "LINK_INACTIVE");
  EXPECT_TRUE(Eventually([&] { return !SubscribedFor(link_id); }));

  const std::string login = "user_" + channel.account().ToString().substr(0, 8);
  const auto linked =
      Ask(channel.account(), Agree(channel.account(), login)).As<v1::PlatformLinkDetail>();
  EXPECT_EQ(linked.link_id(), link_id) << "the same link comes alive again";
  EXPECT_TRUE(Links(channel.account()).platforms(0).is_active());
  EXPECT_TRUE(Eventually([&] { return side_->HearsOf(link_id); }));

  // Or as another person, which is another link.
  Disconnect(channel.user_id());
  ASSERT_TRUE(Eventually([&] { return !Links(channel.account()).platforms(0).is_active(); }));
  const std::string other = "user_" + Uuid::V4().ToString().substr(0, 8);
  NewUser(other);
  const auto replaced =
      Ask(channel.account(), Agree(channel.account(), other)).As<v1::PlatformLinkDetail>();
  EXPECT_NE(replaced.link_id(), link_id);
  EXPECT_EQ(Links(channel.account()).platforms_size(), 1);
}

TEST_F(Linking, APlatformAccountBelongsToOneAccountHoweverManyAskAtOnce) {
  const std::string login = "user_" + Uuid::V4().ToString().substr(0, 8);
  NewUser(login);
  constexpr int kAccounts = 6;
  std::vector<Uuid> accounts;
  std::vector<v1::PlatformCallbackRequest> callbacks;
  for (int i = 0; i < kAccounts; ++i) {
    accounts.push_back(Uuid::V4());
    callbacks.push_back(Agree(accounts.back(), login));
  }
  std::vector<Answer> answers(kAccounts);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kAccounts; ++i) {
    threads.emplace_back([&, i] { answers[i] = Ask(accounts[i], callbacks[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  int linked = 0;
  for (size_t i = 0; i < kAccounts; ++i) {
    linked += answers[i].status.ok();
    EXPECT_EQ(Links(accounts[i]).platforms_size(), answers[i].status.ok() ? 1 : 0);
    if (answers[i].status.ok()) continue;
    EXPECT_EQ(answers[i].reason(), "PLATFORM_ACCOUNT_TAKEN");
    EXPECT_EQ(answers[i].status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  }
  EXPECT_EQ(linked, 1);
}

TEST_F(Linking, ACustomPlatformIsLinkedAtOnceAndShowsItsSecretsOnce) {
  const Uuid account = Uuid::V4();
  auto request = LinkRequest(account, v1::STREAM_PLATFORM_CUSTOM);
  EXPECT_EQ(Ask(account, request).reason(), "RTMP_ENDPOINT_REQUIRED");
  request.set_custom_rtmp_endpoint("https://live.example.com/app/the-stream-key");
  EXPECT_EQ(Ask(account, request).reason(), "RTMP_ENDPOINT_INVALID");
  request.set_custom_rtmp_endpoint("rtmp://live.example.com/app/the-stream-key");
  const auto linked = Ask(account, request).As<v1::LinkPlatformResponse>();
  EXPECT_EQ(linked.webhook_url(),
            "http://" + side_->http_address + "/stream/webhook/custom/" + linked.link_id());
  EXPECT_GE(linked.webhook_secret().size(), 43u);
  EXPECT_FALSE(linked.has_authorization_url());

  const auto links = Links(account);
  ASSERT_EQ(links.platforms_size(), 1);
  EXPECT_EQ(links.platforms(0).platform_display_name(), "rtmp://live.example.com/app/****");
  EXPECT_TRUE(links.platforms(0).is_active());
  const std::string stored = DumpDatabase(side_->daemon.database());
  EXPECT_FALSE(Contains(stored, FormsOf(std::string("the-stream-key"))));
  EXPECT_FALSE(Contains(stored, FormsOf(linked.webhook_secret())));

  // Live when its owner says so; as many as there may be.
  v1::StartPlatformSessionRequest start;
  start.set_link_id(linked.link_id());
  EXPECT_TRUE(Ask(account, start).As<v1::PlatformSessionStatus>().is_active());
  EXPECT_EQ(Ask(account, start).reason(), "PLATFORM_SESSION_ACTIVE");
  for (int i = 1; i < 20; ++i) EXPECT_EQ(Ask(account, request).reason(), "");
  EXPECT_EQ(Ask(account, request).reason(), "LINK_LIMIT_REACHED");
  EXPECT_EQ(Unlink(account, linked.link_id()).reason(), "");
  EXPECT_EQ(Ask(account, request).reason(), "");

  auto twitch = LinkRequest(account, v1::STREAM_PLATFORM_TWITCH);
  twitch.set_custom_rtmp_endpoint("rtmp://live.example.com/app/the-stream-key");
  EXPECT_EQ(Ask(account, twitch).reason(), "RTMP_ENDPOINT_INVALID");
}

TEST_F(Linking, ACustomPlatformTellsOfItself) {
  const Uuid account = Uuid::V4();
  auto request = LinkRequest(account, v1::STREAM_PLATFORM_CUSTOM);
  request.set_custom_rtmp_endpoint("rtmp://live.example.com/app/the-stream-key");
  const auto linked = Ask(account, request).As<v1::LinkPlatformResponse>();
  const auto post = [&](const json& message, const std::string& timestamp,
                        const std::string& secret) {
    const std::string body = message.dump();
    return common::http::Client()
        .Send({.method = "POST",
               .url = linked.webhook_url(),
               .headers = CustomHeaders(secret, body, timestamp),
               .body = body})
        ->status;
  };
  const auto now = [] { return common::FormatTime(common::Now()); };
  const auto tell = [&](const std::string& id, const std::string& type, const json& data) {
    return post({{"id", id}, {"type", type}, {"at", now()}, {"data", data}}, now(),
                linked.webhook_secret());
  };
  const auto sessions = [&] {
    v1::ListPlatformSessionsRequest list;
    list.set_account_id(account.ToString());
    return Ask(account, list).As<v1::ListPlatformSessionsResponse>();
  };
  EXPECT_EQ(tell("1", "online", {{"viewers", 3}}), 204);
  ASSERT_EQ(sessions().sessions_size(), 1);
  EXPECT_EQ(sessions().sessions(0).approximate_viewer_count(), 3);
  EXPECT_EQ(tell("1", "online", {{"viewers", 9}}), 204) << "a resend";
  EXPECT_EQ(tell("2", "viewers", {{"viewers", 5}}), 204);
  EXPECT_EQ(tell("3", "chat", {{"text", "hello"}}), 204);
  EXPECT_EQ(sessions().sessions(0).approximate_viewer_count(), 5);

  const json offline{{"id", "4"}, {"type", "offline"}, {"at", now()}};
  EXPECT_EQ(post(offline, now(), "another-secret"), 403);
  EXPECT_EQ(post(offline, common::FormatTime(common::Now() - std::chrono::minutes(11)),
                 linked.webhook_secret()),
            403);
  EXPECT_EQ(post({{"id", "4"}, {"type", "offline"}}, now(), linked.webhook_secret()), 400);
  EXPECT_EQ(post({{"id", "4"},
                  {"type", "offline"},
                  {"at", common::FormatTime(common::Now() + std::chrono::hours(1))}},
                 now(), linked.webhook_secret()),
            400);
  EXPECT_EQ(sessions().sessions_size(), 1);
  EXPECT_EQ(post(offline, now(), linked.webhook_secret()), 204);
  EXPECT_EQ(sessions().sessions_size(), 0);
}

TEST_F(Linking, OfADeletedAccountNothingIsLeft) {
  Channel channel(*side_);
  channel.Link();
  const Uuid account = channel.account();
  const std::string link_id = channel.Links()->platforms(0).link_id();
  auto custom = LinkRequest(account, v1::STREAM_PLATFORM_CUSTOM);
  custom.set_custom_rtmp_endpoint("rtmp://live.example.com/app/the-stream-key");
  const auto custom_link = Ask(account, custom).As<v1::LinkPlatformResponse>();
  // A session that is over, one that goes on, and a link request that nobody has finished.
  channel.GoLive();
  channel.GoOffline();
  channel.GoLive();
  const std::string access = ReadStoredTokens(side_->daemon.database(), link_id).access;
  EXPECT_TRUE(Contains(DumpDatabase(side_->daemon.database()), FormsOf(account)));

  common::nats::Options options;
  options.url = common::testing::SharedNats().url();
  const auto connection = *common::nats::Connection::Connect(options);
  const auto jetstream = *common::nats::JetStream::Make(*connection);
  const std::string body = json{{"accountId", account.ToString()}, {"reason", "asked"}}.dump();
  ASSERT_TRUE(jetstream->Publish("account.deleted", body, {}, "").ok());

  const double before = side_->daemon.Metric("stream_accounts_erased_total");
  ASSERT_TRUE(
      Eventually([&] { return side_->daemon.Metric("stream_accounts_erased_total") > before; }));
  EXPECT_TRUE(Eventually([&] { return StatusOfValidation(access) == 401; }));
  EXPECT_TRUE(Eventually([&] { return !SubscribedFor(link_id); }));
  EXPECT_TRUE(Eventually([&] { return Database()->Query("SELECT 1 FROM farewell")->empty(); }));
  // The news of it leaves the outbox.
  EXPECT_TRUE(Eventually([&] { return Database()->Query("SELECT 1 FROM outbox")->empty(); }));

  const std::string stored = DumpDatabase(side_->daemon.database()) + DumpRedis();
  for (const Uuid& id : {account, *Uuid::Parse(link_id), *Uuid::Parse(custom_link.link_id())}) {
    EXPECT_FALSE(Contains(stored, FormsOf(id)));
  }
  EXPECT_FALSE(Contains(stored, FormsOf(channel.user_id())));
  EXPECT_FALSE(Contains(side_->daemon.Log(), FormsOf(account)));
  EXPECT_EQ(Links(account).platforms_size(), 0);
  EXPECT_EQ(channel.Sessions().sessions_size(), 0);
  EXPECT_EQ(Ask(account, LinkRequest(account, v1::STREAM_PLATFORM_TWITCH)).reason(),
            "ACCOUNT_DELETED");
  EXPECT_EQ(Ask(account, custom).reason(), "ACCOUNT_DELETED");

  // Once more, and for an account that nobody knows; and what nobody can read is put aside.
  for (const std::string& again : {body, json{{"accountId", Uuid::V4().ToString()}}.dump()}) {
    const double so_far = side_->daemon.Metric("stream_accounts_erased_total");
    ASSERT_TRUE(jetstream->Publish("account.deleted", again, {}, "").ok());
    EXPECT_TRUE(
        Eventually([&] { return side_->daemon.Metric("stream_accounts_erased_total") > so_far; }));
  }
  ASSERT_TRUE(jetstream->Publish("account.deleted", "{\"accountId\": 7}", {}, "").ok());
  EXPECT_TRUE(Eventually([&] {
    return side_->daemon.Metric(
               "nats_consumer_buried_total{consumer=\"stream_account_deleted\","
               "stream=\"INBOUND\"}") == 1;
  }));
}

// A link request that was begun before the account was deleted must not bring it back.
TEST_F(Linking, WhatComesLateFindsTheAccountGone) {
  const Uuid account = Uuid::V4();
  const std::string login = "user_" + account.ToString().substr(0, 8);
  NewUser(login);
  const auto late = Agree(account, login);
  common::nats::Options options;
  options.url = common::testing::SharedNats().url();
  const auto connection = *common::nats::Connection::Connect(options);
  const auto jetstream = *common::nats::JetStream::Make(*connection);
  const double before = side_->daemon.Metric("stream_accounts_erased_total");
  ASSERT_TRUE(
      jetstream->Publish("account.deleted", json{{"accountId", account.ToString()}}.dump(), {}, "")
          .ok());
  ASSERT_TRUE(
      Eventually([&] { return side_->daemon.Metric("stream_accounts_erased_total") > before; }));
  EXPECT_EQ(Ask(account, late).reason(), "ACCOUNT_DELETED");
  EXPECT_FALSE(Contains(DumpDatabase(side_->daemon.database()), FormsOf(account)));
}

}  // namespace
}  // namespace story
