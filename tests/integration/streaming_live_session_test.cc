// Sessions and their audiences on real servers: nobody is lost or counted twice, whatever is
// repeated and wherever a crash falls between two steps.
#include <atomic>
#include <thread>

#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/nats/contract.h"
#include "libs/common/outbox/bus.h"
#include "libs/common/testing/samples.h"
#include "services/streaming/audience/news_worker.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using common::testing::SampleOf;

TEST_F(LiveSessionTest, LivesFromCreateToEnd) {
  const auto created = Create(Wish());
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->status(), v1::STREAM_SESSION_STATUS_PENDING);
  EXPECT_FALSE(created->has_started_at());
  const std::string id = created->session_id();

  const auto started = Start(id);
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->status(), v1::STREAM_SESSION_STATUS_LIVE);
  ExpectConservation();
  EXPECT_TRUE(common::errors::Is(Start(id).status(), kSessionNotPending));

  const LiveKey key = (*sessions_.Get(*Uuid::Parse(id))).key;
  const auto before = live_.Load(key);
  ASSERT_TRUE(before.ok()) << before.status();
  const auto applied = live_.Update(key, now_ + seconds(10), Bring(200));
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_GT(applied->joined_heads, 0u);
  EXPECT_EQ(applied->session.heads, before->heads + applied->joined_heads);
  ExpectConservation();
  EXPECT_EQ(StatusOf(id).audience_count(), static_cast<int>(applied->session.heads));

  now_ += seconds(20);
  const auto ended = End(id);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->duration_seconds(), 20);
  EXPECT_EQ(ended->peak_audience_count(), static_cast<int>(applied->session.heads));
  EXPECT_EQ(ended->average_audience_count(),
            std::lround((before->heads + applied->session.heads) / 2.0));
  ExpectConservation();
  EXPECT_EQ(live_.List(shard_)->size(), 0u);

  now_ += minutes(5);
  const auto again = End(id);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), ended->SerializeAsString());
  EXPECT_EQ(CountEvents("StreamingSessionCreatedEvent"), 1);
  EXPECT_EQ(CountEvents("StreamingSessionStartedEvent"), 1);
  EXPECT_EQ(CountEvents("StreamingSessionEndedEvent"), 1);
  EXPECT_EQ(StatusOf(id).status(), v1::STREAM_SESSION_STATUS_ENDED);
}

TEST_F(LiveSessionTest, AStreamerHasOneActiveSession) {
  const auto first = Create(Wish());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(common::errors::Is(Create(Wish()).status(), kStreamerAlreadyActive));
  ASSERT_TRUE(End(first->session_id()).ok()) << "a Pending one is cancelled";
  EXPECT_EQ(CountEvents("StreamingSessionEndedEvent"), 0);
  EXPECT_TRUE(Create(Wish()).ok());
}

TEST_F(LiveSessionTest, ARepeatedCreateIsTheSameSession) {
  v1::CreateStreamSessionRequest wish = Wish();
  wish.set_request_id(Uuid::V4().ToString());
  const auto first = Create(wish);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Create(wish);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->session_id(), first->session_id());
  wish.set_theme("a bard's stage");
  EXPECT_TRUE(common::errors::Is(Create(wish).status(), common::errors::kRequestIdReused));
  EXPECT_EQ(CountEvents("StreamingSessionCreatedEvent"), 1);
}

TEST_F(LiveSessionTest, OthersMayLookButNotTouch) {
  const Session session = GoLive();
  auto call = Call(Uuid::V4());
  v1::EndStreamSessionRequest end;
  end.set_session_id(session.key.session.ToString());
  v1::StreamSessionSummary summary;
  EXPECT_TRUE(
      common::errors::Is(session_rpc_.EndStreamSession(call, end, summary), kSessionNotOwned));
  v1::StreamSessionStatusRequest look;
  look.set_session_id(end.session_id());
  v1::StreamSessionDetail detail;
  EXPECT_TRUE(session_rpc_.GetStreamSessionStatus(call, look, detail).ok());
  EXPECT_FALSE(detail.has_platform_session_linked());
  EXPECT_TRUE(StatusOf(end.session_id()).has_platform_session_linked());
}

TEST_F(LiveSessionTest, ACharacterBelongsToTheFirstAccountThatStreamsIt) {
  v1::CreateStreamSessionRequest wish = Wish();
  wish.set_streamer_type(v1::STREAMER_ENTITY_TYPE_CHARACTER);
  wish.set_streamer_id(Uuid::V4().ToString());
  const auto first = Create(wish);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(End(first->session_id()).ok());
  EXPECT_TRUE(Create(wish).ok());
  account_ = Uuid::V4();
  EXPECT_TRUE(common::errors::Is(Create(wish).status(), kStreamerNotOwned));
}

