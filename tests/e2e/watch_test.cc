// What a game's front end sees of a session: through WatchStreamSession, with slow and dead
// watchers and with two thousand of them, and on client.streaming.* as JSON.
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/nats/connection.h"
#include "tests/e2e/game.h"
#include "tests/story/watching.h"
#include "tests/story/wire.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;
using testing::ElementsAreArray;
using testing::IsEmpty;
using Event = Watching::Event;

// A few reports make a train, and a few more complete it.
const std::vector<std::string> kQuickTrains = {
    "AUDIENCE_UPDATE_INTERVAL_SECONDS=1", "HYPE_TRAIN_LEVELS=2", "HYPE_TRAIN_COOLDOWN_SECONDS=0",
    "WORLD_FIRST_HYPE_MULTIPLIER=100", "MAX_WATCHERS=3000"};

std::string Player(const Uuid& account = Uuid::V4()) {
  return "Bearer " + Sign(Claims(account, {"user"}, {"in_game"}));
}
std::string Service() { return "Bearer " + Sign(Claims(Uuid::V4(), {"service"}, {})); }

// The ids of the events of these kinds, in order.
std::vector<std::string> Ids(const std::vector<Event>& events, const std::set<int>& kinds) {
  std::vector<std::string> ids;
  for (const Event& event : events) {
    if (!kinds.contains(event.event_case())) continue;
    const auto* set =
        Event::GetReflection()->GetOneofFieldDescriptor(event, Event::descriptor()->oneof_decl(0));
    const auto& part = Event::GetReflection()->GetMessage(event, set);
    ids.push_back(
        part.GetReflection()->GetString(part, part.GetDescriptor()->FindFieldByName("event_id")));
  }
  return ids;
}
const std::set<int> kTrain = {Event::kHypeStarted, Event::kHypeCompleted};

class WatchTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { side_ = std::make_unique<GameSide>(kQuickTrains); }
  static void TearDownTestSuite() { side_ = nullptr; }
  void SetUp() override { game_.Seed(2000); }

  static const Daemon& daemon() { return side_->daemon; }
  static std::string address() { return daemon().grpc_address(); }
  static double Watchers() { return daemon().Metric("streaming_watchers"); }

  Stream GoLive() { return game_.GoLive({.usual_audience = 60}); }
  // A train from its beginning to its end.
  void PlayTrain(const Stream& stream) {
    BeginTrain(stream);
    for (int i = 0; i < 12 && game_.Hype(stream).is_active(); ++i) Excite(stream);
  }
  void BeginTrain(const Stream& stream) {
    for (int i = 0; i < 12 && !game_.Hype(stream).is_active(); ++i) Excite(stream);
  }
  void Excite(const Stream& stream) {
    game_.ServerTells(stream, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1);
  }

  static inline std::unique_ptr<GameSide> side_;
  Game game_{daemon()};
};

