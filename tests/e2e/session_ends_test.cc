// Sessions that others end: a game session that is over, a player who is gone.
#include <chrono>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/nats/jetstream.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/settings.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;
using std::chrono::seconds;

constexpr auto kCustomEvent = v1::REACTION_EVENT_TYPE_CUSTOM_EVENT;
constexpr auto kEnded = v1::STREAM_SESSION_STATUS_ENDED;
constexpr auto kSessionEnded = v1::STREAM_END_REASON_SESSION_ENDED;
constexpr auto kDisconnected = v1::STREAM_END_REASON_DISCONNECTED;

// Another service of the game.
class OtherService {
 public:
  explicit OtherService(const std::string& url)
      : connection_(ValueOf(common::nats::Connection::Connect({.url = url}))),
        jetstream_(ValueOf(common::nats::JetStream::Make(*connection_))) {}

  void Tell(const std::string& subject, const json& body) {
    ValueOf(jetstream_->Publish(subject, body.dump(), {}, ""));
  }
  void TellDisconnect(const Uuid& account, bool reconnectable) {
    Tell("session.disconnected",
         {{"accountId", account.ToString()}, {"reconnectable", reconnectable}, {"new", 1}});
  }
  common::nats::JetStream& jetstream() { return *jetstream_; }

 private:
  std::unique_ptr<common::nats::Connection> connection_;
  std::unique_ptr<common::nats::JetStream> jetstream_;
};

// A game side whose NATS nobody else uses.
struct OutsideSide {
  common::testing::NatsServer nats;
  GameSide game;

  explicit OutsideSide(const std::vector<std::string>& settings) : game(With(settings, nats)) {}

 private:
  static std::vector<std::string> With(std::vector<std::string> settings,
                                       const common::testing::NatsServer& nats) {
    settings.push_back("NATS_URL=" + nats.url());
    return settings;
  }
};

// The end of a session, by the record.
struct End {
  int status = 0;
  int reason = 0;  // 0 = none yet
  bool was_live = false;
  std::optional<common::Time> at;
};

class OutsideTest {
 public:
  explicit OutsideTest(const OutsideSide& side)
      : game_(side.game.daemon),
        others_(side.nats.url()),
        database_(OpenDatabase(side.game.daemon.database())) {
    game_.Seed(1000);
  }

 protected:
  End EndOf(const Stream& stream) {
    const auto rows = ValueOf(database_->Query(
        "SELECT status, COALESCE(end_reason, 0), started_at IS NOT NULL, ended_at FROM session "
        "WHERE id = ?",
        *Uuid::Parse(stream.session)));
    return {rows[0].Get<int>(0), rows[0].Get<int>(1), rows[0].Get<bool>(2),
            rows[0].Get<std::optional<common::Time>>(3)};
  }
  bool Ends(const Stream& stream) {
    return Eventually([&] { return EndOf(stream).status == kEnded; });
  }

  Game game_;
  OtherService others_;
  std::unique_ptr<common::mysql::Connection> database_;
};

class OutsideEnds : public SettingsTest<OutsideEnds, OutsideSide>, public OutsideTest {
 public:
  static Values GivenValues() { return {{"DISCONNECT_GRACE_SECONDS", "2"}}; }

 protected:
  OutsideEnds() : OutsideTest(side()) {}
  static const Daemon& daemon() { return side().game.daemon; }
};

