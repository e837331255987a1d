// SessionCleanupWorker: what platforms say when they are asked wins over what they told us.
#include <atomic>

#include "libs/common/mysql/lock.h"
#include "services/stream/sessions/cleanup_worker.h"
#include "tests/integration/stream_platform.h"

namespace stream::sessions {
namespace {

using std::chrono::seconds;

class StreamPollingTest : public AgainstPlatform {
 protected:
  std::unique_ptr<SessionCleanupWorker> NewWorker(seconds orphan_grace = seconds(0)) {
    return std::make_unique<SessionCleanupWorker>(
        SessionCleanupWorker::Options{
            .interval = seconds(1), .orphan_grace = orphan_grace, .custom_silence = seconds(2)},
        SessionCleanupWorker::Parts{.sessions = sessions_,
                                    .live = live_,
                                    .links = links_,
                                    .expected = expected_,
                                    .tokens = refresher_,
                                    .platforms = platforms_,
                                    .schedule = schedule_,
                                    .locks = locks_,
                                    .on_changed = [this] { ++changes_; }},
        metrics_);
  }
  // As stream.online does.
  Session Open(const Linked& linked, const std::string& stream_id) {
    const auto opened = sessions_.OpenByPlatform({.link_id = linked.link.link_id,
                                                  .stream_id = stream_id,
                                                  .started_at = common::Now() - seconds(100),
                                                  .in_game_id = {}});
    EXPECT_TRUE(opened.ok() && *opened);
    return **opened;
  }
  std::string LiveStreamOf(const Linked& linked) {
    const platforms::LiveQuery query{.channel = *privacy::PlatformUserId::From(linked.user_id),
                                     .access_token = {},
                                     .stream_id = {}};
    return twitch().FindLive(std::span(&query, 1))->at(0)->stream_id;
  }
  Session Now(const Session& session) { return **sessions_.Find(session.session_id); }
  int Polls() { return Requests("GET /helix/streams"); }
  // As if the next poll and scan were due.
  void MakeDue() { Execute("DELETE FROM schedule"); }
  // So many more polls are over.
  bool AwaitPolls(int count) {
    const int before = Polls();
    return Eventually([&] { return Polls() >= before + count; });
  }

