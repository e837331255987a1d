// A YouTube channel from end to end: linked, told of by the hub, live and over; and what anybody
// who is not the hub can send to the same address.
#include <bannou/stream/v1/platform.pb.h>
#include <bannou/stream/v1/sentiment.pb.h>
#include <bannou/stream/v1/session.pb.h>
#include <bannou/stream/v1/webhook.pb.h>
#include <gtest/gtest.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/http/url.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/marks.h"
#include "tests/e2e/stored_tokens.h"
#include "tests/story/events.h"
#include "tests/story/wire.h"

namespace story {
namespace {

namespace v1 = bannou::stream::v1;
using common::Uuid;
using common::http::Params;
using common::http::Response;
using common::testing::Eventually;
using nlohmann::json;

constexpr const char* kToken = "a-webhook-token";
constexpr const char* kVideos = "/youtube/v3/videos";
constexpr const char* kChat = "/youtube/v3/liveChat/messages";

// A stream daemon whose YouTube is a platform_sim of its own, which knows its application.
struct YouTubeSide {
  PlatformSim sim;
  const std::string http_address = Local(common::testing::FreePort());
  Daemon daemon{"stream", "STREAM", Settings()};

  std::vector<std::string> Settings() const {
    const std::string url = "http://" + sim.address();
    return {"HTTP_ADDR=" + http_address,
            "PUBLIC_URL=http://" + http_address,
            "YOUTUBE_CLIENT_ID=client",
            "YOUTUBE_CLIENT_SECRET=client-secret",
            std::string("YOUTUBE_WEBHOOK_TOKEN=") + kToken,
            "YOUTUBE_ACCOUNTS_URL=" + url,
            "YOUTUBE_TOKEN_URL=" + url,
            "YOUTUBE_API_URL=" + url,
            "YOUTUBE_HUB_URL=" + url,
            "YOUTUBE_DAILY_QUOTA=1000000000",
            "SENTIMENT_PULSE_INTERVAL_SECONDS=1",
            "SESSION_POLL_INTERVAL_SECONDS=1",
            "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(PlatformSide::kEncryptionKey)};
  }
};

Response Send(const common::http::OutgoingRequest& request) {
  auto answer = common::http::Client().Send(request);
  return answer.ok() ? *std::move(answer) : Response{.status = 0};
}

class YouTubeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    side_ = std::make_unique<YouTubeSide>();
    Sim("/sim/apps", {{"client_id", "client"},
                      {"client_secret", "client-secret"},
                      {"redirects", {Url("/stream/oauth/callback/youtube")}}});
    Sim("/sim/settings", {{"youtube_daily_quota", 1'000'000'000}, {"chat_polling_millis", 200}});
  }
  static void TearDownTestSuite() { side_ = nullptr; }

  void SetUp() override {
    channel_ = Sim("/sim/users", {{"login", login_}, {"youtube", true}})["youtube_channel_id"];
    Link();
  }
  void Link() {
    v1::LinkPlatformRequest request;
    request.set_account_id(account_.ToString());
    request.set_platform(v1::STREAM_PLATFORM_YOUTUBE);
    const auto begun = Ask(request).As<v1::LinkPlatformResponse>();
    const Response redirect = Send({.url = begun.authorization_url() + "&login=" + login_});
    const auto location = common::http::FindHeader(redirect.headers, "location");
    ASSERT_TRUE(location) << redirect.status;
    ASSERT_EQ(Send({.url = std::string(*location)}).status, 200);
    v1::ListPlatformsRequest list;
    list.set_account_id(account_.ToString());
    link_id_ = Ask(list).As<v1::ListPlatformsResponse>().platforms(0).link_id();
    // Asked the hub, and looked whether the channel was live before; from now on only news count.
    ASSERT_TRUE(Eventually([this] { return HubState() == "verified" && WasLookedAt(); }));
  }
  std::string Unlink() {
    v1::UnlinkPlatformRequest unlink;
    unlink.set_account_id(account_.ToString());
    unlink.set_link_id(link_id_);
    return Ask(unlink).reason();
  }
  bool WasLookedAt() const {
    return !OpenDatabase(side_->daemon.database())
                ->Query("SELECT 1 FROM link WHERE link_id = ? AND secret_mark IS NOT NULL",
                        *Uuid::Parse(link_id_))
                ->empty();
  }

  // What the hub still had to say of this test's videos must not be counted in the next one.
  void TearDown() override {
    EXPECT_TRUE(Eventually([] { return SimSays("/sim/stats")["pending"] == 0; }));
  }

  static std::string Url(const std::string& path) { return "http://" + side_->http_address + path; }
  static json Sim(const std::string& path, const json& body) {
    const Response answer = Send({.method = "POST",
                                  .url = "http://" + side_->sim.address() + path,
                                  .headers = {{"Content-Type", "application/json"}},
                                  .body = body.dump()});
    EXPECT_TRUE(answer.status >= 200 && answer.status < 300) << path << " " << answer.status;
    return json::parse(answer.body, nullptr, false);
  }
  static json SimSays(const std::string& path) {
    return json::parse(Send({.url = "http://" + side_->sim.address() + path}).body);
  }
  std::string MakeVideo(json body, bool notify = true) const {
    body["channel_id"] = channel_;
    body["notify"] = notify;
    return Sim("/sim/videos", body)["video_id"];
  }
  std::string HubState() const {
    const json hub = SimSays("/sim/hub");
    for (const json& subscription : hub["subscriptions"]) {
      if (std::string(subscription["callback"]).ends_with(link_id_)) return subscription["state"];
    }
    return "";
  }

  Answer Ask(const google::protobuf::Message& request) const {
    const Wire wire(side_->daemon.grpc_address(), side_->daemon.grpc_address());
    return wire.Call(request, "Bearer " + Sign(Claims(account_, {"user"})));
  }
  int Sessions(bool ended = false) const {
    v1::ListPlatformSessionsRequest request;
    request.set_account_id(account_.ToString());
    request.set_include_ended(ended);
    return Ask(request).As<v1::ListPlatformSessionsResponse>().sessions_size();
  }
  // A stream that is live, and whose chat is read from now on: its session and its video.
  std::pair<std::string, std::string> OpenChat() const {
    const std::string video = MakeVideo({{"kind", "live"}});
    v1::ListPlatformSessionsRequest request;
    request.set_account_id(account_.ToString());
    v1::ListPlatformSessionsResponse listed;
    EXPECT_TRUE(Eventually([&] {
      listed = Ask(request).As<v1::ListPlatformSessionsResponse>();
      return listed.sessions_size() == 1;
    }));
    // What is said before the history was dropped is a part of it.
    const double before = ChatItems("membership_received");
    EXPECT_TRUE(Eventually(
        [&] {
          Happens("giftMembershipReceivedEvent", json::object());
          return ChatItems("membership_received") > before;
        },
        std::chrono::seconds(20), std::chrono::milliseconds(100)));
    return {listed.sessions(0).platform_session_id(), video};
  }
  void Happens(const std::string& type, json event) const {
    event["type"] = type;
    Sim("/sim/channels/" + channel_ + "/events", event);
  }
  static double ChatItems(const std::string& kind) {
    return side_->daemon.Metric("stream_youtube_chat_items_total{kind=\"" + kind + "\"}");
  }
  static double Count(const std::string& outcome) {
    return side_->daemon.Metric("stream_webhooks_total{outcome=\"" + outcome +
                                "\",platform=\"youtube\"}");
  }

  static void ExpectNothingOf(const std::vector<std::pair<const char*, std::string>>& marks,
                              const NatsTap& tap) {
    const std::pair<const char*, std::string> sinks[] = {
        {"log", side_->daemon.Log()},
        {"metrics", side_->daemon.Get("/metrics").body},
        {"MySQL", DumpDatabase(side_->daemon.database())},
        {"Redis", DumpRedis()},
        {"NATS", tap.All()},
    };
    for (const auto& [sink, text] : sinks) {
      for (const auto& [what, mark] : marks) {
        EXPECT_FALSE(Contains(text, FormsOf(mark))) << "the " << what << " is in " << sink;
      }
    }
  }

  // News as the hub writes it.
  std::string News(const std::string& video, const std::string& updated,
                   const std::string& channel = "") const {
    return "<feed><entry><yt:videoId>" + video + "</yt:videoId><yt:channelId>" +
           (channel.empty() ? channel_ : channel) + "</yt:channelId><title>&lt;b&gt;</title>" +
           "<updated>" + updated + "</updated></entry></feed>";
  }
  static std::string SignatureOf(const std::string& body, const std::string& token = kToken) {
    return "sha1=" + common::crypto::HexEncode(
                         common::crypto::HmacSha1(common::config::Secret(token), {body}));
  }
  std::string HookUrl() const { return Url("/stream/webhook/youtube/" + link_id_); }
  int Post(const std::string& body, const common::http::Headers& headers) const {
    return Send({.method = "POST", .url = HookUrl(), .headers = headers, .body = body}).status;
  }
  int PostSigned(const std::string& body) const {
    return Post(body, {{"X-Hub-Signature", SignatureOf(body)}});
  }

  Params Question() const {
    return {{"hub.mode", "subscribe"},
            {"hub.topic", "https://www.youtube.com/feeds/videos.xml?channel_id=" + channel_},
            {"hub.challenge", "a+b/c=\xC3\xA9"},
            {"hub.lease_seconds", "432000"},
            {"hub.verify_token", kToken}};
  }
  // The question with one parameter changed, or without it.
  Params With(const std::string& name, const std::optional<std::string>& value) const {
    Params question = Question();
    std::erase_if(question, [&](const auto& parameter) { return parameter.first == name; });
    if (value) question.emplace_back(name, *value);
    return question;
  }
  Response AskUs(const Params& question) const {
    return Send({.url = HookUrl() + "?" + common::http::FormEncode(question)});
  }

  static inline std::unique_ptr<YouTubeSide> side_;
  const Uuid account_ = Uuid::V4();
  const std::string login_ = "user_" + account_.ToString().substr(0, 8);
  std::string channel_;
  std::string link_id_;
};

TEST_F(YouTubeTest, ASessionLastsAsLongAsTheStream) {
  const std::string video = MakeVideo({{"kind", "live"}, {"viewer_count", 7}});
  ASSERT_TRUE(Eventually([&] { return Sessions() == 1; }));
  MakeVideo({{"kind", "upload"}});
  Sim("/sim/videos/" + video + "/end", json::object());
  EXPECT_TRUE(Eventually([&] { return Sessions() == 0; }));
  EXPECT_EQ(Sessions(true), 1);

  // Each was asked where its setting says, by whom and under what its setting says.
  const json asked = SimSays("/sim/requests");
  EXPECT_GT(asked.value("GET /o/oauth2/v2/auth", 0), 0) << "YOUTUBE_ACCOUNTS_URL";
  EXPECT_GT(asked.value("POST /token", 0), 0)
      << "YOUTUBE_TOKEN_URL YOUTUBE_CLIENT_ID YOUTUBE_CLIENT_SECRET";
  EXPECT_GT(asked.value("GET /youtube/v3/videos", 0), 0) << "YOUTUBE_API_URL";
  EXPECT_GT(asked.value("POST /subscribe", 0), 0) << "YOUTUBE_HUB_URL YOUTUBE_WEBHOOK_TOKEN";
}

TEST_F(YouTubeTest, TheOwnerStartsByHandWhatNobodyTold) {
  v1::StartPlatformSessionRequest start;
  start.set_link_id(link_id_);
  EXPECT_EQ(Ask(start).reason(), "PLATFORM_NOT_LIVE");
  MakeVideo({{"kind", "live"}, {"viewer_count", 321}}, false);
  EXPECT_EQ(Ask(start).As<v1::PlatformSessionStatus>().approximate_viewer_count(), 321);
}

// Three quarters of a lease is the time; that it never lapsed shows in the end.
TEST_F(YouTubeTest, LeasesAreRenewedBeforeTheyEnd) {
  const int64_t usual = SimSays("/sim/settings")["hub_max_lease_seconds"];
  Sim("/sim/settings", {{"hub_max_lease_seconds", 14}});
  EXPECT_EQ(Unlink(), "");
  Link();
  const auto requests = [] { return SimSays("/sim/requests").value("POST /subscribe", 0); };
  const int before = requests();
  EXPECT_TRUE(Eventually([&] { return requests() > before; }, std::chrono::seconds(20)));
  EXPECT_EQ(HubState(), "verified");
  Sim("/sim/settings", {{"hub_max_lease_seconds", usual}});
}

TEST_F(YouTubeTest, UnlinkingEndsTheGrant) {
  const std::string access = ReadStoredTokens(side_->daemon.database(), link_id_).access;
  const auto works = [&] {
    return Send({.url = "http://" + side_->sim.address() + "/youtube/v3/channels?part=id&mine=true",
                 .headers = {{"Authorization", "Bearer " + access}}})
        .status;
  };
  EXPECT_EQ(works(), 200);
  EXPECT_EQ(Unlink(), "");
  EXPECT_TRUE(Eventually([&] { return works() == 401; }));
  EXPECT_TRUE(Eventually([&] { return HubState().empty(); }));
}

// As LinkCanary, which sings for Twitch.
TEST_F(YouTubeTest, NothingOfALinkIsWrittenWhereItDoesNotBelong) {
  const NatsTap tap;
  const StoredTokens tokens = ReadStoredTokens(side_->daemon.database(), link_id_);
  const std::string video = MakeVideo({{"kind", "live"}});
  ASSERT_TRUE(Eventually([&] { return Sessions() == 1; }));
  MakeVideo({{"kind", "upcoming"}, {"scheduled_in_seconds", 3600}});
  EXPECT_EQ(PostSigned("<feed>" + channel_), 400);
  EXPECT_EQ(AskUs(With("hub.verify_token", channel_)).status, 404);
  ExpectNothingOf({{"channel id", channel_},
                   {"login", login_},
                   {"access token", tokens.access},
                   {"refresh token", tokens.refresh},
                   {"video id", video},
                   {"webhook token", kToken},
                   {"client secret", "client-secret"}},
                  tap);
}

TEST_F(YouTubeTest, ACrowdBecomesAPulse) {
  const Events events(common::testing::SharedNats().url());
  const std::string session = OpenChat().first;
  const auto pulses = [&] {
    auto all = events.Of<v1::SentimentPulse>();
    std::erase_if(all, [&](const auto& pulse) { return pulse.platform_session_id() != session; });
    return all;
  };
  Sim("/sim/channels/" + channel_ + "/crowd",
      {{"mood", "hype"}, {"seconds", 5}, {"messages_per_second", 20}});
  ASSERT_TRUE(Eventually([&] { return !pulses().empty(); }, std::chrono::seconds(20)));
  EXPECT_GE(pulses().front().sentiments_size(), 5);
  // A hundredth of it would have let the poller ask once a minute.
  EXPECT_EQ(side_->daemon.Metric("stream_youtube_quota_chat_units"), 800'000'000)
      << "YOUTUBE_DAILY_QUOTA";
  EXPECT_GT(side_->daemon.Metric("stream_youtube_quota_spent_units"), 0);
}

// Whatever a viewer says, does or is called, and whatever goes wrong with it.
TEST_F(YouTubeTest, NothingOfAChatIsWrittenWhereItDoesNotBelong) {
  const NatsTap tap;
  const Events events(common::testing::SharedNats().url());
  const auto [session, video] = OpenChat();
  const std::string text = "canary" + login_ + "words insane";
  const std::string name = "canary" + login_ + "name";
  const std::string viewer = "UCcanary" + account_.ToString().substr(0, 16);
  const json who = {{"login", "c_" + login_}, {"display_name", name}, {"user_id", viewer}};
  const double before = ChatItems("text");
  // Of the kind after which the same page is asked for again: nothing is lost.
  Sim("/sim/faults", {{"route", kChat}, {"status", 503}, {"reason", name}, {"count", 1}});
  for (int i = 0; i < 3; ++i) {
    json chat = who;
    chat["user_id"] = viewer + std::to_string(i);
    chat["lines"] = {text, text};
    Sim("/sim/channels/" + channel_ + "/chat", chat);
  }
  for (const char* type :
       {"superChatEvent", "superStickerEvent", "newSponsorEvent", "memberMilestoneChatEvent",
        "membershipGiftingEvent", "giftMembershipReceivedEvent", "pollEvent", "userBannedEvent",
        "messageDeletedEvent", "messageRetractedEvent", "giftEvent", "sponsorOnlyModeStartedEvent",
        "sponsorOnlyModeEndedEvent"}) {
    json event = who;
    event["text"] = text;
    Happens(type, event);
  }
  ASSERT_TRUE(
      Eventually([&] { return ChatItems("text") >= before + 6; }, std::chrono::seconds(20)));
  Sim("/sim/channels/" + channel_ + "/crowd",
      {{"mood", "hype"}, {"seconds", 3}, {"messages_per_second", 20}});
  ASSERT_TRUE(Eventually(
      [&, id = session] {
        const auto all = events.Of<v1::SentimentPulse>();
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& pulse) { return pulse.platform_session_id() == id; });
      },
      std::chrono::seconds(20)));
  const std::vector<std::pair<const char*, std::string>> marks = {
      {"words", "canary" + login_ + "words"}, {"name", name}, {"viewer", viewer}};
  ExpectNothingOf(marks, tap);