TEST_F(OutsideEnds, AGameSessionTakesItsStreamsWithIt) {
  int ends = 0;
  for (const char* subject :
       {"game-session.ended", "game-session.deleted", "game-session.cancelled"}) {
    const Uuid game_session = Uuid::V4();
    const Uuid other_game_session = Uuid::V4();
    const Stream live = game_.GoLive({.game_session = game_session});
    const Stream other_live = game_.GoLive({.game_session = game_session});
    const Stream pending = game_.Create({.game_session = game_session});
    const Stream elsewhere = game_.GoLive({.game_session = other_game_session});
    others_.Tell(subject, {{"sessionId", game_session.ToString()}});
    for (const Stream& stream : {live, other_live, pending}) {
      ASSERT_TRUE(Ends(stream)) << subject;
      EXPECT_EQ(EndOf(stream).reason, kSessionEnded);
    }
    EXPECT_TRUE(EndOf(live).was_live);
    EXPECT_FALSE(EndOf(pending).was_live) << "it is cancelled";
    EXPECT_EQ(EndOf(elsewhere).status, v1::STREAM_SESSION_STATUS_LIVE);
    // Twice is once; messages are read in their order.
    others_.Tell(subject, {{"sessionId", game_session.ToString()}});
    others_.Tell(subject, {{"sessionId", other_game_session.ToString()}});
    ASSERT_TRUE(Ends(elsewhere));
    ends += 4;
    const std::string metric = "streaming_session_outside_ends_total{event=\"game-session\"}";
    EXPECT_TRUE(Eventually([&] { return daemon().Metric(metric) >= ends; }));
    EXPECT_EQ(daemon().Metric(metric), ends);
  }
}

