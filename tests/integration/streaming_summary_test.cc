// What a session's summary says, against what a script made of its audience.
#include <algorithm>
#include <cmath>

#include "services/streaming/audience/live_session.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using std::chrono::milliseconds;

class SummaryOfTest : public LiveSessionTest {
 protected:
  // Time passes with the audience as it is.
  void Pass(common::Duration time) {
    now_ += time;
    integral_ += heads_ * common::ToSeconds(time);
  }
  void Begin() {
    session_ = GoLive();
    begun_ = now_;
    heads_ = peak_ = live_.Load(session_.key)->heads;
    integral_ = 0;
  }
  void Do(const audience::LiveStore::Rule& rule) {
    const auto applied = live_.Update(session_.key, now_, rule);
    ASSERT_TRUE(applied.ok()) << applied.status();
    heads_ = applied->session.heads;
    peak_ = std::max(peak_, heads_);
  }
  void SetPaused(bool paused) {
    auto call = Call(account_);
    v1::StreamSessionDetail detail;
    v1::PauseStreamSessionRequest pause;
    v1::ResumeStreamSessionRequest resume;
    pause.set_session_id(Id());
    resume.set_session_id(Id());
    const absl::Status done = paused ? session_rpc_.PauseStreamSession(call, pause, detail)
                                     : session_rpc_.ResumeStreamSession(call, resume, detail);
    ASSERT_TRUE(done.ok()) << done;
  }
  // Every second party goes home.
  static absl::StatusOr<Change> SendHalfHome(const LiveSession& live) {
    Change change(live);
    for (uint32_t i = 0; i < live.parties.size(); i += 2) {
      change.leavers.push_back({.position = i, .members = live.parties[i].members});
    }
    return change;
  }
  std::string Id() const { return session_.key.session.ToString(); }

  Session session_;
  Time begun_;
  uint32_t heads_ = 0;
  uint32_t peak_ = 0;
  double integral_ = 0;  // of the heads over time
};

TEST_F(SummaryOfTest, TheAverageIsTheIntegralOverTheDuration) {
  Begin();
  Pass(seconds(7));
  Do(Bring(120));
  Pass(milliseconds(12'345));
  Do(SendHalfHome);
  Pass(seconds(31));
  SetPaused(true);
  Pass(seconds(100));  // they go on watching, and hours do not count
  SetPaused(false);
  Do(Bring(20));
  // A checkpoint and a look in between change nothing.
  worker_.Checkpoint(std::vector{*live_.Load(session_.key)});
  ASSERT_TRUE(worker_.RunOnce().ok());
  Pass(milliseconds(4'655));
  const auto ended = End(Id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  const double duration = common::ToSeconds(now_ - begun_);
  EXPECT_EQ(duration, 155);
  EXPECT_EQ(ended->duration_seconds(), 155);
  EXPECT_EQ(ended->peak_audience_count(), static_cast<int>(peak_));
  EXPECT_EQ(ended->average_audience_count(), std::lround(integral_ / duration));
  EXPECT_LT(ended->average_audience_count(), ended->peak_audience_count());
  const auto counters = sessions_.Get(session_.key.session)->counters;
  EXPECT_NEAR(counters.viewer_seconds, integral_, 1e-6);
  EXPECT_NEAR(counters.live_seconds, 55, 1e-6);
}

// An audience that Redis loses counts as of its last checkpoint, and time without it as nobody.
TEST_F(SummaryOfTest, WhatIsLostCountsUpToItsCheckpoint) {
  Begin();
  Do(Bring(60));
  Pass(seconds(20));
  Do(Bring(1));
  worker_.Checkpoint(std::vector{*live_.Load(session_.key)});
  const double kept = integral_;
  Pass(seconds(10));
  ASSERT_TRUE(live_.Release(session_.key).ok());
  ASSERT_TRUE(worker_.RunOnce().ok());
  now_ += seconds(30);
  const auto ended = End(Id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->peak_audience_count(), static_cast<int>(peak_));
  EXPECT_EQ(ended->average_audience_count(), std::lround(kept / 60));
  ExpectConservation();
}

// A start that was cut off after its first step is repeated later: whoever came has watched since.
TEST_F(SummaryOfTest, ARepeatedStartCountsFromTheFirst) {
  account_ = Uuid::V4();
  const auto created = Create(Wish());
  ASSERT_TRUE(created.ok()) << created.status();
  const Session pending = *sessions_.Get(*Uuid::Parse(created->session_id()));
  Change first;
  first.state.started_at = now_;
  first.wanted_heads.fill(1);
  ASSERT_TRUE(live_.Open(pending.key, now_, first).ok());
  now_ += seconds(50);
  ASSERT_TRUE(Start(created->session_id()).ok());
  now_ += seconds(10);
  const auto ended = End(created->session_id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->duration_seconds(), 60);
  EXPECT_EQ(ended->average_audience_count(), ended->peak_audience_count());
}

TEST_F(SummaryOfTest, TheStrongestMomentsComeFirst) {
  Begin();
  for (int i = 0; i < 12; ++i) {
    Pass(seconds(1));
    Do([&](const LiveSession& live) -> absl::StatusOr<Change> {
      Change change(live);
      // From 0 to 0.5, each twice.
      audience::AddMoment(change.moments, {.at = now_,
                                           .type = 1,
                                           .description = "moment " + std::to_string(i),
                                           .reaction = static_cast<float>(i * 7 % 6) / 10});
      return change;
    });
  }
  const auto ended = End(Id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_EQ(ended->top_moments_size(), static_cast<int>(audience::kMaxMoments));
  for (int i = 1; i < ended->top_moments_size(); ++i) {
    const auto& before = ended->top_moments(i - 1);
    const auto& moment = ended->top_moments(i);
    EXPECT_GE(before.audience_reaction(), moment.audience_reaction());
    if (before.audience_reaction() != moment.audience_reaction()) continue;
    EXPECT_LT(before.timestamp().seconds(), moment.timestamp().seconds()) << "of equals the first";
  }
  EXPECT_EQ(ended->top_moments(0).audience_reaction(), 0.5f);
  EXPECT_EQ(ended->top_moments(9).audience_reaction(), 0.1f) << "both weakest gave way";
}

// Whoever comes follows; who follows already is not new.
TEST_F(SummaryOfTest, NewFollowersAreThoseWhoFollowSince) {
  follows::FollowStore eager(mysql_, {.interest_threshold = 0, .sessions_in_a_row = 1});
  sessions::SessionLife life({mysql_, sessions_, pools_, live_, rounds_, news_, eager}, settings_);
  int followers = 0;
  for (int i = 0; i < 3; ++i) {
    const auto created = Create(Wish());
    ASSERT_TRUE(created.ok()) << created.status();
    session_ = *sessions_.Get(*Uuid::Parse(created->session_id()));
    ASSERT_TRUE(life.Start(session_, now_).ok());
    Do(Bring(200));
    now_ += seconds(60);
    const auto ended = life.End(session_.key.session, EndReason::kManual, now_);
    ASSERT_TRUE(ended.ok()) << ended.status();
    const int gained = sessions::SummaryOf(*ended).new_followers;
    if (i == 0) {
      EXPECT_EQ(gained, static_cast<int>(peak_)) << "all of them";
    }
    followers += gained;
    EXPECT_EQ(CountEvents("StreamingFollowGainedEvent"), followers);
    EXPECT_EQ(StatusOf(created->session_id()).follower_count(), followers);
  }
  EXPECT_LT(followers, 3 * static_cast<int>(peak_));
}

}  // namespace
}  // namespace streaming
