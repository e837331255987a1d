// YouTube's client against platform_sim: OAuth with PKCE, the Data API, the hub, and what each of
// them does wrong at times.
#include <mutex>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/base/deadline.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/http/server.h"
#include "libs/common/http/url.h"
#include "libs/common/testing/eventually.h"
#include "services/stream/errors.h"
#include "services/stream/ingest/websub.h"
#include "services/stream/platforms/youtube_client.h"
#include "tests/story/processes.h"

namespace stream::platforms {
namespace {

using common::config::Secret;
using common::errors::ReasonOf;
using common::http::FindParam;
using common::http::Request;
using common::http::Response;
using common::testing::Eventually;
using nlohmann::json;
using privacy::PlatformUserId;

constexpr const char* kClientId = "client";
constexpr const char* kClientSecret = "client-secret";
constexpr const char* kRedirectUri = "http://127.0.0.1:1/callback";
constexpr const char* kToken = "a-webhook-token";

AuthorizationRequest NewRequest() {
  const auto random = [] {
    return common::crypto::Base64UrlEncode(common::crypto::RandomBytes(32));
  };
  return {.redirect_uri = kRedirectUri, .state = random(), .code_verifier = Secret(random())};
}

std::string Replaced(std::string text, const std::string& part, const std::string& by) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return at == std::string::npos ? text : text.replace(at, part.size(), by);
}

class StreamYouTubeTest : public testing::Test {
 protected:
  // Somebody at Google, with a channel unless `channel` says otherwise.
  struct User {
    std::string login;
    std::string id;
    std::string channel;
    Tokens tokens;

    LiveQuery Query(std::optional<std::string> stream_id = std::nullopt) const {
      return {*PlatformUserId::From(channel), tokens.access, std::move(stream_id)};
    }
  };

  StreamYouTubeTest() {
    Post("/sim/apps", {{"client_id", kClientId},
                       {"client_secret", kClientSecret},
                       {"redirects", {kRedirectUri}}});
  }

  json Send(const std::string& method, const std::string& path, const json& body) {
    const auto answer = http_.Send({.method = method,
                                    .url = url_ + path,
                                    .headers = {{"Content-Type", "application/json"}},
                                    .body = body.dump()});
    EXPECT_TRUE(answer.ok() && answer->status < 300) << path;
    return answer.ok() ? json::parse(answer->body, nullptr, false) : json();
  }
  json Post(const std::string& path, const json& body) { return Send("POST", path, body); }
  json Get(const std::string& path) { return Send("GET", path, json()); }

  User NewUser(const std::string& login, bool has_channel = true) {
    const json made =
        Post("/sim/users",
             {{"login", login}, {"display_name", "The " + login}, {"youtube", has_channel}});
    return {login, made["id"], made.value("youtube_channel_id", ""), {}};
  }
  User LinkedUser(const std::string& login) {
    User user = NewUser(login);
    const AuthorizationRequest request = NewRequest();
    auto tokens = client_.ExchangeCode(Agree(user, request), request);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    user.tokens = tokens.value_or(Tokens());
    return user;
  }
  // The code that the user's agreement to `url` brings.
  Secret AgreeTo(const User& user, const std::string& url) {
    const auto answer = http_.Send({.url = url + "&login=" + user.login});
    const std::string location(common::http::FindHeader(answer->headers, "location").value_or("?"));
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1));
    return Secret(std::string(FindParam(*query, "code").value_or("")));
  }
  Secret Agree(const User& user, const AuthorizationRequest& request) {
    return AgreeTo(user, client_.AuthorizationUrl(request));
  }
  std::string RefreshReason(const Secret& refresh_token) {
    return ReasonOf(client_.Refresh(refresh_token).status()).value_or("");
  }

  std::string MakeVideo(const User& user, json body) {
    body["channel_id"] = user.channel;
    return Post("/sim/videos", body)["video_id"];
  }
  void Fault(const std::string& route, int status, const std::string& reason, int hang_ms = 0) {
    Post("/sim/faults",
         {{"route", route}, {"status", status}, {"reason", reason}, {"hang_ms", hang_ms}});
  }
  // The only one; nullopt when it is not live or cannot be found out.
  std::optional<LiveStream> LiveOf(const LiveQuery& query) {
    const auto found = client_.FindLive({&query, 1});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->front() : std::nullopt;
  }

  story::PlatformSim sim_;
  const std::string url_ = "http://" + sim_.address();
  common::http::Client http_;
  YouTubeClient client_{{.client_id = kClientId,
                         .client_secret = Secret(kClientSecret),
                         .webhook_token = Secret(kToken),
                         .accounts_url = url_,
                         .token_url = url_,
                         .api_url = url_,
                         .hub_url = url_},
                        http_};
};