TEST_F(OutsideEnds, ADisconnectedPlayerMayComeBackForAWhile) {
  const Stream gone = game_.GoLive();
  const Stream gone_early = game_.Create();
  const Stream back = game_.GoLive();
  const Stream kicked = game_.GoLive();
  const common::Time told = common::Now();
  for (const Stream& stream : {gone, gone_early, back}) {
    others_.TellDisconnect(stream.account, true);
  }
  game_.ServerTells(back, kCustomEvent, 0.1f);
  others_.TellDisconnect(kicked.account, false);
  ASSERT_TRUE(Ends(kicked));
  EXPECT_EQ(EndOf(kicked).reason, kDisconnected);

  for (const Stream& stream : {gone, gone_early}) {
    ASSERT_TRUE(Ends(stream));
    EXPECT_EQ(EndOf(stream).reason, kDisconnected);
    // The server of NATS rounds its own clock; the daemon's word is exact.
    EXPECT_GE(*EndOf(stream).at - told,
              seconds(Number("DISCONNECT_GRACE_SECONDS")) - std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(
      Eventually([&] { return daemon().Metric("streaming_session_reconnects_total") == 1; }));
  EXPECT_EQ(EndOf(back).status, v1::STREAM_SESSION_STATUS_LIVE);

  // Later he is gone for good.
  others_.TellDisconnect(back.account, true);
  ASSERT_TRUE(Ends(back));
}

TEST_F(OutsideEnds, AGraceOutlivesTheDaemon) {
  const Stream gone = game_.GoLive();
  const Stream kicked = game_.GoLive();
  others_.TellDisconnect(gone.account, true);
  others_.TellDisconnect(kicked.account, false);
  ASSERT_TRUE(Ends(kicked)) << "so that the one before waits";
  side().game.daemon.Kill();
  side().game.daemon.Start();
  ASSERT_TRUE(Ends(gone));
  EXPECT_EQ(EndOf(gone).reason, kDisconnected);
}

TEST_F(OutsideEnds, WhatNobodyCanReadIsPutAside) {
  others_.Tell("game-session.ended", {{"sessionId", 7}});
  others_.Tell("game-session.deleted", {{"session", Uuid::V4().ToString()}});
  others_.Tell("session.disconnected", {{"accountId", "nobody"}});
  const auto buried = [](const std::string& consumer) {
    return daemon().Metric("nats_consumer_buried_total{consumer=\"" + consumer +
                           "\",stream=\"INBOUND\"}");
  };
  EXPECT_TRUE(Eventually([&] {
    return buried("streaming_game_sessions") == 2 && buried("streaming_disconnects") == 1;
  }));
}

TEST_F(OutsideEnds, WhatCannotBeDoneNowIsDoneSoon) {
  const Uuid game_session = Uuid::V4();
  const Stream stream = game_.GoLive({.game_session = game_session});
  {
    const Silence silence(common::testing::SharedRedis());
    others_.Tell("game-session.ended", {{"sessionId", game_session.ToString()}});
    EXPECT_TRUE(
        Eventually([&] { return daemon().Log().find("message.unanswered") != std::string::npos; }));
    EXPECT_EQ(EndOf(stream).status, v1::STREAM_SESSION_STATUS_ENDING);
  }
  ASSERT_TRUE(Ends(stream));
  EXPECT_EQ(EndOf(stream).reason, kSessionEnded);
}

TEST(OutsideEndsOfTwo, ShareWhatTheyHear) {
  common::testing::NatsServer nats;
  OtherService others(nats.url());
  const GameSide one({"NATS_URL=" + nats.url()});
  const GameSide other({"NATS_URL=" + nats.url(), "MYSQL_DATABASE=" + one.daemon.database()});
  Game game(one.daemon);
  game.Seed(1000);
  constexpr int kStreams = 12;
  std::vector<Stream> streams;
  streams.reserve(kStreams);
  for (int i = 0; i < kStreams; ++i) streams.push_back(game.GoLive());
  for (const Stream& stream : streams) others.TellDisconnect(stream.account, false);
  for (const Stream& stream : streams) {
    EXPECT_TRUE(Eventually([&] { return game.Status(stream).status() == kEnded; }));
  }
  const std::string ends = "streaming_session_outside_ends_total{event=\"session.disconnected\"}";
  EXPECT_TRUE(
      Eventually([&] { return one.daemon.Metric(ends) + other.daemon.Metric(ends) >= kStreams; }));
  EXPECT_EQ(one.daemon.Metric(ends) + other.daemon.Metric(ends), kStreams);
}

// Other ones than INBOUND, and more disconnects at once than a consumer delivers by default.
TEST(InboundStreams, AnotherStreamHasTheSubjects) {
  common::testing::NatsServer nats;
  OtherService others(nats.url());
  const std::vector<common::nats::StreamSpec> streams = {
      {.name = "WORLD",
       .subjects = {"game-session.>", "session.>", "account.deleted", "character.deleted",
                    "game-service.deleted"}}};
  ASSERT_TRUE(others.jetstream().Declare(streams).ok());
  {
    GameSide unheard;
    unheard.daemon.Stop();
    unheard.daemon.Set({"NATS_URL=" + nats.url(), "INBOUND_STREAM=SKY"});
    const Ended ended = unheard.daemon.RunCommand("");
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("no stream SKY"), std::string::npos);
  }
  const GameSide side(
      {"INBOUND_STREAM=WORLD", "NATS_URL=" + nats.url(), "DISCONNECT_GRACE_SECONDS=86400"});
  Game game(side.daemon);
  game.Seed(1000);
  const Uuid game_session = Uuid::V4();
  const Stream of_game = game.GoLive({.game_session = game_session});
  const Stream waits = game.GoLive();
  const Stream kicked = game.GoLive();

  others.TellDisconnect(Uuid::V4(), true);
  for (int i = 0; i < 1100; ++i) others.TellDisconnect(waits.account, true);
  others.TellDisconnect(kicked.account, false);
  const auto status = [&](const Stream& stream) { return game.Status(stream).status(); };
  EXPECT_TRUE(Eventually([&] { return status(kicked) == kEnded; }));
  EXPECT_EQ(status(waits), v1::STREAM_SESSION_STATUS_LIVE);

  others.Tell("game-session.created", {{"sessionId", game_session.ToString()}});
  others.Tell("session.connected", {{"accountId", of_game.account.ToString()}});
  others.Tell("game-session.deleted", {{"sessionId", Uuid::V4().ToString()}});
  EXPECT_EQ(status(of_game), v1::STREAM_SESSION_STATUS_LIVE);
  others.Tell("game-session.ended", {{"sessionId", game_session.ToString()}});
  EXPECT_TRUE(Eventually([&] { return status(of_game) == kEnded; }));
}

}  // namespace
}  // namespace story
