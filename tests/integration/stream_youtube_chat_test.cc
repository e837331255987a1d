// YouTubeChatWorker against a platform_sim, a real Redis and a real database: which words become
// sentiments and which do not, how often it asks, and what it makes of the answers.
#include <atomic>
#include <random>

#include "embedded/stream/functions.h"
#include "services/stream/ingest/youtube_chat_worker.h"
#include "services/stream/ingest/youtube_quota.h"
#include "tests/integration/stream_platform.h"

namespace stream::ingest {
namespace {

using privacy::ViewerType;
using pulses::Entry;
using sessions::Session;
using std::chrono::seconds;

constexpr const char* kChatRoute = "/youtube/v3/liveChat/messages";
constexpr const char* kChatRequests = "GET /youtube/v3/liveChat/messages";
constexpr int kPollingMillis = 100;

uint64_t RandomBits() {
  static std::mt19937_64 random(7);
  return random();
}

common::redis::Options RedisOptions() {
  common::redis::Options options;
  options.port = common::testing::SharedRedis().port();
  return options;
}

class StreamYouTubeChatTest : public AgainstPlatform {
 protected:
  // A YouTube channel that is linked, and what it has live.
  struct Channel {
    std::string channel_id;
    std::string user_id;
    std::string video_id;
    Session session;
  };
  // A stream daemon's worker and what it has of its own.
  struct Instance {
    Instance(StreamYouTubeChatTest& test, YouTubeChatWorker::Options options)
        : buffer(test.redis_, test.functions_, seconds(600)),
          live(test.sessions_),
          worker(options,
                 {.youtube = test.youtube_.youtube(),
                  .tokens = test.refresher_,
                  .sessions = test.sessions_,
                  .live = live,
                  .buffer = buffer,
                  .viewers = viewers,
                  .crowd = crowd,
                  .quota = test.quota_,
                  .on_changed = [&test] { ++test.changes_; }},
                 metrics) {
      worker.Start();
    }
    ~Instance() { worker.Stop(); }

    // A sample of the metrics, written as there.
    int Count(const std::string& sample) {
      const std::string text = "\n" + metrics.Text();
      const size_t at = text.find("\n" + sample + " ");
      return at == std::string::npos
                 ? 0
                 : static_cast<int>(std::stod(text.substr(at + sample.size() + 2)));
    }
    int Polls(const std::string& outcome) {
      return Count("stream_youtube_chat_polls_total{outcome=\"" + outcome + "\"}");
    }
    int Items(const std::string& kind) {
      return Count("stream_youtube_chat_items_total{kind=\"" + kind + "\"}");
    }
    int Steps() { return Count("worker_step_seconds_count{worker=\"youtube_chat\"}"); }
    int Spent() { return Count("stream_youtube_quota_spent_units"); }
    // Chats that are read, and whose history is dropped: from now on each line counts.
    bool Reads(int chats = 1) {
      return Eventually(
          [&] { return Count("stream_youtube_chats") == chats && Polls("answered") >= 2 * chats; });
    }

    common::metrics::Registry metrics;
    pulses::BufferStore buffer;
    sessions::LiveSessions live;
    privacy::ViewerRegistry viewers{{}, RandomBits};
    CrowdStore crowd{{.live = live, .buffer = buffer, .viewers = viewers}};
    YouTubeChatWorker worker;
  };

  void SetUp() override {
    ASSERT_TRUE(functions_.Load().ok());
    Change({{"chat_polling_millis", kPollingMillis}, {"youtube_daily_quota", kPlenty}});
  }
  std::unique_ptr<Instance> NewInstance(YouTubeChatWorker::Options options = Plenty()) {
    return std::make_unique<Instance>(*this, options);
  }
  static YouTubeChatWorker::Options Plenty() { return {.daily_quota = kPlenty}; }