TEST_F(StreamYouTubeTest, AsksForAsLittleAsItNeeds) {
  const AuthorizationRequest request = NewRequest();
  const std::string url = client_.AuthorizationUrl(request);
  ASSERT_TRUE(url.starts_with(url_ + "/o/oauth2/v2/auth?"));
  auto query = *common::http::FormDecode(url.substr(url.find('?') + 1));
  EXPECT_EQ(FindParam(query, "scope"), "https://www.googleapis.com/auth/youtube.readonly");
  EXPECT_EQ(FindParam(query, "access_type"), "offline");
  EXPECT_EQ(FindParam(query, "prompt"), "consent");
  EXPECT_EQ(FindParam(query, "state"), request.state);
  EXPECT_EQ(FindParam(query, "code_challenge_method"), "S256");
  EXPECT_EQ(url.find(request.code_verifier.Reveal()), std::string::npos);
}

TEST_F(StreamYouTubeTest, LinksAChannel) {
  const User user = NewUser("forge");
  const AuthorizationRequest request = NewRequest();
  const Secret code = Agree(user, request);
  const auto tokens = client_.ExchangeCode(code, request);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_FALSE(tokens->refresh.empty());
  EXPECT_GT(tokens->expires_at, common::Now() + std::chrono::minutes(30));
  const auto identity = client_.ReadIdentity(tokens->access);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_TRUE(identity->user_id == *PlatformUserId::From(user.channel));
  EXPECT_EQ(identity->display_name.Reveal(), "The forge");
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(code, request).status()), "AUTHORIZATION_CODE_INVALID");
}

TEST_F(StreamYouTubeTest, LinksNothingThatWouldNotLast) {
  const User user = LinkedUser("forge");
  AuthorizationRequest request = NewRequest();
  const Secret code = Agree(user, request);
  request.code_verifier = NewRequest().code_verifier;
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(code, request).status()), "AUTHORIZATION_CODE_INVALID");

  const std::string url = client_.AuthorizationUrl(request);
  const Secret online =
      AgreeTo(user, Replaced(url, "access_type=offline&prompt=consent", "access_type=online"));
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(online, request).status()), "AUTHORIZATION_CODE_INVALID");
  const Secret other = AgreeTo(user, Replaced(url, "youtube.readonly", "userinfo.email"));
  EXPECT_EQ(ReasonOf(client_.ExchangeCode(other, request).status()), "AUTHORIZATION_CODE_INVALID");

  const User viewer = NewUser("viewer", false);
  const auto tokens = client_.ExchangeCode(Agree(viewer, request), request);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(ReasonOf(client_.ReadIdentity(tokens->access).status()), "AUTHORIZATION_CODE_INVALID");
  Fault("/youtube/v3/channels", 403, "youtubeSignupRequired");
  EXPECT_EQ(ReasonOf(client_.ReadIdentity(tokens->access).status()), "AUTHORIZATION_CODE_INVALID");
}

TEST_F(StreamYouTubeTest, RefreshesUntilTheGrantEnds) {
  const User user = LinkedUser("forge");
  EXPECT_EQ(*client_.Validate(user.tokens.access), true);
  Post("/sim/users/" + user.id + "/expire", {{"client_id", kClientId}});
  EXPECT_EQ(*client_.Validate(user.tokens.access), false);
  const auto fresh = client_.Refresh(user.tokens.refresh);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(*client_.Validate(fresh->access), true);
  EXPECT_TRUE(fresh->refresh.empty());

  Post("/sim/users/" + user.id + "/disconnect", {{"client_id", kClientId}});
  EXPECT_EQ(*client_.Validate(fresh->access), false);
  EXPECT_EQ(RefreshReason(user.tokens.refresh), "LINK_INACTIVE");
}

TEST_F(StreamYouTubeTest, RevokesOnce) {
  const User user = LinkedUser("forge");
  EXPECT_TRUE(client_.Revoke(user.tokens).ok());
  EXPECT_EQ(RefreshReason(user.tokens.refresh), "LINK_INACTIVE");
  EXPECT_TRUE(client_.Revoke(user.tokens).ok());  // gone already
  const User other = LinkedUser("other");
  Fault("/revoke", 503, "");
  EXPECT_EQ(ReasonOf(client_.Revoke(other.tokens)), "PLATFORM_UNAVAILABLE");
  EXPECT_EQ(RefreshReason(other.tokens.refresh), "");
}

