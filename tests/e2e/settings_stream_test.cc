// What the settings of the stream daemon do: each test sets another value than the default and sees
// the effect from outside.
#include <set>

#include <gtest/gtest.h>

#include "libs/common/http/url.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/channel.h"
#include "tests/e2e/pulses.h"
#include "tests/e2e/settings.h"
#include "tests/e2e/webhooks.h"

namespace story {
namespace {

using common::testing::Eventually;
using common::testing::SharedRedis;

// The status that a message of Twitch's kind gets when it is signed with `key`.
int PostSigned(const PlatformSide& side, const std::string& key,
               const std::string& type = "channel.unheard.of", const std::string& body = "{}") {
  const EventSubMessage message{.subscription_type = type, .secret = key};
  const auto answer =
      common::http::Client().Send({.method = "POST",
                                   .url = "http://" + side.http_address + "/stream/webhook/twitch",
                                   .headers = message.Headers(body),
                                   .body = body});
  return answer.ok() ? answer->status : 0;
}

// --- Linking. ------------------------------------------------------------------------------------
class LinkSettings : public SettingsTest<LinkSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {{"OAUTH_CALLBACKS_ALLOWED", "https://game.example/linked,https://other.example/"},
            {"DEADLINE_MAX_MS", "1000"},
            {"SESSION_HISTORY_RETENTION_HOURS", "2"}};
  }

 protected:
  Channel channel_{side()};
};

// PlatformSide gives each of these another value than the default.
TEST_F(LinkSettings, AChannelIsLinkedWhereTheSettingsSay) {
  const std::string url = channel_.BeginLink().value().authorization_url();
  const size_t query = url.find('?');
  EXPECT_EQ(url.substr(0, query), "http://" + side().sim.address() + "/oauth2/authorize")
      << "TWITCH_ID_URL";
  const auto form = common::http::FormDecode(url.substr(query + 1)).value();
  EXPECT_EQ(common::http::FindParam(form, "client_id"), PlatformSide::kClientId)
      << "TWITCH_CLIENT_ID";
  EXPECT_EQ(common::http::FindParam(form, "redirect_uri"), side().callback_url()) << "PUBLIC_URL";
  // platform_sim looks at TWITCH_CLIENT_SECRET and answers as TWITCH_API_URL, too; the redirect and
  // the challenges of the subscriptions arrive at HTTP_ADDR.
  EXPECT_NO_THROW(channel_.Link());
}

TEST_F(LinkSettings, OnlyListedCallbacksAreAccepted) {
  const std::string allowed = Text("OAUTH_CALLBACKS_ALLOWED");
  EXPECT_TRUE(channel_.BeginLink(allowed.substr(0, allowed.find(','))).ok());
  EXPECT_TRUE(channel_.BeginLink(allowed.substr(allowed.find(',') + 1)).ok());
  EXPECT_FALSE(channel_.BeginLink("https://game.example/").ok());
}

TEST_F(LinkSettings, WebhooksAreSignedWithTheSecret) {
  EXPECT_EQ(PostSigned(side(), PlatformSide::kWebhookSecret), 204) << "TWITCH_WEBHOOK_SECRET";
  EXPECT_EQ(PostSigned(side(), "another-secret"), 403);
}

// The caller would wait for ten seconds, and so would the daemon by default.
TEST_F(LinkSettings, ACallTakesNoLongerThanItMay) {
  channel_.Link();
  const Silence silence(side().sim);
  const absl::Status status = channel_.StartSession();
  EXPECT_TRUE(absl::IsUnavailable(status)) << "DEADLINE_MAX_MS: " << status;
}

TEST_F(LinkSettings, EndedSessionsAreKeptForHours) {
  const auto database = OpenDatabase(side().daemon.database());
  const auto is_kept = [&](const common::Uuid& session, const std::string& condition = "") {
    return !ValueOf(
                database->Query("SELECT 1 FROM session WHERE session_id = ?" + condition, session))
                .empty();
  };
  const auto end_before = [&](Channel& channel, int hours) {
    channel.Link();
    const common::Uuid session = *common::Uuid::Parse(channel.GoLive());
    channel.GoOffline();
    EXPECT_TRUE(Eventually([&] { return is_kept(session, " AND status = 3"); }));  // and announced
    ValueOf(database->Execute(
        "UPDATE session SET ended_at = ended_at - INTERVAL ? HOUR WHERE session_id = ?", hours,
        session));
    return session;
  };
  Channel another(side());
  const int hours = Number("SESSION_HISTORY_RETENTION_HOURS");
  const common::Uuid older = end_before(channel_, hours);
  const common::Uuid newer = end_before(another, hours - 1);
  side().daemon.Kill();
  side().daemon.Start();
  EXPECT_TRUE(Eventually([&] { return !is_kept(older); }));
  EXPECT_TRUE(is_kept(newer));
}

