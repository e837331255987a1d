#include "services/streaming/observatory/observatory.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "services/streaming/audience/seats.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/observatory/observatory_rpc.h"

namespace streaming::observatory {
namespace {

using audience::Flow;
using audience::FlowKind;
using audience::LiveSession;
using common::Uuid;
using std::chrono::seconds;

const common::Time kNow = common::FromMicros(1'700'000'000'000'000);

Uuid Id(uint64_t number) { return Uuid::FromRandomBits(0x1234'5678'9abc'def0, number); }

std::shared_ptr<const pool::Pool> ThePool() {
  static const auto pool = std::make_shared<const pool::Pool>(
      pool::PoolSpec{.seed = 4, .size = 20000, .collective_share = 0.2, .collective_size = 20});
  return pool;
}

// A session with one member of each of so many runs, and so many voices of a real crowd.
LiveSession TheSession(uint64_t number, uint32_t parties, size_t voices = 0) {
  LiveSession session;
  session.key = {.game = Id(1000), .session = Id(number)};
  session.pool = ThePool();
  session.state.streamer_type = 1;
  session.state.streamer = Id(2000 + number);
  session.state.owner = Id(3000 + number);
  session.state.started_at = kNow - seconds(90);
  for (uint32_t run = 0; run < parties; ++run) {
    session.parties.push_back({run, audience::BitOf(run % pool::kRunLength), {}});
    session.heads += session.pool->WeightOfRun(run);
  }
  blending::Crowd crowd;
  crowd.voices.resize(voices);
  session.mood = EncodeCrowd(crowd);
  return session;
}

Stream TheStream(uint64_t number, uint32_t heads, uint32_t seated = 0) {
  return {.session = Id(number), .heads = heads, .seated = seated};
}

TEST(StreamOfTest, SaysWhatTheSessionIs) {
  LiveSession session = TheSession(1, 30);
  session.state.tags.Add(pool::Interest::kPvp);
  session.state.peak_heads = 5;
  session.audience.excitement = 0.25f;
  const Stream stream = StreamOf({}, session, kNow);
  EXPECT_EQ(stream.session, Id(1));
  EXPECT_EQ(stream.heads, session.heads);
  EXPECT_EQ(stream.peak_heads, session.heads) << "a peak is no less than what is there";
  EXPECT_EQ(stream.excitement, 0.25f);
  EXPECT_TRUE(stream.tags.Has(pool::Interest::kPvp));
  EXPECT_FALSE(stream.train);
  EXPECT_FALSE(stream.pulses);
  EXPECT_EQ(stream.mood, blending::Mood{});
}

TEST(StreamOfTest, AsManyStandForRealViewersAsThereAreSeats) {
  for (const uint32_t parties : {0u, 3u, 40u, 200u}) {
    for (const size_t voices : {0u, 1u, 30u, 300u}) {
      const LiveSession session = TheSession(1, parties, voices);
      EXPECT_EQ(StreamOf({}, session, kNow).seated, audience::SeatedMembers(session).size())
          << parties << " parties, " << voices << " voices";
    }
  }
}

TEST(StreamOfTest, ATrainIsShownUntilItsTimeIsOver) {
  LiveSession session = TheSession(1, 30);
  hype::State state;
  state.train = hype::Train{.ordinal = 1,
                            .level = hype::Level::kLevel2,
                            .progress = 0.5,
                            .started_at = kNow,
                            .expires_at = kNow + seconds(10)};
  session.hype = hype::EncodeState(state);
  const hype::Settings settings;
  const auto train = StreamOf(settings, session, kNow).train;
  ASSERT_TRUE(train);
  EXPECT_EQ(train->level, hype::Level::kLevel2);
  EXPECT_DOUBLE_EQ(train->progress, hype::ProgressOf(settings, *state.train));
  EXPECT_FALSE(StreamOf(settings, session, kNow + seconds(10)).train);
}

TEST(LanesOfTest, FlowsOfTwoSessionsAreOneLaneAKind) {
  const auto flow = [](FlowKind kind, uint64_t from, uint64_t to, uint32_t heads, int ago) {
    return Flow{
        .kind = kind, .from = Id(from), .to = Id(to), .heads = heads, .at = kNow - seconds(ago)};
  };
  const Lanes lanes =
      LanesOf({flow(FlowKind::kMigration, 1, 2, 5, 60), flow(FlowKind::kMigration, 1, 2, 6, 30),
               flow(FlowKind::kRaid, 1, 2, 40, 10), flow(FlowKind::kMigration, 2, 1, 1, 20),
               flow(FlowKind::kMigration, 2, 1, 9, 601), flow(FlowKind::kMigration, 3, 1, 0, 1)},
              kNow);
  ASSERT_EQ(lanes.shown.size(), 3u);
  EXPECT_EQ(lanes.shown[0].kind, FlowKind::kRaid);
  EXPECT_EQ(lanes.shown[0].heads, 40u);
  EXPECT_EQ(lanes.shown[1].heads, 1u) << "what is too long ago does not count";
  EXPECT_EQ(lanes.shown[2].heads, 11u);
  EXPECT_EQ(lanes.shown[2].times, 2u);
  EXPECT_EQ(lanes.shown[2].last, kNow - seconds(30));
  EXPECT_EQ(lanes.other_heads, 0u);
}

TEST(LanesOfTest, BeyondTheMostTheyAreASum) {
  std::vector<Flow> flows;
  for (uint64_t i = 0; i < kLanesMost + 5; ++i) {
    flows.push_back({.from = Id(i), .to = Id(i + 1), .heads = 2, .at = kNow - seconds(i)});
  }
  const Lanes lanes = LanesOf(flows, kNow);
  EXPECT_EQ(lanes.shown.size(), kLanesMost);
  EXPECT_EQ(lanes.other_heads, 10u);
}

TEST(PictureOfTest, TheLargestComeFirstAndTheRestIsASum) {
  Records records = {.live_streams = 120,
                     .live_heads = 1000,
                     .streams = {TheStream(1, 5), TheStream(2, 70), TheStream(3, 5)},
                     .looked_for = 4,
                     .looked_for_heads = 90,
                     .games_in_all = 3};
  const Picture picture = PictureOf(records, kNow);
  EXPECT_EQ(picture.streams[0].session, Id(2));
  EXPECT_EQ(picture.streams[1].session, Id(1));
  EXPECT_EQ(picture.other_streams, 116u);
  EXPECT_EQ(picture.other_heads, 910u);
  EXPECT_EQ(picture.heads(), 990u);
  EXPECT_EQ(picture.other_games, 3u);

  // Streams that began between two looks are no negative rest.
  records.live_streams = 1;
  records.live_heads = 1;
  EXPECT_EQ(PictureOf(records, kNow).other_streams, 0u);
  EXPECT_EQ(PictureOf(records, kNow).other_heads, 0u);
}

TEST(PictureOfTest, FewRealViewersAreNotCounted) {
  const auto real = [](uint32_t one, uint32_t other) {
    return PictureOf({.streams = {TheStream(1, 50, one), TheStream(2, 50, other)}}, kNow).truth;
  };
  EXPECT_EQ(real(0, 0).real, 0u);
  EXPECT_EQ(real(1, 0).real, std::nullopt);
  EXPECT_EQ(real(1, 1).real, std::nullopt);
  EXPECT_EQ(real(1, 2).real, 3u);
  EXPECT_EQ(real(30, 12).real, 42u);
  EXPECT_EQ(real(30, 12).heads, 100u);
}

TEST(JsonOfTest, NamesNobody) {
  Records records;
  for (uint64_t i = 0; i < 5; ++i) {
    LiveSession session = TheSession(i, 20, 4);
    session.moments.push_back({.at = kNow, .description = "what somebody wrote"});
    records.streams.push_back(StreamOf({}, session, kNow));
  }
  records.games.push_back({.game = Id(1000), .members = 20000, .taken = 100, .streams = 5});
  records.flows.push_back({.from = Id(0), .to = Id(1), .heads = 3, .at = kNow});
  const std::string text = JsonOf(PictureOf(records, kNow));
  for (uint64_t i = 0; i < 4000; ++i) {
    EXPECT_EQ(text.find(Id(i).ToString()), std::string::npos) << "a whole id";
  }
  for (const uint64_t person : {2000, 2004, 3000, 3004}) {
    const std::string id = Id(person).ToString();
    EXPECT_EQ(text.find(id.substr(id.size() - 8)), std::string::npos) << "the end of one";
  }
  EXPECT_EQ(text.find("wrote"), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["streams"].size(), 5u);
  EXPECT_EQ(json["truth"]["real"], 20);
  EXPECT_EQ(json["flows"][0]["from"], Id(0).ToString().substr(28));
  for (const auto& stream : json["streams"]) {
    EXPECT_FALSE(stream.contains("real")) << "who is real is told of all streams together";
    EXPECT_EQ(stream["mood"].size(), 8u);
  }
}

TEST(JsonOfTest, TooFewRealViewersHaveNoNumber) {
  const auto json =
      nlohmann::json::parse(JsonOf(PictureOf({.streams = {TheStream(1, 50, 2)}}, kNow)));
  EXPECT_EQ(json["truth"], (nlohmann::json{{"heads", 50}, {"real_fewer_than", 3}}));
}

}  // namespace
}  // namespace streaming::observatory