TEST_F(StreamYouTubeTest, NoFailureOnTheWayEndsAGrant) {
  const User user = LinkedUser("forge");
  const common::DeadlineScope deadline(std::chrono::seconds(60));
  for (const auto& [status, reason] :
       std::vector<std::pair<int, const char*>>{{500, ""},
                                                {503, "invalid_grant"},
                                                {401, "invalid_client"},
                                                {401, "invalid_grant"},
                                                {400, "invalid_request"},
                                                {400, "unauthorized_client"},
                                                {429, "rate_limit_exceeded"},
                                                {403, "access_denied"},
                                                {200, "no tokens here"},
                                                {302, ""}}) {
    Fault("/token", status, reason);
    EXPECT_EQ(RefreshReason(user.tokens.refresh), "PLATFORM_UNAVAILABLE") << status << reason;
  }
  Fault("/token", 0, "", 2'000);
  {
    const common::DeadlineScope short_of_time(std::chrono::milliseconds(200));
    EXPECT_EQ(RefreshReason(user.tokens.refresh), "PLATFORM_UNAVAILABLE");
  }
  EXPECT_EQ(RefreshReason(user.tokens.refresh), "");
  Fault("/token", 400, "invalid_grant");
  EXPECT_EQ(RefreshReason(user.tokens.refresh), "LINK_INACTIVE");
}

TEST_F(StreamYouTubeTest, FindsLiveStreamsByIdAndWithout) {
  const User user = LinkedUser("forge");
  const User other = LinkedUser("other");
  EXPECT_FALSE(LiveOf(user.Query()));
  MakeVideo(user, {{"kind", "upload"}});
  MakeVideo(user, {{"kind", "upcoming"}});
  const std::string video = MakeVideo(user, {{"kind", "live"}, {"viewer_count", 437}});
  for (const LiveQuery& query : {user.Query(), user.Query(video)}) {
    const auto live = LiveOf(query);
    ASSERT_TRUE(live);
    EXPECT_EQ(live->stream_id, video);
    EXPECT_EQ(live->viewer_count, 437);
    EXPECT_LE(live->started_at, common::Now());
    EXPECT_GE(live->started_at, common::Now() - std::chrono::minutes(1));
  }
  EXPECT_FALSE(LiveOf(other.Query(video)));  // somebody else's
  EXPECT_FALSE(LiveOf(user.Query("no-such-one")));
  Post("/sim/videos/" + video + "/end", json::object());
  EXPECT_FALSE(LiveOf(user.Query()));
  EXPECT_FALSE(LiveOf(user.Query(video)));

  const std::string hidden = MakeVideo(user, {{"kind", "live"}, {"hide_viewers", true}});
  for (const LiveQuery& query : {user.Query(), user.Query(hidden)}) {
    const auto live = LiveOf(query);
    ASSERT_TRUE(live);
    EXPECT_FALSE(live->viewer_count);
  }
  Fault("/youtube/v3/liveBroadcasts", 403, "liveStreamingNotEnabled");
  EXPECT_FALSE(LiveOf(user.Query()));
}

TEST_F(StreamYouTubeTest, AsksForManyAtOnceWhateverBecameOfOneToken) {
  const std::vector<User> users = {LinkedUser("user0"), LinkedUser("user1"), LinkedUser("user2")};
  const std::string first = MakeVideo(users[0], {{"kind", "live"}, {"viewer_count", 10}});
  const std::string third = MakeVideo(users[2], {{"kind", "live"}, {"viewer_count", 30}});
  Post("/sim/users/" + users[0].id + "/expire", {{"client_id", kClientId}});
  std::vector<LiveQuery> queries = {users[0].Query(first), users[1].Query("gone"),
                                    users[0].Query("gone"), users[2].Query("private"),
                                    users[2].Query()};
  const size_t seen = queries.size() - 1;
  for (int i = 0; i < 60; ++i) queries.push_back(users[2].Query(third));
  const auto found = client_.FindLive(queries);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), queries.size());
  EXPECT_EQ((*found)[0]->viewer_count, 10);
  for (size_t i = 1; i < seen; ++i) EXPECT_FALSE((*found)[i]);
  for (size_t i = seen; i < found->size(); ++i) EXPECT_EQ((*found)[i]->viewer_count, 30);
  // Two pages, the one who was refused, two whom nobody else could see, and what a search found.
  EXPECT_EQ(Get("/sim/requests")["GET /youtube/v3/videos"], 6);
}

