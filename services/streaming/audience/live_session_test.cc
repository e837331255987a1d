#include "services/streaming/audience/live_session.h"

#include <gtest/gtest.h>

namespace streaming::audience {
namespace {

using common::FromMicros;

LiveState Filled() {
  LiveState state;
  state.streamer_type = 2;
  state.streamer = common::Uuid::V4();
  state.owner = common::Uuid::V4();
  state.viewer_secret = ~uint64_t{0};
  state.started_at = FromMicros(1'700'000'000'123'456);
  state.reputation = 0.25f;
  state.history = 0.5f;
  state.draw = 1234.5f;
  state.legendary_trains = true;
  state.tags = {pool::Interest::kPvp, pool::Interest::kCreative};
  state.caller_score = 0.75f;
  state.paused = true;
  state.last_call = FromMicros(2);
  state.hype_progress = 0.125f;
  state.hype_trains = 13;
  state.peak_hype_level = 6;
  state.world_firsts = 3;
  state.peak_heads = 4;
  state.left_heads = 6;
  state.news_round = 7;
  state.news_told = 8;
  state.accrued_until = FromMicros(9);
  state.viewer_seconds = 10.5;
  state.interest_seconds = 11.5;
  state.live_seconds = 12.5;
  return state;
}

TEST(LiveStateTest, ComesBackAsItWas) {
  const LiveState filled = Filled();
  EXPECT_EQ(*DecodeState(EncodeState(filled)), filled);
  EXPECT_EQ(*DecodeState(EncodeState({})), LiveState{});
}

TEST(LiveStateTest, RefusesEveryOtherLength) {
  const std::string bytes = EncodeState(Filled());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeState(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(DecodeState(bytes + '\0').ok());
}

TEST(MomentsTest, KeepTheStrongestAndOfEqualsTheEarliest) {
  std::vector<Moment> moments;
  for (int i = 0; i < 30; ++i) {
    AddMoment(moments, {.at = FromMicros(i), .reaction = i == 20 ? 0.9f : 0.5f});
  }
  ASSERT_EQ(moments.size(), kMaxMoments);
  for (const Moment& moment : moments) {
    EXPECT_TRUE(moment.at < FromMicros(9) || moment.at == FromMicros(20));
  }
  EXPECT_EQ(*DecodeMoments(EncodeMoments(moments)), moments);
  EXPECT_FALSE(DecodeMoments("").ok());
}

TEST(AccrueTest, CountsHeadsInterestAndTimeOnce) {
  const pool::Pool pool({.seed = 1, .size = 640});
  LiveSession session;
  session.parties = {{.run = 3, .members = BitOf(0) | BitOf(5)}};
  session.heads = 2;
  session.audience.interest.fill(0.5f);
  session.state.accrued_until = FromMicros(1'000'000);
  Accrue(session, pool, FromMicros(4'000'000));
  Accrue(session, pool, FromMicros(4'000'000));
  Accrue(session, pool, FromMicros(2'000'000));
  EXPECT_DOUBLE_EQ(session.state.viewer_seconds, 6);
  EXPECT_DOUBLE_EQ(session.state.interest_seconds, 3);
  EXPECT_DOUBLE_EQ(session.state.live_seconds, 3);
  EXPECT_EQ(session.state.peak_heads, 2u);
  session.state.paused = true;
  Accrue(session, pool, FromMicros(5'000'000));
  EXPECT_DOUBLE_EQ(session.state.live_seconds, 3);
  EXPECT_DOUBLE_EQ(session.state.viewer_seconds, 8);
}

}  // namespace
}  // namespace streaming::audience