// --- Pulses. -------------------------------------------------------------------------------------
class PulseSettings : public SettingsTest<PulseSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {{"SENTIMENT_PULSE_INTERVAL_SECONDS", "1"},
            {"SENTIMENT_MIN_BATCH_SIZE", "1"},
            {"SENTIMENT_MAX_BATCH_SIZE", "3"},
            {"MIN_DISTINCT_CONTRIBUTORS", "1"},
            {"MAX_TRACKED_VIEWERS_PER_SESSION", "1"},
            {"TRACK_SUBSCRIBERS", "false"},
            {"TRACK_MODERATORS", "false"}};
  }

 protected:
  PulseSettings() {
    channel_.Link();
    session_ = channel_.GoLive();
  }
  // The entries of the session, once there are so many.
  std::vector<SentimentEntry> Entries(size_t count) {
    EXPECT_TRUE(Eventually([&] { return EntriesOf(events_, session_).size() >= count; }));
    return EntriesOf(events_, session_);
  }
  bool IsTracked(const std::string& badge) {
    channel_.Chat("somebody", {badge});
    return Entries(1).at(0).has_tracking_id();
  }

  const Events events_{common::testing::SharedNats().url()};
  Channel channel_{side()};
  std::string session_;
};

TEST_F(PulseSettings, OnePersonMakesAPulse) {
  ASSERT_EQ(Text("SENTIMENT_MIN_BATCH_SIZE"), "1");
  ASSERT_EQ(Text("MIN_DISTINCT_CONTRIBUTORS"), "1");
  channel_.Chat("somebody");
  EXPECT_EQ(Entries(1).size(), 1u);
}

TEST_F(PulseSettings, PulsesComeAsOftenAsWished) {
  for (size_t pulses = 1; pulses <= 3; ++pulses) {
    channel_.Chat("somebody");
    ASSERT_TRUE(Eventually([&] { return PulsesOf(events_, session_).size() == pulses; }));
  }
  EXPECT_EQ(PulsesOf(events_, session_)[0].interval_seconds(),
            Number("SENTIMENT_PULSE_INTERVAL_SECONDS"));
}

TEST_F(PulseSettings, APulseCarriesSoManySentiments) {
  const int limit = Number("SENTIMENT_MAX_BATCH_SIZE");
  const auto dropped = [&] {
    return side().daemon.Metric("stream_sentiments_dropped_total{reason=\"overflow\"}");
  };
  EXPECT_TRUE(Eventually([&] {
    for (int i = 0; i < 2 * limit; ++i) channel_.Chat("chatter_" + std::to_string(i));
    return dropped() > 0;
  }));
  for (const auto& pulse : PulsesOf(events_, session_)) EXPECT_LE(pulse.sentiments_size(), limit);
}

TEST_F(PulseSettings, SoManyViewersAreTracked) {
  for (const char* login : {"one", "two", "three"}) channel_.Chat(login, {"vip"});
  std::set<std::string> ids;
  for (const auto& entry : Entries(3)) {
    if (entry.has_tracking_id()) ids.insert(entry.tracking_id());
  }
  EXPECT_EQ(ids.size(), static_cast<size_t>(Number("MAX_TRACKED_VIEWERS_PER_SESSION")));
}

TEST_F(PulseSettings, SubscribersNeedNotBeTracked) {
  ASSERT_EQ(Text("TRACK_SUBSCRIBERS"), "false");
  EXPECT_FALSE(IsTracked("subscriber"));
}

TEST_F(PulseSettings, ModeratorsNeedNotBeTracked) {
  ASSERT_EQ(Text("TRACK_MODERATORS"), "false");
  EXPECT_FALSE(IsTracked("moderator"));
}

// --- Who is tracked, and as what. ----------------------------------------------------------------
class TrackingSettings : public SettingsTest<TrackingSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {
        {"SENTIMENT_PULSE_INTERVAL_SECONDS", "1"}, {"SENTIMENT_MIN_BATCH_SIZE", "1"},
        {"MIN_DISTINCT_CONTRIBUTORS", "1"},        {"TRACKED_VIEWER_ENGAGEMENT_THRESHOLD", "0.3"},
        {"TRACK_RAID_LEADERS", "false"},           {"VIEWER_TYPE_MIN_GROUP", "2"}};
  }

 protected:
  TrackingSettings() {
    channel_.Link();
    session_ = channel_.GoLive();
  }
  SentimentEntry Entry(size_t index) {
    EXPECT_TRUE(Eventually([&] { return EntriesOf(events_, session_).size() > index; }));
    return EntriesOf(events_, session_).at(index);
  }

  const Events events_{common::testing::SharedNats().url()};
  Channel channel_{side()};
  std::string session_;
};

TEST_F(TrackingSettings, OneLineIsEngagementEnough) {
  ASSERT_EQ(Text("TRACKED_VIEWER_ENGAGEMENT_THRESHOLD"), "0.3");
  channel_.Chat("somebody");
  EXPECT_EQ(Entry(0).viewer_type(), bannou::stream::v1::TRACKED_VIEWER_TYPE_HIGH_ENGAGER);
}

TEST_F(TrackingSettings, RaidLeadersAreNothingSpecial) {
  ASSERT_EQ(Text("TRACK_RAID_LEADERS"), "false");
  channel_.Happen("channel.raid");
  EXPECT_NE(Entry(0).viewer_type(), bannou::stream::v1::TRACKED_VIEWER_TYPE_RAID_LEADER);
}