TEST_F(StreamYouTubeTest, TellsWhatAVideoIsDoing) {
  const User user = LinkedUser("forge");
  const auto find = [&](const std::string& id) {
    const auto video = client_.FindVideo(user.tokens.access, id);
    EXPECT_TRUE(video.ok()) << video.status();
    return video.ok() ? *video : std::nullopt;
  };
  const std::string upcoming =
      MakeVideo(user, {{"kind", "upcoming"}, {"scheduled_in_seconds", 600}});
  auto video = find(upcoming);
  ASSERT_TRUE(video);
  EXPECT_TRUE(video->channel == *PlatformUserId::From(user.channel));
  EXPECT_FALSE(video->live);
  EXPECT_GT(video->scheduled_for, common::Now() + std::chrono::minutes(5));
  Post("/sim/videos/" + upcoming + "/live", {{"viewer_count", 5}});
  video = find(upcoming);
  ASSERT_TRUE(video && video->live);
  EXPECT_EQ(video->live->viewer_count, 5);
  EXPECT_FALSE(video->scheduled_for);
  Post("/sim/videos/" + upcoming + "/end", json::object());
  for (const std::string& id : {upcoming, MakeVideo(user, {{"kind", "upload"}})}) {
    video = find(id);
    ASSERT_TRUE(video);
    EXPECT_FALSE(video->live || video->scheduled_for);
  }
  EXPECT_FALSE(find("no-such-one"));
}

TEST_F(StreamYouTubeTest, TellsWhatALiveChatAnswers) {
  constexpr const char* kChat = "/youtube/v3/liveChat/messages";
  const User user = LinkedUser("forge");
  const Secret& token = user.tokens.access;
  EXPECT_FALSE(client_.FindLiveChat(token, "no-such-one").is_live);
  const std::string video = MakeVideo(user, {{"kind", "live"}});
  const auto found = client_.FindLiveChat(token, video);
  EXPECT_EQ(found.outcome, ChatOutcome::kDone);
  EXPECT_TRUE(found.is_live);
  std::string page;
  const auto read = [&] {
    page.clear();
    return client_.ReadLiveChat(token, found.live_chat_id, "",
                                [&page](std::string_view body) { page = body; });
  };
  EXPECT_EQ(read(), ChatOutcome::kDone);
  EXPECT_NE(page.find("nextPageToken"), std::string::npos);
  for (const auto& [status, reason, outcome] :
       std::vector<std::tuple<int, const char*, ChatOutcome>>{
           {401, "authError", ChatOutcome::kUnauthorized},
           {403, "quotaExceeded", ChatOutcome::kQuotaExceeded},
           {403, "rateLimitExceeded", ChatOutcome::kRateLimited},
           {429, "", ChatOutcome::kRateLimited},
           {403, "liveChatEnded", ChatOutcome::kEnded},
           {404, "liveChatNotFound", ChatOutcome::kEnded},
           {403, "liveChatDisabled", ChatOutcome::kRefused},
           {400, "pageTokenInvalid", ChatOutcome::kRefused},
           {500, "", ChatOutcome::kUnavailable},
           {302, "", ChatOutcome::kUnavailable}}) {
    Fault(kChat, status, reason);
    EXPECT_EQ(read(), outcome) << status << reason;
    EXPECT_TRUE(page.empty());
  }
  Fault(kChat, 0, "", 2'000);
  const common::DeadlineScope deadline(std::chrono::milliseconds(200));
  EXPECT_EQ(read(), ChatOutcome::kUnavailable);
}

TEST_F(StreamYouTubeTest, NoAnswerIsNotTakenForNotLive) {
  const User user = LinkedUser("forge");
  const std::string video = MakeVideo(user, {{"kind", "live"}});
  const auto expect_unavailable = [&](const std::string& route, const std::string& what) {
    const LiveQuery query = route == "/youtube/v3/videos" ? user.Query(video) : user.Query();
    EXPECT_EQ(ReasonOf(client_.FindLive({&query, 1}).status()), "PLATFORM_UNAVAILABLE") << what;
  };
  for (const std::string route : {"/youtube/v3/videos", "/youtube/v3/liveBroadcasts"}) {
    for (const int status : {200, 400, 401, 403, 404, 500, 503}) {
      Fault(route, status, "");
      expect_unavailable(route, route + " " + std::to_string(status));
    }
    Fault(route, 0, "", 2'000);
    const common::DeadlineScope deadline(std::chrono::milliseconds(200));
    expect_unavailable(route, route + " hangs");
  }
  for (const int status : {200, 401, 403, 503}) {
    Fault("/youtube/v3/channels", status, "");
    EXPECT_EQ(ReasonOf(client_.ReadIdentity(user.tokens.access).status()), "PLATFORM_UNAVAILABLE");
  }
  Post("/sim/settings", {{"youtube_daily_quota", 0}});
  expect_unavailable("/youtube/v3/videos", "quota");
  EXPECT_EQ(ReasonOf(client_.FindVideo(user.tokens.access, video).status()),
            "PLATFORM_UNAVAILABLE");
}

// Our callback: keeps what the hub asks and tells.
class Callback {
 public:
  Callback()
      : server_(*common::http::Server::Start({}, {Route("GET"), Route("POST")})),
        url_("http://127.0.0.1:" + std::to_string(server_->port()) + "/hook") {}

  const std::string& url() const { return url_; }
  std::vector<common::http::Params> questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }
  bool WasTold() const {
    const std::lock_guard lock(mutex_);
    return !body_.empty();
  }
  std::string body() const {
    const std::lock_guard lock(mutex_);
    return body_;
  }
  std::string signature() const {
    const std::lock_guard lock(mutex_);
    return signature_;
  }

 private:
  common::http::Route Route(const char* method) {
    return {.method = method,
            .pattern = "/hook",
            .handler = [this](const Request& request) { return Take(request); },
            .max_body_bytes = 64 * 1024,
            .run_inline = true};
  }
  Response Take(const Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.method == "GET") {
      questions_.push_back(request.query);
      return common::http::TextResponse(
          200, std::string(FindParam(request.query, "hub.challenge").value_or("")));
    }
    body_ = request.body;
    signature_ = request.Header("X-Hub-Signature").value_or("");
    return {.status = 204};
  }

  mutable std::mutex mutex_;
  std::vector<common::http::Params> questions_;
  std::string body_;
  std::string signature_;
  std::unique_ptr<common::http::Server> server_;
  const std::string url_;
};

