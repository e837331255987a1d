#include "services/streaming/reactions/session_reaction.h"

#include <numeric>

#include <gtest/gtest.h>

#include "services/streaming/hype/session_hype.h"

namespace streaming::reactions {
namespace {

using audience::LiveSession;

const common::Time kNow = common::FromMicros(1'800'000'000'000'000);

std::shared_ptr<const pool::Pool> ThePool() {
  static const auto pool =
      std::make_shared<const pool::Pool>(pool::PoolSpec{.seed = 4, .size = 20000});
  return pool;
}

LiveSession TheSession() {
  LiveSession session;
  session.pool = ThePool();
  session.key.session = common::Uuid::FromRandomBits(1, 1);
  session.audience.interest.fill(0.5f);
  session.state.started_at = kNow - std::chrono::minutes(20);
  session.state.draw = 100;
  for (uint32_t run = 0; run + 1 < ThePool()->runs(); run += 4) {
    session.parties.push_back({run, 0xffffffffull, {}});
    session.heads += 32;
  }
  return session;
}

audience::View AView() {
  audience::View view;
  view.round = 20;
  view.pool_heads = 20000;
  view.free_heads.fill(60);
  return view;
}

Outcome ReactTo(const LiveSession& session, Event event = Event::kWorldFirst) {
  const Scene scene = SceneOf({}, audience::Surveyed(AView()), session, kNow);
  auto outcome = ReactIn({}, {}, scene, session,
                         {.occurrence = {.event = event, .significance = 1, .key = 3},
                          .description = "so it went",
                          .at = kNow});
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return *std::move(outcome);
}

uint32_t Wanted(const audience::Change& change) {
  return std::accumulate(change.wanted_heads.begin(), change.wanted_heads.end(), 0u);
}

TEST(SessionReactionTest, AddsTheSessionToAViewThatDoesNotKnowIt) {
  const LiveSession session = TheSession();
  const Scene added = SceneOf({}, audience::Surveyed(AView()), session, kNow);
  ASSERT_EQ(added.seen->view.sessions.size(), 1u);
  EXPECT_EQ(added.self, 0u);
  EXPECT_EQ(added.seen->view.sessions[0].session_id, session.key.session);
  EXPECT_EQ(added.seen->view.sessions[0].crowd, session.heads);

  audience::View known = AView();
  known.sessions.emplace_back();
  known.sessions.push_back({.session_id = session.key.session, .crowd = 7});
  const Scene found = SceneOf({}, audience::Surveyed(known), session, kNow);
  EXPECT_EQ(found.seen->view.sessions.size(), 2u);
  EXPECT_EQ(found.self, 1u);
}

TEST(SessionReactionTest, TellsWhatItDoes) {
  const LiveSession session = TheSession();
  const Outcome outcome = ReactTo(session);
  EXPECT_FLOAT_EQ(outcome.answer.excitement_delta,
                  outcome.change.audience.excitement - session.audience.excitement);
  EXPECT_GT(outcome.answer.hype_contribution, 0);
  EXPECT_EQ(outcome.change.state.world_firsts, 1u);
  EXPECT_EQ(outcome.change.state.last_call, kNow);
  EXPECT_GT(Wanted(outcome.change), 0u);
  ASSERT_EQ(outcome.change.moments.size(), 1u);
  EXPECT_EQ(outcome.change.moments[0].type, 1);
  EXPECT_EQ(outcome.change.moments[0].description, "so it went");

  uint32_t lost = 0;
  const Outcome boring = ReactTo(session, Event::kCraftComplete);
  for (const audience::Leave& leaver : boring.change.leavers) {
    lost += audience::CountOf(leaver.members);
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(boring.answer.lost_heads, lost);
  EXPECT_EQ(boring.change.state.world_firsts, 0u);
}

TEST(SessionReactionTest, NobodyComesToAPausedStream) {
  LiveSession session = TheSession();
  session.state.paused = true;
  EXPECT_EQ(Wanted(ReactTo(session).change), 0u);
}

TEST(SessionReactionTest, TheSecondGreatMomentBeginsATrain) {
  LiveSession session = TheSession();
  const Outcome first = ReactTo(session);
  EXPECT_FALSE(first.answer.triggered_hype_train);
  EXPECT_TRUE(first.change.hype_pending.empty());
  session.hype = first.change.hype;
  const Outcome second = ReactTo(session);
  EXPECT_TRUE(second.answer.triggered_hype_train);
  ASSERT_FALSE(second.change.hype_pending.empty());
  EXPECT_EQ(hype::DecodePending(second.change.hype_pending[0])->transition.trigger, 2);
  EXPECT_EQ(second.change.state.hype_trains, 1u);
}

}  // namespace
}  // namespace streaming::reactions