TEST_F(WatchTest, OwnerAndStrangerSeeWhatHappensAndTheBusSaysTheSame) {
  const Stream stream = GoLive();
  std::mutex mutex;
  std::vector<json> heard;
  common::nats::Options options;
  options.url = common::testing::SharedNats().url();
  const auto bus = common::nats::Connection::Connect(options);
  ASSERT_TRUE(bus.ok());
  ASSERT_TRUE((*bus)
                  ->Subscribe("client.streaming." + stream.session,
                              [&](std::string_view, std::string_view text) {
                                const std::lock_guard lock(mutex);
                                heard.push_back(json::parse(text));
                              })
                  .ok());
  Watching owner(OwnChannel(address()), Player(stream.account), stream.session);
  Watching stranger(OwnChannel(address()), Player(), stream.session);
  ASSERT_TRUE(owner.Has(Event::kAudienceUpdate, 3));
  ASSERT_TRUE(stranger.Has(Event::kAudienceUpdate, 2));
  BeginTrain(stream);
  game_.ServerTells(stream, v1::REACTION_EVENT_TYPE_DISCOVERY, 0.3f);
  PlayTrain(stream);
  for (const Watching* watching : {&owner, &stranger}) {
    EXPECT_TRUE(watching->Has(Event::kHypeStarted));
    EXPECT_TRUE(watching->Has(Event::kHypeCompleted));
    EXPECT_TRUE(watching->Has(Event::kHypeProgress));
    EXPECT_TRUE(watching->Has(Event::kAudienceReaction, 2));
  }
  const auto status = game_.Status(stream);
  const size_t before = owner.Count(Event::kAudienceUpdate);
  ASSERT_TRUE(owner.Has(Event::kAudienceUpdate, before + 2));
  for (const Event& event : owner.Seen()) {
    if (!event.has_audience_update()) continue;
    const auto& update = event.audience_update();
    const auto& parts = update.engagement_breakdown();
    EXPECT_EQ(update.audience_count(), parts.high_engagement() + parts.medium_engagement() +
                                           parts.low_engagement() + parts.lurking());
    EXPECT_GE(update.peak_audience_count(), update.audience_count());
    EXPECT_LE(update.notable_viewer_count(), 10);
  }
  EXPECT_GT(status.peak_audience_count(), 0);

  game_.End(stream);
  EXPECT_TRUE(owner.End().ok()) << owner.End().error_message();
  EXPECT_TRUE(stranger.End().ok());
  EXPECT_GE(owner.Count(Event::kMilestone), 1u) << "its first world firsts";
  EXPECT_EQ(stranger.Count(Event::kMilestone), 0u);

  // Whoever listens to the bus gets the same, and in the same order.
  const auto told = [&](const std::set<std::string>& names) {
    const std::lock_guard lock(mutex);
    std::vector<std::string> ids;
    for (const json& event : heard) {
      if (names.contains(event["event_name"])) ids.push_back(event["event_id"]);
    }
    return ids;
  };
  const std::set<std::string> train = {"streaming.hype_started", "streaming.hype_completed"};
  const auto milestones = Ids(owner.Seen(), {Event::kMilestone});
  EXPECT_TRUE(
      Eventually([&] { return told({"streaming.milestone"}).size() >= milestones.size(); }));
  EXPECT_THAT(told(train), ElementsAreArray(Ids(owner.Seen(), kTrain)));
  EXPECT_THAT(told(train), ElementsAreArray(Ids(stranger.Seen(), kTrain)));
  EXPECT_THAT(told({"streaming.milestone"}), testing::UnorderedElementsAreArray(milestones));
}

TEST_F(WatchTest, WhoResumesThroughAnotherInstanceMissesNothingAndSeesNothingTwice) {
  std::vector<std::string> settings = kQuickTrains;
  settings.push_back("MYSQL_DATABASE=" + daemon().database());
  const GameSide other(settings);
  const Stream stream = GoLive();
  Watching all(OwnChannel(address()), Service(), stream.session);
  ASSERT_TRUE(all.Has(Event::kAudienceUpdate));
  std::vector<std::string> seen;
  std::optional<uint64_t> cursor;
  for (int i = 0; i < 4; ++i) {
    const Daemon& here = i % 2 == 0 ? daemon() : other.daemon;
    Watching part(OwnChannel(here.grpc_address()), Player(), stream.session, cursor);
    ASSERT_TRUE(part.Has(Event::kAudienceUpdate));
    const size_t before = part.Count(Event::kHypeStarted);
    PlayTrain(stream);
    ASSERT_TRUE(part.Has(Event::kHypeStarted, before + 1));
    part.Leave();
    part.End();
    for (const std::string& id : Ids(part.Seen(), kTrain)) seen.push_back(id);
    cursor = part.cursor();
    PlayTrain(stream);  // while nobody of his looks
  }
  game_.End(stream);
  Watching rest(OwnChannel(other.daemon.grpc_address()), Player(), stream.session, cursor);
  EXPECT_TRUE(rest.End().ok());
  for (const std::string& id : Ids(rest.Seen(), kTrain)) seen.push_back(id);
  EXPECT_TRUE(all.End().ok());
  EXPECT_THAT(seen, ElementsAreArray(Ids(all.Seen(), kTrain)));
  EXPECT_GE(seen.size(), 16u);
}

TEST_F(WatchTest, ASlowWatcherLosesSnapshotsAndReactionsAndIsToldHowMany) {
  const Stream stream = GoLive();
  Watching quick(OwnChannel(address()), Service(), stream.session);
  Watching slow(NarrowChannel(address()), Service(), stream.session, std::nullopt, false);
  ASSERT_TRUE(Eventually([] { return Watchers() == 2; }));
  PlayTrain(stream);
  ASSERT_TRUE(quick.Has(Event::kHypeCompleted));
  const double dropped = daemon().Metric("streaming_watch_dropped_total");
  for (int i = 0; i < 300; ++i) {
    game_.ServerTells(stream, v1::REACTION_EVENT_TYPE_DISCOVERY, 0.9f);
  }
  EXPECT_TRUE(
      Eventually([&] { return daemon().Metric("streaming_watch_dropped_total") > dropped + 50; }));
  slow.Read();
  EXPECT_TRUE(Eventually([&] { return Ids(slow.Seen(), kTrain) == Ids(quick.Seen(), kTrain); }));
  uint32_t gaps = 0;
  for (const Event& event : slow.Seen()) gaps += event.gap();
  EXPECT_GT(gaps, 50u);
  for (const Event& event : quick.Seen()) EXPECT_EQ(event.gap(), 0u);
  EXPECT_FALSE(slow.HasEnded());
}