TEST_F(StreamYouTubeTest, TheHubTellsUntilItIsAskedToEnd) {
  const Callback callback;
  const User user = NewUser("forge");
  const PlatformUserId channel = *PlatformUserId::From(user.channel);
  ASSERT_TRUE(client_.Subscribe(channel, callback.url()).ok());
  ASSERT_TRUE(Eventually([&] { return callback.questions().size() == 1; }));
  const auto asked = callback.questions()[0];
  EXPECT_EQ(FindParam(asked, "hub.mode"), "subscribe");
  EXPECT_EQ(FindParam(asked, "hub.topic"), ingest::TopicOf(channel));
  EXPECT_EQ(FindParam(asked, "hub.verify_token"), kToken);
  const auto question =
      ingest::ReadHubQuestion([&](std::string_view name) { return FindParam(asked, name); });
  ASSERT_TRUE(question);
  EXPECT_GT(question->lease, std::chrono::seconds(0));
  EXPECT_EQ(ingest::AnswerHub(*question, {channel, true}), ingest::HubAnswer::kConfirm);

  ASSERT_TRUE(
      Eventually([&] { return Get("/sim/hub")["subscriptions"][0]["state"] == "verified"; }));
  const std::string video = MakeVideo(user, {{"kind", "live"}, {"title", "a & b"}});
  ASSERT_TRUE(Eventually([&] { return callback.WasTold(); }));
  const std::string body = callback.body();
  EXPECT_EQ(callback.signature(),
            "sha1=" + common::crypto::HexEncode(common::crypto::HmacSha1(Secret(kToken), {body})));
  const auto entries = ingest::DecodeFeed(body);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(entries->front().video_id, video);
  EXPECT_TRUE(entries->front().channel == channel);

  ASSERT_TRUE(client_.Unsubscribe(channel, callback.url()).ok());
  ASSERT_TRUE(Eventually([&] { return callback.questions().size() == 2; }));
  EXPECT_EQ(FindParam(callback.questions()[1], "hub.mode"), "unsubscribe");
  EXPECT_TRUE(Eventually([&] { return Get("/sim/hub")["subscriptions"].empty(); }));
}

TEST_F(StreamYouTubeTest, AHubThatFailsIsToldOf) {
  const PlatformUserId channel = *PlatformUserId::From(NewUser("forge").channel);
  for (const int status : {200, 400, 500, 503}) {
    Fault("/subscribe", status, "");
    EXPECT_EQ(ReasonOf(client_.Subscribe(channel, "http://127.0.0.1:1/hook")),
              "PLATFORM_UNAVAILABLE");
  }
}

}  // namespace
}  // namespace stream::platforms
