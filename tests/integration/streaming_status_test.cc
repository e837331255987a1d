// What a session's status and the list of streams tell is true, whichever instance is asked and
// whichever one changed it, though little of it is read.
#include <random>

#include "libs/common/crypto/digest.h"
#include "services/streaming/audience/attendance_store.h"
#include "services/streaming/audience/audience_rpc.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

// Another instance on the same servers.
struct Instance {
  Instance(const common::mysql::Options& mysql_options, const common::redis::Options& redis_options,
           const common::rpc::Edge& edge, uint32_t max_heads = 300)
      : mysql(mysql_options),
        redis(redis_options),
        live(audience, pools, news, metrics, {.max_heads = max_heads}),
        session_rpc(edge, {mysql, sessions, life, raid, live, pools, watchers, settings.weights}),
        audience_rpc(edge, {sessions, pools, live, rounds, attendance, reactions, metrics}, {}) {}

  common::metrics::Registry metrics;
  common::mysql::Pool mysql;
  common::redis::Redis redis;
  common::redis::Functions audience_library{redis, Library("audience.lua")};
  common::redis::Functions rounds_library{redis, Library("rounds.lua")};
  pool::PoolStore pools{mysql};
  audience::AudienceStore audience{redis, audience_library};
  audience::NewsQueue news{metrics};
  audience::LiveStore live;
  audience::RoundSettings settings;
  audience::RoundStore rounds{redis, rounds_library, audience, live, pools, settings};
  audience::AttendanceStore attendance{mysql};
  reactions::ReactionStore reactions{redis};
  sessions::SessionStore sessions{mysql};
  follows::FollowStore follows{mysql, {}};
  sessions::SessionLife life{{mysql, sessions, pools, live, rounds, news, follows}, settings};
  sessions::SessionRaid raid{mysql, live, metrics, {.round = settings}};
  events::Watchers watchers{metrics, {}};
  sessions::SessionRpc session_rpc;
  audience::AudienceRpc audience_rpc;
};