TEST_F(WatchTest, AWatcherWhoIsTooSlowForHypeIsOutAndResumesWhereHeWas) {
  const Stream stream = GoLive();
  Watching quick(OwnChannel(address()), Service(), stream.session);
  Watching slow(NarrowChannel(address()), Service(), stream.session, std::nullopt, false);
  const Watching frozen(NarrowChannel(address()), Service(), stream.session, std::nullopt, false);
  ASSERT_TRUE(Eventually([] { return Watchers() == 3; }));
  const auto out = [] {
    return daemon().Metric("streaming_watch_ends_total{outcome=\"too_slow\"}");
  };
  for (int i = 0; i < 200 && quick.Count(Event::kHypeCompleted) < 60; ++i) PlayTrain(stream);
  slow.Read();
  const grpc::Status status = slow.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "WATCHER_TOO_SLOW");
  EXPECT_EQ(info.metadata().at("cursor"), std::to_string(slow.cursor()));
  EXPECT_EQ(out(), 1);
  // Who reads nothing at all hears of nothing; he is cut off.
  EXPECT_TRUE(Eventually([] { return Watchers() == 1; }, std::chrono::seconds(30)));
  EXPECT_EQ(out(), 2);
  EXPECT_TRUE(frozen.HasEnded() || frozen.Count() == 0);
  Watching back(OwnChannel(address()), Service(), stream.session, slow.cursor());
  // What happened last may still be on its way to either.
  EXPECT_TRUE(Eventually([&] {
    auto seen = Ids(slow.Seen(), kTrain);
    for (const std::string& id : Ids(back.Seen(), kTrain)) seen.push_back(id);
    return seen == Ids(quick.Seen(), kTrain);
  }));
}

// A client that froze: its connection stands, and nothing is read from it.
TEST_F(WatchTest, ADeadWatcherHurtsNobodyAndIsForgotten) {
  const Stream stream = GoLive();
  const pid_t dead = fork();
  if (dead == 0) {
    const std::string token = Service().substr(7);
    execl(Program("call").c_str(), "call", address().c_str(),
          "bannou.streaming.v1.StreamSessionService/WatchStreamSession",
          json{{"session_id", stream.session}}.dump().c_str(), "--token", token.c_str(),
          "--deadline", "600", nullptr);
    _exit(1);
  }
  Watching quick(OwnChannel(address()), Service(), stream.session);
  ASSERT_TRUE(Eventually([] { return Watchers() == 2; }));
  kill(dead, SIGSTOP);
  for (int i = 0; i < 10; ++i) PlayTrain(stream);
  EXPECT_TRUE(quick.Has(Event::kHypeCompleted, 10));
  EXPECT_FALSE(quick.HasEnded());
  kill(dead, SIGKILL);
  waitpid(dead, nullptr, 0);
  EXPECT_TRUE(Eventually([] { return Watchers() == 1; }));
}

TEST_F(WatchTest, TwoThousandWatchersSeeTheSame) {
  constexpr int kWatchers = 2000;
  constexpr int kChannels = 4;
  const Stream stream = GoLive();
  const std::string token = Service();
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < kChannels; ++i) channels.push_back(OwnChannel(address()));
  std::vector<std::unique_ptr<Watching>> all;
  for (int i = 0; i < kWatchers; ++i) {
    all.push_back(std::make_unique<Watching>(channels[i % kChannels], token, stream.session));
    // Not more at once than wait for a thread.
    if (i % 100 == 99) {
      ASSERT_TRUE(Eventually([i] { return Watchers() == i + 1; }));
    }
  }
  for (int i = 0; i < 3; ++i) PlayTrain(stream);
  for (const auto& watching : all) ASSERT_TRUE(watching->Has(Event::kHypeCompleted, 3));
  const auto expected = Ids(all[0]->Seen(), kTrain);
  for (const auto& watching : all) {
    ASSERT_THAT(Ids(watching->Seen(), kTrain), ElementsAreArray(expected));
  }
  game_.End(stream);
  for (const auto& watching : all) ASSERT_TRUE(watching->End().ok());
  EXPECT_TRUE(Eventually([] { return Watchers() == 0; }));
}