  Channel LiveChannel() {
    const std::string login = NewLogin();
    const json user = Sim("/sim/users", {{"login", login}, {"youtube", true}});
    Channel channel{user["youtube_channel_id"], user["id"], {}, {}};
    platforms::Tokens tokens = ConsentAtYouTube(login);
    auto identity = youtube_.youtube()->ReadIdentity(tokens.access);
    EXPECT_TRUE(identity.ok()) << identity.status();
    const Time now = common::Now();
    const auto link = links_.Insert({{.link_id = Uuid::V7(now),
                                      .account_id = Uuid::V4(),
                                      .platform = Platform::kYouTube,
                                      .linked_at = now},
                                     *std::move(identity),
                                     std::move(tokens)});
    EXPECT_TRUE(link.ok()) << link.status();
    channel.video_id =
        Sim("/sim/videos",
            {{"channel_id", channel.channel_id}, {"kind", "live"}, {"notify", false}})["video_id"];
    const auto opened = sessions_.OpenByPlatform({.link_id = link->link_id,
                                                  .stream_id = channel.video_id,
                                                  .started_at = now - seconds(100),
                                                  .in_game_id = {}});
    EXPECT_TRUE(opened.ok() && *opened);
    channel.session = **opened;
    return channel;
  }
  platforms::Tokens ConsentAtYouTube(const std::string& login) {
    const platforms::AuthorizationRequest request{.redirect_uri = redirect_uri_,
                                                  .state = "state",
                                                  .code_verifier = Secret(std::string(43, 'v'))};
    const auto redirect = common::http::Client().Send(
        {.url = youtube_.youtube()->AuthorizationUrl(request) + "&login=" + login});
    const std::string location(
        common::http::FindHeader(redirect->headers, "location").value_or("?"));
    const auto query = common::http::FormDecode(location.substr(location.find('?') + 1)).value();
    auto tokens = youtube_.youtube()->ExchangeCode(
        Secret(std::string(common::http::FindParam(query, "code").value_or(""))), request);
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    return *std::move(tokens);
  }

  static void Say(const Channel& channel, const std::string& login, const std::string& line,
                  const json& badges = json::array()) {
    Sim("/sim/channels/" + channel.channel_id + "/chat",
        {{"login", login}, {"lines", {line}}, {"badges", badges}});
  }
  static void Happens(const Channel& channel, const std::string& type, json event) {
    event["type"] = type;
    Sim("/sim/channels/" + channel.channel_id + "/events", event);
  }
  // What waits for the session's next pulse.
  std::vector<Entry> Entries(const Channel& channel) {
    const auto claimed = reader_.Claim(channel.session.session_id, true);
    return claimed.ok() && *claimed ? (*claimed)->entries : std::vector<Entry>();
  }
  bool Heard(const Channel& channel, size_t count, seconds deadline = seconds(10)) {
    return Eventually([&] { return Entries(channel).size() == count; }, deadline);
  }
  static bool DayIsOver() {
    const Time now = common::Now();
    return QuotaResetAfter(now) - now < std::chrono::minutes(10);
  }
  sessions::Status StatusOf(const Channel& channel) {
    return (*sessions_.Find(channel.session.session_id))->status;
  }

  static constexpr int kPlenty = 1'000'000'000;

  std::atomic<int> changes_{0};
  const platforms::Platforms youtube_{
      nullptr, std::make_unique<platforms::YouTubeClient>(
                   platforms::YouTubeOptions{.client_id = client_id_,
                                             .client_secret = Secret("client-secret"),
                                             .webhook_token = Secret("webhook-token"),
                                             .accounts_url = SimUrl(),
                                             .token_url = SimUrl(),
                                             .api_url = SimUrl(),
                                             .hub_url = SimUrl()},
                   http_)};
  linking::TokenRefreshWorker refresher_{seconds(1800),
                                         {.platforms = youtube_,
                                          .links = links_,
                                          .tokens = tokens_,
                                          .locks = locks_,
                                          .on_deactivated = [] {}},
                                         metrics_};
  common::redis::Redis redis_{RedisOptions()};
  common::redis::Functions functions_{redis_, std::string(functions::Files().front().content)};
  pulses::BufferStore reader_{redis_, functions_, seconds(600)};
  YouTubeQuotaStore quota_{redis_, client_id_};
};

TEST_F(StreamYouTubeChatTest, WhatIsSaidFromNowOnBecomesSentiments) {
  const Channel channel = LiveChannel();
  Say(channel, "early", "hello everybody");
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  EXPECT_EQ(instance->Items("history"), 1);
  Say(channel, "ann", "that was insane");
  Say(channel, "ben", "so good", {"moderator"});
  Say(channel, "ann", "again");
  ASSERT_TRUE(Heard(channel, 3));
  const auto entries = Entries(channel);
  EXPECT_EQ(entries[0].sentiment.category, sentiment::Category::kExcited);
  EXPECT_NE(entries[0].contributor, 0u);
  EXPECT_EQ(entries[0].contributor, entries[2].contributor);
  EXPECT_NE(entries[0].contributor, entries[1].contributor);
  ASSERT_TRUE(entries[1].tracked);
  EXPECT_EQ(entries[1].tracked->type, ViewerType::kModerator);
  EXPECT_EQ(instance->Items("text"), 3);
}

TEST_F(StreamYouTubeChatTest, EachActCountsOnce) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Happens(channel, "superChatEvent", {{"login", "ann"}, {"text", "for you"}});
  Happens(channel, "membershipGiftingEvent", {{"login", "ben"}});
  Happens(channel, "giftMembershipReceivedEvent", {{"login", "cat"}});
  Happens(channel, "userBannedEvent", {{"login", "dan"}});
  for (const int combo : {1, 2, 2}) {
    Happens(channel, "giftEvent",
            {{"login", "eve"}, {"id", "one-gift"}, {"details", {{"comboCount", combo}}}});
  }
  Say(channel, "cat", "thanks");
  ASSERT_TRUE(Heard(channel, 5));
  EXPECT_EQ(instance->Items("repeated"), 1);
  EXPECT_EQ(instance->Items("ignored"), 1);
  // Who was given a membership is a subscriber, whatever their lines say.
  EXPECT_EQ(instance->Items("membership_received"), 1);
}

TEST_F(StreamYouTubeChatTest, ItAsksNoSoonerThanYouTubeWants) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  const Time begin = common::Now();
  ASSERT_TRUE(Eventually([&] { return instance->Polls("answered") >= 11; }));  // one is the search
  EXPECT_GE(common::Now() - begin, std::chrono::milliseconds(9 * kPollingMillis));
  EXPECT_EQ(instance->Polls("too_soon"), 0);
  EXPECT_GE(instance->Spent(), 51);
}

