// Which in-game session a real crowd feeds: the one that the platform session was associated with,
// else the one that was created for it; whatever changes in between holds for the next pulse. And
// what the game does when the platform side is gone.
#include <gtest/gtest.h>

#include "tests/e2e/channel.h"
#include "tests/e2e/game.h"
#include "tests/e2e/pulse_ledger.h"
#include "tests/e2e/real_crowd.h"
#include "tests/e2e/webhooks.h"
#include "tests/story/watching.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::NatsServer;
using nlohmann::json;

constexpr int kMembers = 2000;
constexpr int kUsualAudience = 60;

std::vector<std::string> With(std::vector<std::string> settings, std::vector<std::string> more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}
// One person's one line is a pulse, within a second.
const std::vector<std::string> kEverythingCounts = {
    "SENTIMENT_MIN_BATCH_SIZE=1", "SENTIMENT_MAX_BATCH_SIZE=1000", "MIN_DISTINCT_CONTRIBUTORS=1",
    "SENTIMENT_MAX_HOLD_SECONDS=120"};
const std::vector<std::string> kNoRounds = {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600",
                                            "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600"};

double Outcomes(const Daemon& daemon, const std::string& outcome) {
  return daemon.Metric("streaming_pulses_total{outcome=\"" + outcome + "\"}");
}

std::string LinkAndGoLive(Channel& channel) {
  channel.Link();
  return channel.GoLive();
}

class Association : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    platform_ = std::make_unique<PlatformSide>(kEverythingCounts);
    side_ = std::make_unique<GameSide>(kNoRounds);
    game_ = std::make_unique<Game>(side_->daemon);
    game_->Seed(kMembers);
  }
  static void TearDownTestSuite() {
    game_ = nullptr;
    side_ = nullptr;
    platform_ = nullptr;
  }
  // The account's, each as somebody else in the game.
  Stream GoLive(const std::string& platform_session = "") {
    return game_->GoLive({.account = channel_.account(),
                          .of_character = true,
                          .platform_session = platform_session});
  }
  static int64_t Applied(const Stream& stream) { return game_->Truth(stream).pulses_applied(); }

  // Feels what is said next, and all others feel nothing.
  void ExpectToFeed(const Stream& fed, const std::vector<Stream>& others) {
    ExpectNoneFed(others, [&, before = Applied(fed)] { return Applied(fed) == before + 1; });
    EXPECT_GT(game_->Truth(fed).mood().at("Supportive") + game_->Truth(fed).mood().at("Excited"),
              0);
  }
  void ExpectToBecome(const std::string& outcome, const std::vector<Stream>& others) {
    const double before = Outcomes(side_->daemon, outcome);
    ExpectNoneFed(others, [&] { return Outcomes(side_->daemon, outcome) == before + 1; });
  }
  void ExpectNoneFed(const std::vector<Stream>& others, const std::function<bool()>& condition) {
    std::vector<int64_t> before;
    for (const Stream& other : others) before.push_back(Applied(other));
    channel_.Chat("viewer_" + std::to_string(++viewers_));
    EXPECT_TRUE(Eventually(condition));
    for (size_t i = 0; i < others.size(); ++i) EXPECT_EQ(Applied(others[i]), before[i]) << i;
  }

  static inline std::unique_ptr<PlatformSide> platform_;
  static inline std::unique_ptr<GameSide> side_;
  static inline std::unique_ptr<Game> game_;
  Channel channel_{*platform_};
  const std::string session_ = LinkAndGoLive(channel_);
  int viewers_ = 0;
};