TEST_F(WatchTest, OnlyWhatIsActiveIsWatched) {
  const Stream stream = GoLive();
  Watching watch(OwnChannel(address()), Player(), stream.session);
  ASSERT_TRUE(watch.Has(Event::kAudienceUpdate));
  Watching expired(OwnChannel(address()), Player(), stream.session, uint64_t{1} << 40);
  EXPECT_EQ(ReasonOf(expired.End()), "CURSOR_EXPIRED");
  Watching nothing(OwnChannel(address()), Player(), Uuid::V4().ToString());
  EXPECT_EQ(ReasonOf(nothing.End()), "SESSION_NOT_FOUND");
  Watching nonsense(OwnChannel(address()), Player(), "nonsense");
  EXPECT_EQ(ReasonOf(nonsense.End()), "INVALID_FIELDS");
  Watching nobody(OwnChannel(address()), "Bearer x", stream.session);
  EXPECT_EQ(ReasonOf(nobody.End()), "TOKEN_INVALID");
  game_.End(stream);
  EXPECT_TRUE(watch.End().ok());
  Watching late(OwnChannel(address()), Player(), stream.session);
  EXPECT_EQ(ReasonOf(late.End()), "SESSION_NOT_ACTIVE");
}

TEST(WatchSettings, AnInstanceHasSoManyWatchers) {
  const GameSide side({"MAX_WATCHERS=2"});
  Game game(side.daemon);
  game.Seed(200);
  const Stream stream = game.GoLive();
  const auto channel = OwnChannel(side.daemon.grpc_address());
  const Watching one(channel, Service(), stream.session);
  const Watching two(channel, Service(), stream.session);
  ASSERT_TRUE(Eventually([&] { return side.daemon.Metric("streaming_watchers") == 2; }));
  const Watching three(channel, Service(), stream.session);
  EXPECT_EQ(ReasonOf(three.End()), "TOO_MANY_WATCHERS");
}

TEST(WatchSettings, AnAccountWatchesSoOften) {
  const GameSide side({"MAX_WATCHES_PER_ACCOUNT=2"});
  Game game(side.daemon);
  game.Seed(200);
  const Stream stream = game.GoLive();
  const Uuid account = Uuid::V4();
  const auto channel = OwnChannel(side.daemon.grpc_address());
  const Watching one(channel, Player(account), stream.session);
  auto two = std::make_unique<Watching>(channel, Player(account), stream.session);
  ASSERT_TRUE(one.Has(Event::kAudienceUpdate));
  ASSERT_TRUE(two->Has(Event::kAudienceUpdate));
  const Watching three(channel, Player(account), stream.session);
  EXPECT_EQ(ReasonOf(three.End()), "TOO_MANY_WATCHERS");
  const Watching others(channel, Player(), stream.session);
  EXPECT_TRUE(others.Has(Event::kAudienceUpdate));
  two = nullptr;
  ASSERT_TRUE(Eventually([&] { return side.daemon.Metric("streaming_watchers") == 2; }));
  const Watching again(channel, Player(account), stream.session);
  EXPECT_TRUE(again.Has(Event::kAudienceUpdate));
}

// STREAMING_AUDIENCE_UPDATE_INTERVAL_SECONDS, beside one daemon that hardly sends any.
TEST(WatchSettings, SnapshotsComeAsOftenAsWished) {
  const GameSide often({"AUDIENCE_UPDATE_INTERVAL_SECONDS=1"});
  const GameSide seldom({"AUDIENCE_UPDATE_INTERVAL_SECONDS=3600"});
  Game here(often.daemon);
  Game there(seldom.daemon);
  here.Seed(200);
  there.Seed(200);
  const Stream one = here.GoLive();
  const Stream other = there.GoLive();
  const Watching watching(OwnChannel(often.daemon.grpc_address()), Service(), one.session);
  const Watching waiting(OwnChannel(seldom.daemon.grpc_address()), Service(), other.session);
  EXPECT_TRUE(watching.Has(Event::kAudienceUpdate, 5));
  EXPECT_LE(waiting.Count(Event::kAudienceUpdate), 2u) << "the first, and perhaps one more";
}