TEST_F(StreamYouTubeChatTest, WhatGoesWrongForAMomentLosesNothing) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Fault(kChatRoute, {{"status", 503}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("unavailable") == 1; }));
  Say(channel, "ann", "one");
  Fault(kChatRoute, {{"status", 403}, {"reason", "rateLimitExceeded"}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("too_soon") == 1; }));
  Say(channel, "ben", "two");
  Fault(kChatRoute, {{"status", 200}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("malformed") == 1; }));
  Say(channel, "cat", "three");
  EXPECT_TRUE(Heard(channel, 3));
  EXPECT_EQ(instance->Items("text"), 3);
}

TEST_F(StreamYouTubeChatTest, APageThatIsRefusedIsNotAskedForAgain) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Fault(kChatRoute, {{"status", 400}, {"reason", "pageTokenInvalid"}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("refused") == 1; }));
  // Found again, and its history dropped.
  const int answered = instance->Polls("answered");
  ASSERT_TRUE(Eventually([&] { return instance->Polls("answered") >= answered + 2; }));
  Say(channel, "ann", "still here");
  EXPECT_TRUE(Heard(channel, 1));
}

TEST_F(StreamYouTubeChatTest, ATokenThatEndedBeforeItsTimeIsReplaced) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Sim("/sim/users/" + channel.user_id + "/expire", {{"client_id", client_id_}});
  Say(channel, "ann", "hello");
  EXPECT_TRUE(Heard(channel, 1));
  EXPECT_GE(instance->Polls("unauthorized"), 1);
}

TEST_F(StreamYouTubeChatTest, TheSessionEndsWithItsStream) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Say(channel, "ann", "bye");
  Sim("/sim/videos/" + channel.video_id + "/end", {{"notify", false}});
  ASSERT_TRUE(Eventually([&] { return StatusOf(channel) == sessions::Status::kEnding; }));
  EXPECT_EQ(Entries(channel).size(), 1u);
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_TRUE(Eventually([&] { return instance->Count("stream_youtube_chats") == 0; }));
}

// A chat can be switched off while its stream goes on.
TEST_F(StreamYouTubeChatTest, AChatThatIsOverEndsNoStream) {
  const Channel channel = LiveChannel();
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads());
  Fault(kChatRoute, {{"status", 403}, {"reason", "liveChatEnded"}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("ended") == 1; }));
  const int answered = instance->Polls("answered");
  ASSERT_TRUE(Eventually([&] { return instance->Polls("answered") >= answered + 2; }));
  EXPECT_EQ(StatusOf(channel), sessions::Status::kLive);
  Say(channel, "ben", "it goes on");
  EXPECT_TRUE(Heard(channel, 1));
}