  // Nor does it stay in memory once the session is over.
  Sim("/sim/videos/" + video + "/end", json::object());
  ASSERT_TRUE(Eventually([&] { return Sessions() == 0; }));
  Marks all;
  for (const auto& [what, mark] : marks) all.Add(what, mark);
  if (MemoryImage(side_->daemon.pid()).empty()) GTEST_SKIP() << "only root may look into memory";
  std::map<std::string, std::string> found;
  Eventually(
      [&] {
        found = all.FindIn(MemoryImage(side_->daemon.pid()));
        return found.empty();
      },
      std::chrono::seconds(20), std::chrono::milliseconds(500));
  for (const auto& [what, around] : found) ADD_FAILURE() << what << " is in memory: " << around;
}

TEST_F(YouTubeTest, AnAnnouncedStreamIsFoundWithoutFurtherNews) {
  const double accepted = Count("accepted");
  const std::string video = MakeVideo({{"kind", "upcoming"}, {"scheduled_in_seconds", 60}});
  ASSERT_TRUE(Eventually([&] { return Count("accepted") == accepted + 1; }));
  EXPECT_EQ(Sessions(), 0);
  Sim("/sim/videos/" + video + "/live", {{"notify", false}});
  EXPECT_TRUE(Eventually([&] { return Sessions() == 1; }));
}

TEST_F(YouTubeTest, NewsIsCarriedOutOnce) {
  const std::string video = MakeVideo({{"kind", "live"}}, false);
  const double accepted = Count("accepted");
  const double duplicates = Count("duplicate");
  EXPECT_EQ(PostSigned(News(video, "t1")), 204);
  EXPECT_EQ(Sessions(), 1);
  EXPECT_EQ(PostSigned(News(video, "t1")), 204);
  EXPECT_EQ(Count("duplicate"), duplicates + 1);
  EXPECT_EQ(PostSigned(News(video, "t2")), 204);
  EXPECT_EQ(Count("accepted"), accepted + 2);
  EXPECT_EQ(Sessions(true), 1);
  // Hidden from others, it is live all the same.
  const std::string hidden =
      "<feed><at:deleted-entry ref=\"yt:video:" + video + "\" when=\"t3\"/></feed>";
  EXPECT_EQ(PostSigned(hidden), 204);
  EXPECT_EQ(Sessions(), 1);
  Sim("/sim/videos/" + video + "/delete", {{"notify", false}});
  EXPECT_EQ(PostSigned(News(video, "t4")), 204);
  EXPECT_EQ(Sessions(), 0);
}

TEST_F(YouTubeTest, OnlySignedNewsIsHeard) {
  const std::string video = MakeVideo({{"kind", "live"}}, false);
  const std::string body = News(video, "t1");
  const double unsigned_before = Count("unsigned");
  const double ignored = Count("ignored");
  EXPECT_EQ(Post(body, {}), 204);
  EXPECT_EQ(Post(body, {{"X-Hub-Signature", SignatureOf(body, "another-token")}}), 204);
  EXPECT_EQ(Post(body, {{"X-Hub-Signature", SignatureOf(body + " ")}}), 204);
  EXPECT_EQ(Post(body, {{"X-Hub-Signature", SignatureOf(body).substr(5)}}), 204);
  EXPECT_EQ(Count("unsigned"), unsigned_before + 4);
  EXPECT_EQ(PostSigned(News(video, "t1", "UCsomebody-else")), 204);
  EXPECT_EQ(Count("ignored"), ignored + 1);
  EXPECT_EQ(PostSigned("<feed>"), 400);
  EXPECT_EQ(PostSigned("<!DOCTYPE feed>" + body), 400);
  EXPECT_EQ(PostSigned(std::string(300 * 1024, ' ')), 413);
  EXPECT_EQ(Send({.method = "PUT", .url = HookUrl()}).status, 405);
  EXPECT_EQ(Send({.method = "POST", .url = Url("/stream/webhook/youtube/7")}).status, 404);
  EXPECT_EQ(Sessions(), 0);
}

TEST_F(YouTubeTest, NewsThatCannotBeCheckedIsAskedForAgain) {
  const std::string video = MakeVideo({{"kind", "live"}}, false);
  const std::string body = News(video, "t1");
  // The poller of other sessions meets these, too.
  Sim("/sim/faults", {{"route", kVideos}, {"status", 503}, {"count", 1000}});
  EXPECT_EQ(PostSigned(body), 503);
  Sim("/sim/faults", {{"route", kVideos}, {"hang_ms", 8'000}, {"count", 1000}});
  EXPECT_EQ(PostSigned(body), 503);  // before the client's own ten seconds are over
  Sim("/sim/faults", {{"route", kVideos}, {"count", 0}});
  EXPECT_EQ(Sessions(), 0);
  EXPECT_EQ(PostSigned(body), 204);
  EXPECT_EQ(Sessions(), 1);
}

TEST_F(YouTubeTest, OnlyWantedSubscriptionsAreConfirmed) {
  const Response confirmed = AskUs(Question());
  EXPECT_EQ(confirmed.status, 200);
  EXPECT_EQ(confirmed.body, "a+b/c=\xC3\xA9");
  EXPECT_TRUE(
      common::http::FindHeader(confirmed.headers, "content-type")->starts_with("text/plain"));
  EXPECT_EQ(AskUs(With("hub.topic",
                       "https://www.youtube.com/feeds/videos.xml?channel_id=" + channel_ + "x"))
                .status,
            404);
  EXPECT_EQ(AskUs(With("hub.verify_token", "guessed")).status, 404);
  EXPECT_EQ(AskUs(With("hub.verify_token", std::nullopt)).status, 404);
  EXPECT_EQ(AskUs(With("hub.challenge", std::nullopt)).status, 404);
  EXPECT_EQ(AskUs(With("hub.mode", "publish")).status, 404);
  EXPECT_EQ(AskUs(With("hub.mode", "denied")).status, 204);
  EXPECT_EQ(AskUs({}).status, 404);
  const Params unsubscribing = With("hub.mode", "unsubscribe");
  EXPECT_EQ(AskUs(unsubscribing).status, 404);
  EXPECT_EQ(HubState(), "verified");

  ASSERT_EQ(Unlink(), "");
  EXPECT_EQ(AskUs(Question()).status, 404);
  EXPECT_EQ(AskUs(unsubscribing).status, 200);
  EXPECT_TRUE(Eventually([this] { return HubState().empty(); }));
}

TEST_F(YouTubeTest, TheRpcIsTheSameWayIn) {
  const std::string video = MakeVideo({{"kind", "live"}}, false);
  v1::YouTubeWebhookPayload question;
  for (const auto& [name, value] : Question()) (*question.mutable_query())[name] = value;
  const auto challenge = [&] {
    return Ask(question).As<v1::HandleYouTubeWebhookResponse>().challenge();
  };
  EXPECT_EQ(challenge(), "a+b/c=\xC3\xA9");  // the topic names the channel
  question.set_link_id(link_id_);
  EXPECT_EQ(challenge(), "a+b/c=\xC3\xA9");
  (*question.mutable_query())["hub.verify_token"] = "guessed";
  EXPECT_EQ(challenge(), "");

  v1::YouTubeWebhookPayload news;
  news.set_body(News(video, "t1"));
  EXPECT_TRUE(Ask(news).status.ok());
  EXPECT_EQ(Sessions(), 0);
  (*news.mutable_headers())["x-hub-signature"] = SignatureOf(news.body());
  EXPECT_TRUE(Ask(news).status.ok());
  EXPECT_EQ(Sessions(), 1);
  news.set_body("<feed>");
  (*news.mutable_headers())["x-hub-signature"] = SignatureOf("<feed>");
  EXPECT_EQ(Ask(news).reason(), "WEBHOOK_MALFORMED");
}

}  // namespace
}  // namespace story