// Its messages are on disk; its consumers and the daemon's subscription come back by themselves.
TEST(WatchOutage, ANatsThatComesBackHasLostNoHype) {
  common::testing::NatsServer nats;
  const Daemon daemon("streaming", "STREAMING", kQuickTrains,
                      {nats, common::testing::SharedRedis(), common::testing::SharedMariaDb()});
  Game game(daemon);
  game.Seed(2000);
  const Stream stream = game.GoLive({.usual_audience = 60});
  Watching watching(OwnChannel(daemon.grpc_address()), Service(), stream.session);
  const auto excite = [&] { game.ServerTells(stream, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1); };
  for (int i = 0; i < 6; ++i) excite();
  ASSERT_TRUE(watching.Has(Event::kHypeStarted));
  nats.Stop();
  for (int i = 0; i < 20; ++i) excite();
  const size_t before = watching.Count(Event::kHypeStarted);
  nats.Start();
  EXPECT_TRUE(watching.Has(Event::kHypeStarted, before + 1));
  const size_t snapshots = watching.Count(Event::kAudienceUpdate);
  EXPECT_TRUE(watching.Has(Event::kAudienceUpdate, snapshots + 2));
  game.End(stream);
  EXPECT_TRUE(watching.End().ok());
  const auto trains = Ids(watching.Seen(), kTrain);
  EXPECT_EQ(std::set<std::string>(trains.begin(), trains.end()).size(), trains.size());
  EXPECT_EQ(watching.Count(Event::kHypeStarted), watching.Count(Event::kHypeCompleted));
}

// Sequences begin at one again, and cursors of before mean nothing.
TEST(WatchOutage, ANatsThatLostItsStreamsEndsWatchesAndGoesOn) {
  common::testing::NatsServer nats;
  const Daemon daemon("streaming", "STREAMING", kQuickTrains,
                      {nats, common::testing::SharedRedis(), common::testing::SharedMariaDb()});
  Game game(daemon);
  game.Seed(2000);
  const Stream stream = game.GoLive({.usual_audience = 60});
  const auto excite = [&] {
    for (int i = 0; i < 10; ++i) game.ServerTells(stream, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1);
  };
  Watching before(OwnChannel(daemon.grpc_address()), Service(), stream.session);
  excite();
  ASSERT_TRUE(before.Has(Event::kHypeCompleted));
  nats.Stop();
  std::filesystem::remove_all(nats.directory() / "jetstream");
  nats.Start();
  EXPECT_EQ(ReasonOf(before.End()), "CURSOR_EXPIRED");
  std::unique_ptr<Watching> after;
  ASSERT_TRUE(Eventually([&] {
    after =
        std::make_unique<Watching>(OwnChannel(daemon.grpc_address()), Service(), stream.session);
    return after->Has(Event::kAudienceUpdate);
  }));
  excite();
  EXPECT_TRUE(after->Has(Event::kHypeStarted));
  EXPECT_LT(after->cursor(), before.cursor() + 100);
}

TEST(WatchDrain, AStopEndsWatchesWithTheirCursor) {
  GameSide side({"AUDIENCE_UPDATE_INTERVAL_SECONDS=1", "DRAIN_DELAY_MS=0"});
  Game game(side.daemon);
  game.Seed(200);
  const Stream stream = game.GoLive();
  Watching watching(OwnChannel(side.daemon.grpc_address()), Service(), stream.session);
  ASSERT_TRUE(watching.Has(Event::kAudienceUpdate));
  const uint64_t cursor = watching.cursor();
  // Nobody waits for one who reads nothing.
  const Watching frozen(NarrowChannel(side.daemon.grpc_address()), Service(), stream.session,
                        std::nullopt, false);
  ASSERT_TRUE(Eventually([&] { return side.daemon.Metric("streaming_watchers") == 2; }));
  for (int i = 0; i < 30; ++i) {
    game.ServerTells(stream, v1::REACTION_EVENT_TYPE_DISCOVERY, 0.9f);
  }
  side.daemon.Stop();
  EXPECT_EQ(side.daemon.exit_code(), 0) << side.daemon.Log();
  EXPECT_EQ(watching.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(watching.End()), "DRAINING");
  side.daemon.Start();
  Watching back(OwnChannel(side.daemon.grpc_address()), Service(), stream.session, cursor);
  EXPECT_TRUE(back.Has(Event::kAudienceUpdate));
}

}  // namespace
}  // namespace story