TEST_F(LiveSessionTest, ATitleNeedsItsCapability) {
  v1::CreateStreamSessionRequest wish = Wish();
  wish.set_title("mine");
  const auto created = Create(wish);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_FALSE(created->has_title());
  EXPECT_EQ(created->warnings_size(), 1);
}

TEST_F(LiveSessionTest, AReplayedRequestChangesNothingAndAnswersTheSame) {
  const Session session = GoLive();
  const audience::Request request = {.id = Uuid::V4(), .digest = std::string(32, 'd')};
  const auto first = live_.Update(session.key, now_, Bring(50), request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->replayed);
  const auto again = live_.Update(session.key, now_, Bring(50), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->answer, "brought");
  EXPECT_EQ(again->joined_heads, first->joined_heads);
  EXPECT_EQ(again->session.heads, first->session.heads);
  const audience::Request other = {.id = request.id, .digest = std::string(32, 'e')};
  EXPECT_TRUE(common::errors::Is(live_.Update(session.key, now_, Bring(50), other).status(),
                                 common::errors::kRequestIdReused));
  ExpectConservation();
}

TEST_F(LiveSessionTest, NoUpdateIsLostBetweenInstances) {
  const Session session = GoLive();
  audience::LiveStore other(audience_, pools_, news_, metrics_, {.max_heads = 300});
  constexpr uint32_t kEach = 25;
  const auto count = [&](audience::LiveStore& store) {
    for (uint32_t done = 0; done < kEach;) {
      const auto applied =
          store.Update(session.key, now_, [](const LiveSession& live) -> absl::StatusOr<Change> {
            Change change(live);
            ++change.state.world_firsts;
            change.wanted_heads.fill(1);
            return change;
          });
      if (applied.ok()) ++done;
      if (!applied.ok() && !common::errors::Is(applied.status(), common::errors::kConflict)) {
        ADD_FAILURE() << applied.status();
        return;
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { count(live_); });
    threads.emplace_back([&] { count(other); });
  }
  threads.clear();
  EXPECT_EQ(live_.Load(session.key)->state.world_firsts, 4 * kEach);
  ExpectConservation();
}

TEST_F(LiveSessionTest, AnAudienceNeverExceedsItsBound) {
  const Session session = GoLive();
  for (int i = 0; i < 4; ++i) {
    const auto applied = live_.Update(session.key, now_, Bring(200));
    ASSERT_TRUE(applied.ok()) << applied.status();
    EXPECT_LE(applied->session.heads, 300u);
  }
  EXPECT_GT(live_.Load(session.key)->heads, 200u);
  ExpectConservation();
}

TEST_F(LiveSessionTest, AnEndGoesOnFromAnyStep) {
  for (int done = 0; done < 4; ++done) {
    const Session session = GoLive();
    const LiveKey key = session.key;
    ASSERT_TRUE(live_.Update(key, now_, Bring(40)).ok());
    now_ += seconds(30);
    ASSERT_TRUE(*sessions_.MakeEnding(key.session, EndReason::kManual, now_));
    EXPECT_FALSE(*sessions_.MakeEnding(key.session, EndReason::kManual, now_)) << "one decides";
    if (done >= 1) {
      ASSERT_TRUE(live_.Seal(key, now_).ok());
      EXPECT_TRUE(common::errors::Is(live_.Update(key, now_, Bring(1)).status(), kSessionNotLive));
    }
    if (done >= 2) {
      ASSERT_TRUE(life_.Finish(*sessions_.Get(key.session)).ok());
    }
    if (done >= 3) {  // as if the audience had not been released
      ASSERT_TRUE(live_.Open(key, now_, Change()).ok());
    }
    now_ += minutes(2);
    const absl::Status looked = worker_.RunOnce();
    ASSERT_TRUE(looked.ok()) << looked;
    const Session ended = *sessions_.Get(key.session);
    EXPECT_EQ(ended.status, Status::kEnded);
    EXPECT_EQ(sessions::SummaryOf(ended).duration_seconds, 30);
    EXPECT_EQ(CountEvents("StreamingSessionEndedEvent"), done + 1);
    EXPECT_TRUE(live_.List(shard_)->empty());
    ExpectConservation();
  }
}

TEST_F(LiveSessionTest, TheWorkerMendsWhatCrashesAndLossesLeave) {
  // A start that was cut off between the stores.
  const auto pending = Create(Wish());
  ASSERT_TRUE(pending.ok());
  const LiveKey cut_off = (*sessions_.Get(*Uuid::Parse(pending->session_id()))).key;
  Change first;
  first.state.started_at = now_;
  first.wanted_heads.fill(1);
  ASSERT_TRUE(live_.Open(cut_off, now_, first).ok());
  ASSERT_TRUE(worker_.RunOnce().ok());
  EXPECT_EQ(live_.List(shard_)->size(), 1u) << "it may still be under way";
  now_ += minutes(2);
  ASSERT_TRUE(worker_.RunOnce().ok());
  EXPECT_TRUE(live_.List(shard_)->empty());

  // A live session whose audience is lost comes back empty, with what the record knew.
  const Session session = GoLive();
  const auto applied = live_.Update(session.key, now_ + seconds(10), Bring(30));
  ASSERT_TRUE(applied.ok());
  worker_.Checkpoint(std::vector{applied->session});
  ASSERT_TRUE(live_.Release(session.key).ok());
  ASSERT_TRUE(worker_.RunOnce().ok());
  const auto reopened = live_.Load(session.key);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ(reopened->heads, 0u);
  EXPECT_EQ(reopened->state.peak_heads, applied->session.heads);
  EXPECT_DOUBLE_EQ(reopened->state.viewer_seconds, applied->session.state.viewer_seconds);

  // Nobody starts the first one, and nobody uses the other.
  now_ += std::chrono::hours(7);
  const absl::Status looked = worker_.RunOnce();
  ASSERT_TRUE(looked.ok()) << looked;
  EXPECT_EQ(sessions_.Get(cut_off.session)->status, Status::kEnded);
  EXPECT_EQ(sessions_.Get(session.key.session)->status, Status::kEnded);
  ExpectConservation();
}

TEST_F(LiveSessionTest, AnAudienceWithoutARecordGoesHome) {
  const LiveKey nobodys = {.game = game_, .session = Uuid::V7(now_)};
  Change first;
  first.state.started_at = now_;
  first.wanted_heads.fill(1);
  ASSERT_TRUE(live_.Open(nobodys, now_, first).ok());
  ASSERT_TRUE(worker_.RunOnce().ok());
  EXPECT_EQ(live_.List(shard_)->size(), 1u) << "its record may be on its way";
  now_ += seconds(60);
  ASSERT_TRUE(worker_.RunOnce().ok());
  EXPECT_TRUE(live_.List(shard_)->empty());
  ExpectConservation();
}

// What was read as Pending may be Live by now.
TEST_F(LiveSessionTest, OnlyAPendingSessionIsCancelled) {
  const Session session = GoLive();
  const auto cancelled = life_.Cancel(session.key, EndReason::kError, now_);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_FALSE(*cancelled);
  EXPECT_EQ(sessions_.Get(session.key.session)->status, Status::kLive);
  EXPECT_TRUE(live_.Load(session.key).ok());
}

TEST_F(LiveSessionTest, ATouchKeepsASession) {
  const Session session = GoLive();
  ASSERT_TRUE(life_.Touch(session.key, now_ - seconds(1)).ok());
  EXPECT_EQ(live_.Load(session.key)->state.last_call, now_) << "one that came late";
  now_ += std::chrono::hours(5);
  ASSERT_TRUE(life_.Touch(session.key, now_).ok());
  EXPECT_EQ(live_.Load(session.key)->state.last_call, now_);
  now_ += std::chrono::hours(5);
  ASSERT_TRUE(worker_.RunOnce().ok());
  EXPECT_EQ(sessions_.Get(session.key.session)->status, Status::kLive);
  ASSERT_TRUE(End(session.key.session.ToString()).ok());
  EXPECT_TRUE(life_.Touch(session.key, now_ + minutes(1)).ok()) << "it has no effect";
  EXPECT_TRUE(live_.List(shard_)->empty());
}

TEST_F(LiveSessionTest, CheckpointsChangeManySessionsAtOnce) {
  std::vector<LiveSession> live;
  for (int i = 0; i < 3; ++i) {
    const Session session = GoLive();
    const auto applied =
        live_.Update(session.key, now_ + seconds(i), Bring(10 * static_cast<uint32_t>(i + 1)));
    ASSERT_TRUE(applied.ok());
    live.push_back(applied->session);
  }
  worker_.Checkpoint(live);
  for (const LiveSession& session : live) {
    EXPECT_EQ(sessions_.Get(session.key.session)->counters, sessions::CountersOf(session));
  }
  auto call = Call(account_);
  v1::BrowseStreamsRequest request;
  request.set_game_service_id(game_.ToString());
  v1::BrowseStreamsResponse response;
  ASSERT_TRUE(session_rpc_.BrowseStreams(call, request, response).ok());
  ASSERT_EQ(response.streams_size(), 3);
  for (int i = 1; i < 3; ++i) {
    EXPECT_GE(response.streams(i - 1).audience_count(), response.streams(i).audience_count());
  }
  request.add_content_filter(v1::AUDIENCE_INTEREST_CREATIVE);
  response.Clear();
  ASSERT_TRUE(session_rpc_.BrowseStreams(call, request, response).ok());
  EXPECT_EQ(response.streams_size(), 0);

  v1::ListStreamSessionsRequest list;
  list.set_game_service_id(game_.ToString());
  list.set_status(v1::STREAM_SESSION_STATUS_LIVE);
  list.set_limit(2);
  v1::ListStreamSessionsResponse page;
  ASSERT_TRUE(session_rpc_.ListStreamSessions(call, list, page).ok());
  EXPECT_EQ(page.sessions_size(), 2);
  EXPECT_EQ(page.total(), 3);
}

TEST_F(LiveSessionTest, PauseTagsAndContextReachTheLiveSession) {
  const Session session = GoLive();
  auto call = Call(account_);
  v1::StreamSessionDetail detail;
  v1::PauseStreamSessionRequest pause;
  pause.set_session_id(session.key.session.ToString());
  ASSERT_TRUE(session_rpc_.PauseStreamSession(call, pause, detail).ok());
  EXPECT_TRUE(detail.paused());
  v1::SetContentTagsRequest tags;
  tags.set_session_id(pause.session_id());
  tags.add_content_tags(v1::AUDIENCE_INTEREST_PVP);
  ASSERT_TRUE(session_rpc_.SetContentTags(call, tags, detail).ok());
  v1::SetStreamContextRequest context;
  context.set_session_id(pause.session_id());
  context.set_context_score(0.75f);
  ASSERT_TRUE(session_rpc_.SetStreamContext(call, context, detail).ok());
  const auto live = live_.Load(session.key);
  EXPECT_TRUE(live->state.paused);
  EXPECT_EQ(live->state.tags, pool::InterestMask{pool::Interest::kPvp});
  EXPECT_EQ(live->state.caller_score, 0.75f);
  v1::ResumeStreamSessionRequest resume;
  resume.set_session_id(pause.session_id());
  detail.Clear();
  ASSERT_TRUE(session_rpc_.ResumeStreamSession(call, resume, detail).ok());
  EXPECT_FALSE(detail.paused());
  EXPECT_EQ(sessions_.Get(session.key.session)->tags, live->state.tags);
}

TEST_F(LiveSessionTest, TwoWorkersStepEverySessionOncePerRound) {
  std::vector<Session> live;
  for (int i = 0; i < 5; ++i) live.push_back(GoLive());
  uint32_t told = 0;
  // A round is due as soon as the last one is done; a leader stays one.
  audience::RoundWorker::Options options = {
      .interval = std::chrono::milliseconds(1), .cohorts = 1, .lease = minutes(1)};
  options.stepped = [&](std::span<const LiveSession> sessions) { told += sessions.size(); };
  audience::RoundWorker first(rounds_, live_, pools_, metrics_, clock_, options);
  common::metrics::Registry second_metrics;
  audience::RoundWorker second(rounds_, live_, pools_, second_metrics, clock_, options);

  for (uint32_t round = 1; round <= 6; ++round) {
    now_ += minutes(1);
    uint32_t one = 0;  // until the round is due
    ASSERT_TRUE(Eventually([&] { return (one = *first.RunOnce()) > 0; }));
    const auto two = second.RunOnce();
    ASSERT_TRUE(two.ok()) << two.status();
    EXPECT_EQ(one, 5u);
    EXPECT_EQ(*two, 0u) << "the first one leads";
    for (const Session& session : live) {
      EXPECT_EQ(live_.Load(session.key)->audience.last_round, round);
    }
    ExpectConservation();
  }
  EXPECT_EQ(told, 30u);
  EXPECT_EQ(SampleOf(metrics_.Text(), "streaming_live_sessions"), 5);
  EXPECT_EQ(SampleOf(metrics_.Text(), "streaming_round_lateness_seconds_count"), 6);

  // The leader goes in the middle of a round: the other one goes on and repeats nobody's step.
  now_ += minutes(1);
  const auto lead = rounds_.TakeLead(shard_, "a third", seconds(60), seconds(60));
  ASSERT_TRUE(lead.ok());
  EXPECT_EQ(lead->round, 0u);
  first.Stop();
  ASSERT_TRUE(Eventually(
      [&] { return rounds_.TakeLead(shard_, "a third", seconds(60), seconds(60))->round == 7; }));
  const auto view = rounds_.OfRound(shard_, 7, 1, 1, now_);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->sessions.size(), 5u);
  ASSERT_TRUE(rounds_.YieldLead(shard_, "a third").ok());
  const auto rest = second.RunOnce();
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(*rest, 5u);
  ExpectConservation();
}