TEST_F(Association, ByInGameSessionIsSetChangedAndRemoved) {
  const Stream first = GoLive();
  const Stream second = GoLive();
  ExpectToBecome("no_session", {first, second});
  ASSERT_TRUE(channel_.Associate(session_, first.session).ok());
  ExpectToFeed(first, {second});
  ASSERT_TRUE(channel_.Associate(session_, second.session).ok());
  ExpectToFeed(second, {first});
  ASSERT_TRUE(channel_.Associate(session_, "").ok());
  ExpectToBecome("no_session", {first, second});
  ASSERT_TRUE(channel_.Associate(session_, first.session).ok());
  ExpectToFeed(first, {second});

  // Not everybody's crowd may be lent to everybody.
  const Stream strangers = game_->GoLive();
  ASSERT_TRUE(channel_.Associate(session_, strangers.session).ok());
  ExpectToBecome("foreign", {first, second, strangers});
  // Nor to one that is over.
  ASSERT_TRUE(channel_.Associate(session_, first.session).ok());
  game_->End(first);
  ExpectToBecome("no_session", {second, strangers});
}

TEST_F(Association, ByPlatformSessionHoldsUntilAnotherIsNamed) {
  const Stream own = GoLive(session_);
  const Stream other = GoLive();
  ExpectToFeed(own, {other});
  ASSERT_TRUE(channel_.Associate(session_, other.session).ok());
  ExpectToFeed(other, {own});
  ASSERT_TRUE(channel_.Associate(session_, "").ok());
  ExpectToFeed(own, {other});
  EXPECT_EQ(game_->Truth(own).platform_session_ids(0), session_);

  // Who takes another's platform session for their own gets nothing of it.
  const Stream thief = game_->GoLive({.platform_session = session_});
  ExpectToFeed(own, {other, thief});
  game_->End(own);
  ExpectToBecome("foreign", {other, thief});
}

TEST_F(Association, TwoPlatformSessionsFeedOne) {
  const Stream stream = GoLive(session_);
  Channel custom(*platform_, channel_.account());
  const auto link = custom.LinkCustom();
  const auto post = [&](const std::string& type, const json& data) {
    const json message{{"id", Uuid::V4().ToString()},
                       {"type", type},
                       {"at", common::FormatTime(common::Now())},
                       {"data", data}};
    const std::string body = message.dump();
    return ValueOf(
               common::http::Client().Send({.method = "POST",
                                            .url = link.webhook_url(),
                                            .headers = CustomHeaders(link.webhook_secret(), body),
                                            .body = body}))
        .status;
  };
  ASSERT_EQ(post("online", json::object()), 204);
  ASSERT_TRUE(Eventually([&] { return channel_.Sessions().sessions_size() == 2; }));
  std::string second;
  const auto listed = channel_.Sessions();
  for (const auto& session : listed.sessions()) {
    if (session.platform_session_id() != session_) second = session.platform_session_id();
  }
  ASSERT_TRUE(channel_.Associate(second, stream.session).ok());
  ExpectToFeed(stream, {});
  ASSERT_EQ(post("chat", {{"user", {{"id", "7"}}}, {"text", "love this"}}), 204);
  EXPECT_TRUE(Eventually([&] { return Applied(stream) == 2; }));
  const auto truth = game_->Truth(stream);
  EXPECT_EQ(std::set<std::string>(truth.platform_session_ids().begin(),
                                  truth.platform_session_ids().end()),
            (std::set<std::string>{session_, second}));
}

TEST(AssociationOff, NothingIsTakenUntilItIsOn) {
  const NatsServer nats;
  const std::string bus = "NATS_URL=" + nats.url();
  const PlatformSide platform(With(kEverythingCounts, {bus}));
  GameSide side(With(kNoRounds, {bus, "REAL_AUDIENCE_BLENDING_ENABLED=false"}));
  Game game(side.daemon);
  game.Seed(kMembers);
  Channel channel(platform);
  const std::string session = LinkAndGoLive(channel);
  const Stream stream = game.GoLive({.account = channel.account(), .platform_session = session});
  channel.Chat("viewer");
  PulseLedger ledger(nats.url());
  EXPECT_TRUE(Eventually([&] { return ledger.EntriesOf(session) == 1; }));
  EXPECT_FALSE(RealCrowd(nats.url()).SomebodyBlends());
  EXPECT_FALSE(game.Truth(stream).has_last_pulse_at());

  // It waits there for as long as it is news.
  side.daemon.Stop();
  side.daemon.Set({"REAL_AUDIENCE_BLENDING_ENABLED=true"});
  side.daemon.Start();
  EXPECT_TRUE(Eventually([&] { return Outcomes(side.daemon, "applied") == 1; }));
  EXPECT_EQ(game.Truth(stream).pulses_applied(), 1);
}