TEST_F(StreamYouTubeChatTest, AUsedUpQuotaSlowsDownAndEndsNothing) {
  const Channel channel = LiveChannel();
  auto options = Plenty();
  options.quota_pause = seconds(2);
  options.quota_pause_max = seconds(4);
  const auto instance = NewInstance(options);
  ASSERT_TRUE(instance->Reads());
  Change({{"youtube_daily_quota", 0}});
  const Time begin = common::Now();
  ASSERT_TRUE(Eventually([&] { return instance->Polls("quota_exceeded") == 3; }));
  EXPECT_GE(common::Now() - begin, seconds(6)) << "twice as long the second time";
  EXPECT_EQ(StatusOf(channel), sessions::Status::kLive);
  Say(channel, "ann", "still there?");
  Change({{"youtube_daily_quota", kPlenty}});
  EXPECT_TRUE(Heard(channel, 1));
}

// With 80 of 100 units a day, one poll has its turn, and the next one hours later.
TEST_F(StreamYouTubeChatTest, TheDaysUnitsLastForTheDay) {
  if (DayIsOver()) GTEST_SKIP() << "what is left may be spent at once";
  const Channel first = LiveChannel();
  const auto instance = NewInstance({.daily_quota = 100});
  ASSERT_TRUE(instance->Reads());
  EXPECT_EQ(instance->Spent(), 6);
  // By the time that another chat has been read, the first one's interval was over for long.
  const Channel second = LiveChannel();
  ASSERT_TRUE(instance->Reads(2));
  EXPECT_EQ(instance->Spent(), 12);
  EXPECT_EQ(instance->Polls("answered"), 4);
  Say(first, "ann", "hello");
  EXPECT_TRUE(Entries(first).empty());
}

// All instances spend the same units.
TEST_F(StreamYouTubeChatTest, NobodyAsksOnceTheUnitsAreSpent) {
  if (DayIsOver()) GTEST_SKIP() << "there are new ones soon";
  ASSERT_TRUE(quota_.Spend(QuotaDayOf(common::Now()), 76).ok());
  const Channel channel = LiveChannel();
  const int before = Requests(kChatRequests);
  const auto instance = NewInstance({.daily_quota = 100});
  ASSERT_TRUE(Eventually([&] {
    return instance->Count("stream_youtube_chats") == 1 && instance->Steps() >= 2 &&
           instance->Spent() == 76;
  }));
  EXPECT_EQ(Requests(kChatRequests), before);
  EXPECT_EQ(StatusOf(channel), sessions::Status::kLive);
}

TEST_F(StreamYouTubeChatTest, OneInstanceReadsAndAnotherTakesOver) {
  const Channel channel = LiveChannel();
  auto first = NewInstance();
  ASSERT_TRUE(first->Reads());
  const auto second = NewInstance();
  ASSERT_TRUE(Eventually([&] { return second->Steps() >= 2; }));
  Say(channel, "ann", "one");
  ASSERT_TRUE(Heard(channel, 1));
  EXPECT_EQ(second->Polls("answered"), 0);
  EXPECT_EQ(second->Count("stream_youtube_chats"), 0);

  // Nobody says goodbye: the lease has to run out.
  first = nullptr;
  Say(channel, "ben", "nobody hears this");
  ASSERT_TRUE(Eventually([&] { return second->Polls("answered") >= 2; }, seconds(30)));
  Say(channel, "cat", "two");
  EXPECT_TRUE(Heard(channel, 2));
  EXPECT_GE(second->Items("history"), 2);
}

TEST_F(StreamYouTubeChatTest, AnInstanceReadsSoManyChats) {
  const Channel channels[] = {LiveChannel(), LiveChannel(), LiveChannel()};
  auto options = Plenty();
  options.max_chats = 2;
  const auto instance = NewInstance(options);
  ASSERT_TRUE(instance->Reads(2));
  EXPECT_EQ(instance->Count("stream_youtube_chats_skipped"), 1);
  // Another one takes what is left.
  const auto other = NewInstance(options);
  EXPECT_TRUE(other->Reads(1));
}

// One chat that hangs keeps the others waiting for no longer than a call may take.
TEST_F(StreamYouTubeChatTest, AHangingCallEndsInTime) {
  const Channel channels[] = {LiveChannel(), LiveChannel()};
  const auto instance = NewInstance();
  ASSERT_TRUE(instance->Reads(2));
  Fault(kChatRoute, {{"hang_ms", 8'000}, {"count", 1}});
  ASSERT_TRUE(Eventually([&] { return instance->Polls("unavailable") == 1; }));
  for (const Channel& channel : channels) Say(channel, "ann", "hello");
  for (const Channel& channel : channels) EXPECT_TRUE(Heard(channel, 1));
  // Both are still ours.
  EXPECT_EQ(instance->Count("stream_youtube_chats"), 2);
}

}  // namespace
}  // namespace stream::ingest