TEST_F(LiveSessionTest, EndedSessionsAreKeptUntilTheirTimeAndTheirCareer) {
  const Session session = GoLive();
  ASSERT_TRUE(End(session.key.session.ToString()).ok());
  const common::Time later = now_ + minutes(1);
  EXPECT_EQ(*sessions_.PurgeEnded(later), 0u) << "not in its career yet";
  ASSERT_TRUE(mysql_.Execute("UPDATE session SET career_applied = 1").ok());
  EXPECT_EQ(*sessions_.PurgeEnded(now_), 0u) << "too young";
  EXPECT_EQ(*sessions_.PurgeEnded(later), 1u);
  EXPECT_TRUE(common::errors::Is(sessions_.Get(session.key.session).status(), kSessionNotFound));
}

TEST_F(LiveSessionTest, AStartOfWhatIsErasedMeanwhileKeepsNoAudience) {
  const auto created = Create(Wish());
  ASSERT_TRUE(created.ok()) << created.status();
  const Session session = *sessions_.Get(*Uuid::Parse(created->session_id()));
  ASSERT_TRUE(mysql_.Execute("DELETE FROM session").ok());
  EXPECT_TRUE(common::errors::Is(life_.Start(session, now_).status(), kSessionNotFound));
  EXPECT_TRUE(live_.List(shard_)->empty());
  ExpectConservation();
}