class StatusTest : public LiveSessionTest {
 protected:
  // As the other instance tells it to a stranger.
  v1::StreamSessionDetail ElsewhereOf(const Session& session) {
    auto call = Call(Uuid::V4());
    v1::StreamSessionDetail response;
    v1::StreamSessionStatusRequest request;
    request.set_session_id(session.key.session.ToString());
    const auto status = other_.session_rpc.GetStreamSessionStatus(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  v1::BrowseStreamsResponse BrowseElsewhere(const v1::BrowseStreamsRequest& request) {
    auto call = Call(Uuid::V4());
    v1::BrowseStreamsResponse response;
    const auto status = other_.session_rpc.BrowseStreams(call, request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  v1::BrowseStreamsRequest AllStreams() {
    v1::BrowseStreamsRequest request;
    request.set_game_service_id(game_.ToString());
    return request;
  }
  // Status tells what loading the whole audience finds.
  void ExpectSameHeads(const Session& session) {
    const auto loaded = live_.Load(session.key);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    const auto glimpse = other_.live.Glance(session.key);
    ASSERT_TRUE(glimpse.ok()) << glimpse.status();
    EXPECT_EQ(glimpse->heads, loaded->heads);
    EXPECT_GE(glimpse->state.peak_heads, loaded->heads);
    EXPECT_EQ(ElsewhereOf(session).audience_count(), static_cast<int>(loaded->heads));
  }
  audience::LiveStore::Rule SendHome(uint32_t parties) {
    return [parties](const LiveSession& session) -> absl::StatusOr<Change> {
      Change change(session);
      for (uint32_t i = 0; i < std::min<size_t>(parties, session.parties.size()); ++i) {
        const audience::RunMask members = session.parties[i].members;
        change.leavers.push_back({i, i % 2 == 0 ? members : members & -members});
      }
      return change;
    };
  }

  Instance other_{mysql_.options(), RedisOptions(common::testing::SharedRedis()), edge_};
};

TEST_F(StatusTest, WhatAnotherInstanceChangedShowsAtOnce) {
  const Session session = GoLive();
  EXPECT_FALSE(ElsewhereOf(session).paused());
  auto call = Call(account_);
  v1::StreamSessionDetail detail;
  v1::PauseStreamSessionRequest pause;
  pause.set_session_id(session.key.session.ToString());
  ASSERT_TRUE(session_rpc_.PauseStreamSession(call, pause, detail).ok());
  EXPECT_TRUE(ElsewhereOf(session).paused());
  v1::ResumeStreamSessionRequest resume;
  resume.set_session_id(session.key.session.ToString());
  ASSERT_TRUE(session_rpc_.ResumeStreamSession(call, resume, detail).ok());
  EXPECT_FALSE(ElsewhereOf(session).paused());
  v1::SetContentTagsRequest tags;
  tags.set_session_id(session.key.session.ToString());
  tags.add_content_tags(v1::AUDIENCE_INTEREST_CREATIVE);
  detail.Clear();
  ASSERT_TRUE(session_rpc_.SetContentTags(call, tags, detail).ok());
  ASSERT_EQ(ElsewhereOf(session).content_tags_size(), 1);
  EXPECT_EQ(ElsewhereOf(session).content_tags(0), v1::AUDIENCE_INTEREST_CREATIVE);
  EXPECT_EQ(detail.content_tags(0), v1::AUDIENCE_INTEREST_CREATIVE);
}

TEST_F(StatusTest, AnEndElsewhereShowsAtOnce) {
  const Session session = GoLive();
  EXPECT_EQ(ElsewhereOf(session).status(), v1::STREAM_SESSION_STATUS_LIVE);
  ASSERT_TRUE(End(session.key.session.ToString()).ok());
  const auto ended = ElsewhereOf(session);
  EXPECT_EQ(ended.status(), v1::STREAM_SESSION_STATUS_ENDED);
  EXPECT_TRUE(ended.has_ended_at());
  EXPECT_EQ(ended.audience_count(), 0);
}

TEST_F(StatusTest, ASessionThatIsEndingIsNotLive) {
  const Session session = GoLive();
  EXPECT_EQ(ElsewhereOf(session).status(), v1::STREAM_SESSION_STATUS_LIVE);
  ASSERT_TRUE(*sessions_.MakeEnding(session.key.session, EndReason::kManual, now_));
  ASSERT_TRUE(live_.Seal(session.key, now_).ok());
  EXPECT_TRUE(common::errors::Is(live_.Glance(session.key).status(), kSessionNotLive));
  EXPECT_EQ(ElsewhereOf(session).status(), v1::STREAM_SESSION_STATUS_ENDING);
}

TEST_F(StatusTest, WhatRedisHasLostIsToldByTheRecord) {
  const Session session = GoLive();
  const auto before = ElsewhereOf(session);
  ASSERT_TRUE(redis_.Command({"DEL", audience::SessionKey(shard_, session.key.session)}).ok());
  const auto after = ElsewhereOf(session);
  EXPECT_EQ(after.status(), v1::STREAM_SESSION_STATUS_LIVE);
  EXPECT_EQ(after.audience_count(), before.audience_count()) << "of the record's start";
  EXPECT_EQ(after.started_at().seconds(), before.started_at().seconds());
}

TEST_F(StatusTest, ASessionThatAnEarlierVersionOpenedHasItsHeads) {
  const Session session = GoLive();
  ASSERT_TRUE(live_.Update(session.key, now_, Bring(40)).ok());
  const std::string key = audience::SessionKey(shard_, session.key.session);
  ASSERT_TRUE(redis_.Command({"HDEL", key, "heads", "joined"}).ok());
  ExpectSameHeads(session);
  ASSERT_TRUE(live_.Update(session.key, now_, Bring(40)).ok());
  ExpectSameHeads(session);
}

TEST_F(StatusTest, HeadsAreThoseOfTheAudienceAfterEveryChange) {
  const Session one = GoLive();
  const Session two = GoLive();
  std::mt19937 random(5);
  for (int i = 0; i < 40; ++i) {
    const Session& session = random() % 2 == 0 ? one : two;
    audience::LiveStore& live = random() % 2 == 0 ? live_ : other_.live;
    now_ += seconds(1);
    const auto rule = random() % 2 == 0 ? Bring(random() % 60) : SendHome(random() % 6);
    const auto changed = live.Update(session.key, now_, rule);
    ASSERT_TRUE(changed.ok()) << changed.status();
    ExpectSameHeads(one);
    ExpectSameHeads(two);
  }
  ExpectConservation();
  now_ += std::chrono::hours(2);
  const auto raided = raid_.Send(one, two, now_, std::nullopt);
  ASSERT_TRUE(raided.ok()) << raided.status();
  EXPECT_GT(raided->moved, 0u);
  ExpectSameHeads(one);
  ExpectSameHeads(two);
  EXPECT_EQ(ElsewhereOf(two).audience_count(), static_cast<int>(raided->to_heads));
  ExpectConservation();
}

// Both instances remember what they did; each is overtaken by the other all the time.
TEST_F(StatusTest, NobodyDecidesOnWhatIsNotSoAnyMore) {
  const Session session = GoLive();
  for (int i = 0; i < 6; ++i) {
    audience::LiveStore& live = i % 2 == 0 ? live_ : other_.live;
    const auto changed =
        live.Update(session.key, now_, [&](const LiveSession& now) -> absl::StatusOr<Change> {
          // Refused of anything but the newest.
          if (now.state.world_firsts != static_cast<uint32_t>(i)) {
            return absl::FailedPreconditionError("not the newest");
          }
          Change change(now);
          ++change.state.world_firsts;
          return change;
        });
    ASSERT_TRUE(changed.ok()) << i << changed.status();
  }
  ASSERT_TRUE(End(session.key.session.ToString()).ok());
  EXPECT_TRUE(common::errors::Is(other_.live.Update(session.key, now_, Bring(1)).status(),
                                 kSessionNotLive));
}

TEST_F(StatusTest, SeveralAreLoadedAtOnce) {
  std::vector<LiveKey> keys;
  for (int i = 0; i < 3; ++i) keys.push_back(GoLive().key);
  keys.push_back({.game = game_, .session = Uuid::V4()});
  const auto loaded = live_.LoadMany(keys);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_EQ(loaded->size(), keys.size());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE((*loaded)[i].has_value());
    const LiveSession alone = *live_.Load(keys[i]);
    EXPECT_EQ((*loaded)[i]->key, keys[i]);
    EXPECT_EQ((*loaded)[i]->nonce, alone.nonce);
    EXPECT_EQ((*loaded)[i]->parties, alone.parties);
    EXPECT_EQ((*loaded)[i]->state, alone.state);
  }
  EXPECT_FALSE((*loaded)[3].has_value());
  keys.resize(audience::LiveStore::kLoadManyMost + 1, keys[0]);
  EXPECT_TRUE(absl::IsInvalidArgument(live_.LoadMany(keys).status()));
}

TEST_F(StatusTest, TheListOfStreamsIsAtMostASecondBehind) {
  EXPECT_EQ(BrowseElsewhere(AllStreams()).streams_size(), 0);
  const Session session = GoLive();
  now_ += sessions::BrowseStore::kFresh;
  ASSERT_EQ(BrowseElsewhere(AllStreams()).streams_size(), 1);
  auto call = Call(account_);
  v1::StreamSessionDetail detail;
  v1::PauseStreamSessionRequest pause;
  pause.set_session_id(session.key.session.ToString());
  ASSERT_TRUE(session_rpc_.PauseStreamSession(call, pause, detail).ok());
  now_ += sessions::BrowseStore::kFresh;
  EXPECT_TRUE(BrowseElsewhere(AllStreams()).streams(0).paused());
  ASSERT_TRUE(End(session.key.session.ToString()).ok());
  now_ += sessions::BrowseStore::kFresh;
  EXPECT_EQ(BrowseElsewhere(AllStreams()).streams_size(), 0);
}

TEST_F(StatusTest, PagesOfTheListAreThoseOfTheDatabase) {
  std::vector<LiveSession> live;
  for (uint32_t i = 0; i < 7; ++i) {
    const Session session = GoLive();
    // Two of each size.
    const auto applied = live_.Update(session.key, now_, Bring(5 * (i / 2)));
    ASSERT_TRUE(applied.ok());
    live.push_back(applied->session);
  }
  worker_.Checkpoint(live);
  now_ += sessions::BrowseStore::kFresh;
  auto request = AllStreams();
  request.add_content_filter(v1::AUDIENCE_INTEREST_COMBAT);
  std::vector<std::string> shown;
  for (int offset = 0; offset < 9; offset += 3) {
    request.set_limit(3);
    request.set_offset(offset);
    const auto page = BrowseElsewhere(request);
    for (const auto& stream : page.streams()) {
      shown.push_back(stream.session_id());
      EXPECT_FALSE(stream.has_platform_session_linked());
    }
  }
  const auto all = sessions_.Browse({.game = game_, .limit = 100});
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(shown.size(), all->size());
  for (size_t i = 0; i < shown.size(); ++i) {
    EXPECT_EQ(shown[i], (*all)[i].key.session.ToString());
  }
}

// --- What reactions cost -------------------------------------------------------------------------

class ReactionCostTest : public StatusTest {
 protected:
  // Of a game of its own, all of whose pool watches.
  LiveKey Fill(uint32_t viewers) {
    const Uuid game = Uuid::V4();
    EXPECT_TRUE(big_.pools.Seed(game, viewers, {}, std::nullopt, now_).ok());
    account_ = Uuid::V4();
    auto wish = Wish();
    wish.set_game_service_id(game.ToString());
    const auto created = Create(wish);
    EXPECT_TRUE(created.ok()) << created.status();
    EXPECT_TRUE(Start(created->session_id()).ok());
    const LiveKey key = sessions_.Get(*Uuid::Parse(created->session_id()))->key;
    const auto pool = *big_.pools.Get(game);
    const auto filled =
        big_.live.Update(key, now_, [&](const LiveSession& live) -> absl::StatusOr<Change> {
          Change change(live);
          for (size_t a = 0; a < pool::kArchetypes; ++a) {
            change.wanted_heads[a] = change.free_heads[a] =
                pool->HeadsOf(0, static_cast<uint8_t>(a));
          }
          return change;
        });
    EXPECT_TRUE(filled.ok()) << filled.status();
    EXPECT_GE(filled->session.heads, viewers * 9 / 10);
    return key;
  }
  void React(const LiveKey& session) {
    common::rpc::CallContext call{.identity = {.service = true}, .now = now_};
    v1::TriggerReactionRequest request;
    request.set_session_id(session.session.ToString());
    request.set_event_type(v1::REACTION_EVENT_TYPE_CUSTOM_EVENT);
    request.set_significance(0.01f);
    v1::AudienceReactionResult result;
    const auto status = big_.audience_rpc.TriggerAudienceReaction(call, request, result);
    ASSERT_TRUE(status.ok()) << status;
  }
  // What Redis counts of itself.
  double Count(const std::string& name) {
    const auto reply = redis_.Command({"INFO", "stats"});
    const std::string text(reply->text());
    const size_t at = text.find("\n" + name + ":");
    return std::stod(text.substr(at + name.size() + 2));
  }
  struct Spent {
    double commands = 0;
    double bytes = 0;  // to Redis and from it
  };
  Spent Read() {
    return {.commands = Count("total_commands_processed"),
            .bytes = Count("total_net_input_bytes") + Count("total_net_output_bytes")};
  }
  Spent CostOf(uint32_t viewers) {
    const LiveKey session = Fill(viewers);
    React(session);
    const Spent begin = Read();
    for (int i = 0; i < 20; ++i) React(session);
    const Spent end = Read();
    return {.commands = end.commands - begin.commands, .bytes = end.bytes - begin.bytes};
  }

  Instance big_{mysql_.options(), RedisOptions(common::testing::SharedRedis()), edge_, 5000};
};

// At most twice: as many round trips, and about as many bytes.
TEST_F(ReactionCostTest, AHundredTimesTheViewersAskNoMoreOfRedis) {
  const Spent few = CostOf(50);
  const Spent many = CostOf(5000);
  EXPECT_LE(many.commands, few.commands * 1.5);
  EXPECT_LE(many.bytes, few.bytes * 2);
}

// Its members have been asked in the new round, and would be judged for the wrong one.
TEST_F(ReactionCostTest, NobodyIsJudgedByTheViewOfTheRoundBefore) {
  const LiveKey session = Fill(500);
  const Shard shard = {.game_service_id = session.game};
  audience::RoundWorker worker(
      big_.rounds, big_.live, big_.pools, big_.metrics, clock_,
      {.settings = settings_, .interval = minutes(60), .lease = minutes(60)});
  const auto kept = [&] { return (*big_.rounds.Outlook(shard, now_))->view.round; };
  ASSERT_TRUE(worker.RunOnce().ok());
  React(session);
  const uint32_t before = kept();
  ASSERT_TRUE(redis_.Command({"HSET", audience::RoundsKey(shard), "due", "0"}).ok());
  ASSERT_TRUE(worker.RunOnce().ok());
  EXPECT_EQ(kept(), before) << "it is not looked at in this second";
  React(session);
  EXPECT_EQ(kept(), before + 1);
}

}  // namespace
}  // namespace streaming