// --- The platform side dies in the middle.
// --------------------------------------------------------

class PlatformLoss : public testing::Test {
 protected:
  double Mood() {
    double sum = 0;
    const auto truth = game_.Truth(stream_);
    for (const auto& [word, level] : truth.mood()) sum += level;
    return sum;
  }
  double Rounds() const { return side_.daemon.Metric("streaming_round_steps_total"); }
  // Whatever a player may ask; an error throws.
  void PlayOn() {
    EXPECT_GT(game_.Audience(stream_).total_count(), 0);
    EXPECT_EQ(game_.Status(stream_).status(), v1::STREAM_SESSION_STATUS_LIVE);
    ValueOf(game_.PlayerTells(stream_, v1::REACTION_EVENT_TYPE_DISCOVERY, 0.1f));
  }

  const NatsServer nats_;
  const std::string bus_ = "NATS_URL=" + nats_.url();
  PlatformSide platform_{With(kEverythingCounts, {bus_})};
  const GameSide side_{{bus_, "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1",
                        "AUDIENCE_UPDATE_INTERVAL_SECONDS=1", "USER_REACTIONS_PER_MINUTE=6000",
                        "REAL_DERIVED_VIEWER_DECAY_RATE=0.9"}};
  Game game_{side_.daemon};
  const int members_ = game_.Seed(kMembers);
  Channel channel_{platform_};
  const std::string session_ = LinkAndGoLive(channel_);
  const Stream stream_ = game_.GoLive({.usual_audience = kUsualAudience,
                                       .account = channel_.account(),
                                       .platform_session = session_});
};

TEST_F(PlatformLoss, TheCrowdFadesAndTheGameGoesOn) {
  const RealCrowd bus(nats_.url());
  const Watching watching(OwnChannel(side_.daemon.grpc_address()),
                          "Bearer " + Sign(Claims(stream_.account, {"user"}, {"in_game"})),
                          stream_.session);
  for (int i = 0; i < 5; ++i) channel_.Chat("viewer_" + std::to_string(i), {"subscriber"});
  EXPECT_TRUE(Eventually([&] { return Mood() > 0; }));
  channel_.AwaitQuiet();
  platform_.daemon.Kill();
  EXPECT_TRUE(Eventually([&] { return bus.AllAreTaken(); }));

  // Round by round, to nothing.
  std::vector<double> moods = {Mood()};
  EXPECT_TRUE(Eventually(
      [&] {
        PlayOn();
        if (const double mood = Mood(); mood != moods.back()) moods.push_back(mood);
        return moods.back() == 0;
      },
      std::chrono::seconds(60)));
  EXPECT_GE(moods.size(), 4u) << "it was gone at once";
  EXPECT_TRUE(std::is_sorted(moods.rbegin(), moods.rend()));

  // Nothing stands still, and nobody's watch has ended.
  const double rounds = Rounds();
  const size_t updates = watching.Count(Watching::Event::kAudienceUpdate);
  EXPECT_TRUE(Eventually([&] {
    PlayOn();
    return Rounds() > rounds && watching.Count(Watching::Event::kAudienceUpdate) > updates;
  }));
  EXPECT_FALSE(watching.HasEnded());

  platform_.daemon.Start();
  const int64_t applied = game_.Truth(stream_).pulses_applied();
  channel_.Chat("somebody_new");
  EXPECT_TRUE(Eventually([&] { return game_.Truth(stream_).pulses_applied() > applied; }));
  EXPECT_GT(Mood(), 0);
  PlayOn();
  EXPECT_FALSE(watching.HasEnded());
}

}  // namespace
}  // namespace story