TEST_F(LiveSessionTest, ManyEndsAtOnceAreOne) {
  const Session session = GoLive();
  ASSERT_TRUE(live_.Update(session.key, now_, Bring(60)).ok());
  now_ += seconds(30);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto ended = life_.End(session.key.session, EndReason::kManual, now_);
      EXPECT_TRUE(ended.ok()) << ended.status();
      EXPECT_EQ(ended->status, Status::kEnded);
    });
  }
  threads.clear();
  EXPECT_EQ(CountEvents("StreamingSessionEndedEvent"), 1);
  ExpectConservation();
}

TEST_F(LiveSessionTest, JoinedNewsIsBoundedAndComplete) {
  const Session session = GoLive();
  news_.Take(audience::NewsQueue::kLimit);
  const auto applied = live_.Update(session.key, now_, Bring(120));
  ASSERT_TRUE(applied.ok());
  const auto news = news_.Take(audience::NewsQueue::kLimit);
  EXPECT_LE(news.size(), audience::kIndividualNewsPerRound + 1);
  uint32_t heads = 0;
  for (const audience::News& item : news) heads += item.heads;
  EXPECT_EQ(heads, applied->joined_heads);

  common::outbox::Bus bus(
      mysql_, {.url = common::testing::SharedNats().url()},
      common::nats::StreamsOf(*v1::StreamingAudienceJoinedEvent::descriptor()->file()), metrics_);
  ASSERT_TRUE(bus.Start().ok());
  std::atomic<uint32_t> heard{0};
  ASSERT_TRUE(bus.connection()
                  .Subscribe("streaming.audience.joined",
                             [&](std::string_view, std::string_view payload) {
                               v1::StreamingAudienceJoinedEvent event;
                               event.ParseFromArray(payload.data(),
                                                    static_cast<int>(payload.size()));
                               heard += static_cast<uint32_t>(event.member_count());
                             })
                  .ok());
  audience::NewsWorker publisher(news_, bus, metrics_, clock_);
  news_.Push(news);
  EXPECT_EQ(publisher.RunOnce(), news.size());
  EXPECT_TRUE(Eventually([&] { return heard == heads; }));
  bus.Finish();
}

}  // namespace
}  // namespace streaming