  std::atomic<int> changes_{0};
  LiveSessions live_{sessions_};
  linking::TokenRefreshWorker refresher_{seconds(1800),
                                         {.platforms = platforms_,
                                          .links = links_,
                                          .tokens = tokens_,
                                          .locks = locks_,
                                          .on_deactivated = [] {}},
                                         metrics_};
};

TEST_F(StreamPollingTest, ViewersAreCounted) {
  const Linked linked = LinkNew();
  GoLive(linked, 42);
  const Session session = Open(linked, LiveStreamOf(linked));
  EXPECT_EQ(session.viewer_count, 0);
  const auto worker = NewWorker();
  worker->Start();
  EXPECT_TRUE(Eventually([&] { return Now(session).viewer_count == 42; }));
  worker->Stop();
  EXPECT_EQ(Now(session).peak_viewer_count, 42);
  EXPECT_EQ(Now(session).status, Status::kLive);
}

TEST_F(StreamPollingTest, ASessionWhoseEndNobodyToldEnds) {
  const Linked linked = LinkNew();
  const Session session = Open(linked, "a-stream-of-yesterday");
  Execute("UPDATE session SET seen_at = NOW(6) - INTERVAL 50 SECOND");
  const auto worker = NewWorker();
  worker->Start();
  ASSERT_TRUE(Eventually([&] { return Now(session).status == Status::kEnding; }));
  worker->Stop();
  EXPECT_EQ(changes_, 1);
  // When it was last known to be live.
  EXPECT_EQ(Scalar("SELECT ended_at = seen_at FROM session"), "1");
}

TEST_F(StreamPollingTest, ASessionIsNotGivenUpEasily) {
  const Linked linked = LinkNew();
  const Session session = Open(linked, "a-stream-that-the-platform-forgot");
  {
    // It has only just been seen.
    const auto worker = NewWorker(seconds(3600));
    worker->Start();
    ASSERT_TRUE(AwaitPolls(3));
    worker->Stop();
    EXPECT_EQ(Now(session).status, Status::kLive);
  }
  // The platform does not answer, whatever that means.
  Fault("/helix/streams", {{"status", 503}, {"count", 10'000}});
  Execute("UPDATE session SET seen_at = NOW(6) - INTERVAL 50 SECOND");
  const auto worker = NewWorker();
  worker->Start();
  ASSERT_TRUE(AwaitPolls(3));
  worker->Stop();
  EXPECT_EQ(Now(session).status, Status::kLive);
}

TEST_F(StreamPollingTest, AChannelThatIsLiveUnnoticedGetsItsSession) {
  const Linked linked = LinkNew();
  GoLive(linked, 5);
  const auto worker = NewWorker();
  worker->Start();
  ASSERT_TRUE(Eventually([&] { return (*sessions_.FindLive(linked.link.link_id)).has_value(); }));
  worker->Stop();
  EXPECT_EQ((*sessions_.FindLive(linked.link.link_id))->viewer_count, 5);

  // Once its owner has stopped it, it is left alone.
  ASSERT_TRUE(
      *sessions_.Stop((*sessions_.FindLive(linked.link.link_id))->session_id, common::Now()));
  MakeDue();
  const auto again = NewWorker();
  again->Start();
  ASSERT_TRUE(AwaitPolls(1));
  again->Stop();
  EXPECT_FALSE((*sessions_.FindLive(linked.link.link_id)).has_value());
}

// "Offline" names no stream: a late one, of the stream before, ends the session of this one.
TEST_F(StreamPollingTest, WhatALateMessageEndedBeginsAgain) {
  const Linked linked = LinkNew();
  GoLive(linked);
  const Session session = Open(linked, LiveStreamOf(linked));
  ASSERT_EQ(*sessions_.EndByPlatform(linked.link.link_id, common::Now()), session.session_id);
  {
    // The platform may not have noticed its own end yet.
    const auto worker = NewWorker(seconds(3600));
    worker->Start();
    ASSERT_TRUE(AwaitPolls(1));
    worker->Stop();
    EXPECT_FALSE((*sessions_.FindLive(linked.link.link_id)).has_value());
  }
  MakeDue();
  const auto worker = NewWorker();
  worker->Start();
  EXPECT_TRUE(Eventually([&] { return (*sessions_.FindLive(linked.link.link_id)).has_value(); }));
  worker->Stop();
}

TEST_F(StreamPollingTest, ANewStreamOfTheChannelIsANewSession) {
  const Linked linked = LinkNew();
  const Session before = Open(linked, "the-stream-before");
  GoLive(linked);
  const auto worker = NewWorker();
  worker->Start();
  ASSERT_TRUE(Eventually([&] { return Now(before).status == Status::kEnding; }));
  worker->Stop();
  EXPECT_NE((*sessions_.FindLive(linked.link.link_id))->session_id, before.session_id);
}

TEST_F(StreamPollingTest, ACustomSessionThatFallsSilentEnds) {
  const Link link{.link_id = Uuid::V4(),
                  .account_id = Uuid::V4(),
                  .platform = Platform::kCustom,
                  .linked_at = common::Now()};
  ASSERT_TRUE(links_.InsertCustom({link, Secret("rtmp://a/b"), Secret("s")}).ok());
  const auto session = sessions_.OpenByHand(
      {.link_id = link.link_id, .stream_id = "x", .started_at = common::Now(), .in_game_id = {}});
  const auto worker = NewWorker();
  worker->Start();
  EXPECT_TRUE(Eventually([&] { return Now(*session).status == Status::kEnding; }));
  worker->Stop();
}

// The application's own token is replaced when Twitch does not take it any more.
TEST_F(StreamPollingTest, AnApplicationTokenThatHasEndedIsReplaced) {
  constexpr const char* kAppTokens = "POST /oauth2/token grant_type=client_credentials";
  const Linked linked = LinkNew();
  GoLive(linked);
  LiveStreamOf(linked);
  const int before = Requests(kAppTokens);
  LiveStreamOf(linked);
  EXPECT_EQ(Requests(kAppTokens), before) << "one token is good for long";
  Fault("/helix/streams", {{"status", 401}, {"count", 1}});
  EXPECT_FALSE(LiveStreamOf(linked).empty());
  EXPECT_EQ(Requests(kAppTokens), before + 1);
}

TEST_F(StreamPollingTest, OneInstancePollsForAll) {
  const Linked linked = LinkNew();
  GoLive(linked, 1);
  Open(linked, LiveStreamOf(linked));
  const auto lock = common::mysql::NamedLock::Acquire(mysql_, "session_cleanup", seconds(0));
  ASSERT_TRUE(lock->has_value());
  const int before = Polls();
  const auto worker = NewWorker();
  worker->Start();
  // Old history goes all the same, whoever polls.
  Execute(
      "INSERT INTO session (session_id, link_id, account_id, platform, stream_mark, status, "
      "started_at, ended_at) VALUES (REPEAT('x', 16), REPEAT('y', 16), REPEAT('z', 16), 1, "
      "REPEAT('m', 32), 3, NOW(6) - INTERVAL 30 DAY, NOW(6) - INTERVAL 30 DAY)");
  EXPECT_TRUE(Eventually([&] { return Scalar("SELECT COUNT(*) FROM session") == "1"; }));
  worker->Stop();
  EXPECT_EQ(Polls(), before);
}

}  // namespace
}  // namespace stream::sessions