TEST_F(TrackingSettings, TheOnlyOneOfAKindIsNotToldApart) {
  ASSERT_EQ(Text("VIEWER_TYPE_MIN_GROUP"), "2");
  channel_.Chat("one", {"vip"});
  EXPECT_EQ(Entry(0).viewer_type(), bannou::stream::v1::TRACKED_VIEWER_TYPE_HIGH_ENGAGER);
  channel_.Chat("two", {"vip"});
  EXPECT_EQ(Entry(1).viewer_type(), bannou::stream::v1::TRACKED_VIEWER_TYPE_VIP);
}

class ReturnerSettings : public SettingsTest<ReturnerSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {{"SENTIMENT_PULSE_INTERVAL_SECONDS", "1"},
            {"SENTIMENT_MIN_BATCH_SIZE", "1"},
            {"MIN_DISTINCT_CONTRIBUTORS", "1"},
            {"RETURNER_DETECTION_ENABLED", "true"}};
  }
};

TEST_F(ReturnerSettings, WhoComesBackIsTold) {
  ASSERT_EQ(Text("RETURNER_DETECTION_ENABLED"), "true");
  const Events events(common::testing::SharedNats().url());
  Channel channel(side());
  channel.Link();
  // Who says something in a session of its own, and as what they are told.
  const auto tell = [&](const std::vector<std::string>& logins) {
    const std::string session = channel.GoLive();
    std::vector<SentimentEntry> entries;
    for (const std::string& login : logins) {
      channel.Chat(login);
      const size_t wanted = entries.size() + 1;
      EXPECT_TRUE(Eventually([&] { return EntriesOf(events, session).size() == wanted; }));
      entries = EntriesOf(events, session);
    }
    channel.GoOffline();
    EXPECT_TRUE(Eventually([&] { return channel.Sessions().sessions_size() == 0; }));
    return entries;
  };
  const auto first = tell({"somebody", "somebody"});
  EXPECT_FALSE(first.at(0).has_tracking_id());
  EXPECT_FALSE(first.at(1).has_tracking_id());  // still the same session
  const auto second = tell({"somebody", "a stranger"});
  EXPECT_EQ(second.at(0).viewer_type(), bannou::stream::v1::TRACKED_VIEWER_TYPE_RETURNER);
  EXPECT_FALSE(second.at(1).has_tracking_id());
}

// --- Bounds. -------------------------------------------------------------------------------------
class BoundSettings : public SettingsTest<BoundSettings, PlatformSide> {
 public:
  static Values GivenValues() {
    return {{"CHAT_QUEUE_MAX", "1"}, {"SENTIMENT_MAX_HOLD_SECONDS", "1"}};
  }

 protected:
  BoundSettings() {
    channel_.Link();
    channel_.GoLive();
  }
  double Metric(const std::string& sample) const { return side().daemon.Metric(sample); }

  Channel channel_{side()};
};

TEST_F(BoundSettings, ASentimentWaitsForSoLong) {
  ASSERT_EQ(Text("SENTIMENT_MAX_HOLD_SECONDS"), "1");
  channel_.Chat("somebody");  // too few for a pulse
  EXPECT_TRUE(Eventually(
      [&] { return Metric("stream_sentiments_dropped_total{reason=\"expired\"}") > 0; }));
}

TEST_F(BoundSettings, SoMuchChatWaitsForItsBuffer) {
  ASSERT_EQ(Text("CHAT_QUEUE_MAX"), "1");
  const Silence silence(SharedRedis());
  // The first is on its way, the second waits, there is no room for the third.
  for (const char* login : {"one", "two", "three"}) channel_.Chat(login);
  EXPECT_TRUE(Eventually([&] { return Metric("stream_chat_dropped_total{reason=\"shed\"}") > 0; }));
}

// --- Keys. ---------------------------------------------------------------------------------------
TEST(KeySettings, ALinkIsSealedUnderOneKeyAndFoundUnderAnother) {
  const std::string identity = "IDENTITY_KEY=" + std::string(32, 'i');
  PlatformSide before({identity});
  Channel channel(before);
  channel.Link();
  before.daemon.Kill();
  before.daemon.Start();
  EXPECT_TRUE(Eventually([&] { return channel.Links().ok(); }));

  const PlatformSide after(
      {identity, "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(std::string(32, 'n')),
       "MYSQL_DATABASE=" + before.daemon.database()});
  const Channel renewed(after, channel.account());
  EXPECT_FALSE(renewed.Links().ok());  // the name does not open
  const nlohmann::json online{{"event",
                               {{"id", "1"},
                                {"broadcaster_user_id", channel.user_id()},
                                {"started_at", common::FormatTime(common::Now())}}}};
  EXPECT_EQ(PostSigned(after, PlatformSide::kWebhookSecret, "stream.online", online.dump()), 204);
  EXPECT_EQ(renewed.Sessions().sessions_size(), 1);
}

}  // namespace
}  // namespace story
