// Rounds on real servers: the same seed and the same commands give the same crowd, whoever steps it
// and wherever an instance falls; members go from stream to stream and none is lost.
#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <set>

#include <absl/strings/match.h>
#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/testing/samples.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/hype/hum.h"
#include "services/streaming/hype/session_hype.h"
#include "services/streaming/reactions/session_reaction.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using audience::RoundWorker;
using common::testing::SampleOf;

class RoundsTest : public LiveSessionTest {
 protected:
  static constexpr uint32_t kSessions = 9;
  static constexpr uint32_t kRounds = 12;
  static constexpr auto kGreat = reactions::Event::kWorldFirst;

  // One daemon's heartbeat. Its clock can make it fail: people look at the time between two
  // sessions.
  struct Instance {
    std::unique_ptr<RoundWorker> worker;
    common::metrics::Registry metrics;
    int looks_left = -1;  // until `fail` happens; negative = never
    std::function<void()> fail;
    bool stopped = false;
    uint32_t moved_heads = 0;  // from stream to stream, as told after rounds
  };

  std::unique_ptr<Instance> NewInstance() {
    auto instance = std::make_unique<Instance>();
    const common::Clock clock = [this, self = instance.get()] {
      if (self->looks_left >= 0 && self->looks_left-- == 0) self->fail();
      return now_;
    };
    instance->worker = std::make_unique<RoundWorker>(
        rounds_, live_, pools_, instance->metrics, clock,
        RoundWorker::Options{
            .settings = settings_,
            .interval = minutes(60),
            .lease = minutes(60),
            .beside =
                [this](const auto& round, const auto& view, uint32_t self, auto& change) {
                  return hype::HumAtStep(trains_, round, view, self, change);
                },
            .moved =
                [self = instance.get()](const Shard&, const std::vector<audience::Flow>& moved) {
                  for (const audience::Flow& flow : moved) self->moved_heads += flow.heads;
                }});
    return instance;
  }

  static LiveKey KeyOf(const Uuid& game, uint32_t number) {
    return {.game = game, .session = Uuid::FromRandomBits(77, number)};
  }

  // Streams that differ in what they show, each with some followers.
  void OpenSessions() {
    const auto pool = *pools_.Get(game_);
    for (uint32_t i = 0; i < kSessions; ++i) {
      const LiveKey key = KeyOf(game_, i);
      LiveSession begins = {.key = key};
      begins.state.started_at = now_;
      begins.state.draw = 20.0f + 5.0f * static_cast<float>(i);
      begins.state.tags.Add(static_cast<pool::Interest>(i % pool::kInterests));
      begins.state.reputation = static_cast<float>(i) / kSessions;
      std::vector<uint32_t> members;
      for (uint32_t member = i; member < kPoolSize; member += 40) members.push_back(member);
      const audience::Followers followers(members);
      audience::View view = *rounds_.Recent(shard_, now_);
      const auto self = static_cast<uint32_t>(view.sessions.size());
      view.sessions.push_back(audience::ViewOf(settings_, *pool, begins, now_));
      begins.audience = audience::NewAudience(view.sessions.back(), view.round);
      Change first(begins);
      audience::Draft draft =
          audience::StartDraw(settings_, *pool, view, audience::Survey(view), self, followers);
      first.free_heads = view.free_heads;
      first.wanted_heads = draft.wanted_heads;
      first.named = std::move(draft.followers);
      ASSERT_TRUE(live_.Open(key, now_, first, followers).ok());
    }
  }

  // A command between two rounds, always with the same draws. Two of them begin a train.
  void React(uint32_t number, uint64_t key) {
    const auto seen = audience::Surveyed(*rounds_.Recent(shard_, now_));
    const auto applied = live_.Update(
        KeyOf(game_, number), now_, [&](const LiveSession& session) -> absl::StatusOr<Change> {
          const auto settings = audience::SettingsOf(settings_, *session.pool, 0);
          const auto scene = reactions::SceneOf(settings, seen, session, now_);
          ASSIGN_OR_RETURN(
              reactions::Outcome outcome,
              reactions::ReactIn(
                  settings, trains_, scene, session,
                  {.occurrence = {.event = kGreat, .key = key}, .description = "", .at = now_}));
          return std::move(outcome.change);
        });
    ASSERT_TRUE(applied.ok()) << applied.status();
  }

  uint32_t RoundNow() {
    const auto reply = redis_.Command({"HGET", audience::RoundsKey(shard_), "round"});
    return static_cast<uint32_t>(std::atoi(std::string(reply->text()).c_str()));
  }

  bool AllHaveBegun(uint32_t round) {
    for (uint32_t i = 0; i < kSessions; ++i) {
      const auto session = live_.Load(KeyOf(game_, i));
      if (!session.ok() || session->audience.last_round != round || session->audience.steps == 0) {
        return false;
      }
    }
    return true;
  }

  // Does its next round, on one instance.
  void Advance(RoundWorker& worker) {
    now_ += minutes(1);
    ASSERT_TRUE(redis_.Command({"HSET", audience::RoundsKey(shard_), "due", "0"}).ok());
    const auto stepped = worker.RunOnce();
    ASSERT_TRUE(stepped.ok()) << stepped.status();
  }

  int64_t PendingTransitions() {
    return redis_.Command({"LLEN", audience::HypePendingKey(shard_)})->integer();
  }

  // All that a crowd is: who sits where, since when, and what each kind feels; and what is to be
  // announced of its trains.
  std::string StateHash() {
    std::string state;
    for (const std::string& transition :
         redis_.Command({"LRANGE", audience::HypePendingKey(shard_), "0", "-1"})->Texts()) {
      state += transition;
    }
    for (uint32_t i = 0; i < kSessions; ++i) {
      const LiveSession session = *live_.Load(KeyOf(game_, i));
      for (const audience::Party& party : session.parties) audience::AppendParty(state, party);
      state += EncodeAudience(session.audience) + session.mood + session.hype;
      state += EncodeMoments(session.moments);
    }
    return common::crypto::Sha256(state);
  }

  // Makes the next round due and has the instances step it, in any order, until its first cohort is
  // through: what was left of the round before goes first.
  void Advance(std::vector<std::unique_ptr<Instance>>& instances, std::mt19937& random) {
    const uint32_t round = RoundNow() + 1;
    now_ += minutes(1);
    ASSERT_TRUE(redis_.Command({"HSET", audience::RoundsKey(shard_), "due", "0"}).ok());
    for (int tries = 0; tries < 200 && !(RoundNow() == round && AllHaveBegun(round)); ++tries) {
      auto& instance = instances[random() % instances.size()];
      // One that was stopped is a new process by now.
      if (instance->stopped) instance = NewInstance();
      // A failure in the middle is not the test's; that the others go on is.
      instance->worker->RunOnce().IgnoreError();
    }
    // Whoever leads by now finishes what a failure left undone.
    for (auto& instance : instances) {
      instance->looks_left = -1;
      if (instance->stopped) instance = NewInstance();
      ASSERT_TRUE(instance->worker->RunOnce().ok());
    }
    ASSERT_EQ(RoundNow(), round);
    ASSERT_TRUE(AllHaveBegun(round));
  }

  struct Tale {
    std::vector<std::string> hashes;  // after each round
    double competed = 0;              // heads
    int64_t hummed = 0;               // transitions of trains that steps made
  };

  // The whole story from the same beginning. Each fault is asked before a round.
  Tale Play(size_t count,
            const std::function<void(std::vector<std::unique_ptr<Instance>>&, uint32_t)>& fault) {
    EXPECT_TRUE(redis_.Command({"FLUSHDB"}).ok());
    now_ = *common::ParseTime("2026-01-02T03:04:05Z");
    OpenSessions();
    std::vector<std::unique_ptr<Instance>> instances;
    for (size_t i = 0; i < count; ++i) instances.push_back(NewInstance());
    std::mt19937 random(7);
    Tale tale;
    for (uint32_t round = 1; round <= kRounds && !HasFatalFailure(); ++round) {
      fault(instances, round);
      tale.hummed -= PendingTransitions();
      Advance(instances, random);
      tale.hummed += PendingTransitions();
      if (round % 3 == 0) {
        for (const uint64_t key : {2 * round, 2 * round + 1}) React(round % kSessions, key);
      }
      tale.hashes.push_back(StateHash());
    }
    for (const auto& instance : instances) {
      tale.competed +=
          SampleOf(instance->metrics.Text(), "streaming_audience_left_total{reason=\"Competed\"}");
    }
    return tale;
  }

  hype::Settings trains_;
};

TEST_F(RoundsTest, OneInstanceOrThreeGiveTheSameCrowd) {
  // Two great moments begin a train, and it rises and completes as its audience hums.
  trains_ = {.start_threshold = 1.9, .first_cost = 0.03, .cost_growth = 1};
  const auto no_fault = [](auto&, uint32_t) {};
  const Tale one = Play(1, no_fault);
  EXPECT_GT(one.competed, 0);
  EXPECT_GT(one.hummed, 0);
  EXPECT_NE(one.hashes.front(), one.hashes.back());
  EXPECT_EQ(Play(1, no_fault).hashes, one.hashes);

  // The leader falls in the middle of a cohort, at another place each time: it is stopped, or it
  // goes on as if it still led although another does.
  std::mt19937 random(11);
  uint32_t faults = 0;
  const Tale three = Play(3, [&](auto& instances, uint32_t round) {
    for (auto& instance : instances) {
      Instance* const self = instance.get();
      self->looks_left = static_cast<int>(random() % 60);
      self->fail = [this, &faults, self, round] {
        ++faults;
        self->stopped = round % 2 == 0;
        if (self->stopped) return self->worker->Stop();
        redis_.Command({"HDEL", audience::RoundsKey(shard_), "leader"}).IgnoreError();
      };
    }
  });
  EXPECT_GT(faults, kRounds / 2);
  EXPECT_EQ(three.hashes, one.hashes);
  ExpectConservation();
}

// What a real crowd feels reaches a train with the steps of the next round, never at the pulse.
TEST_F(RoundsTest, ACheeringCrowdMovesTheTrainWithItsStepsOnly) {
  OpenSessions();
  auto instance = NewInstance();
  const auto hype = [&](uint32_t number) { return live_.Load(KeyOf(game_, number))->hype; };
  const auto given = [&](uint32_t number) {
    return hype::StateOf(hype(number))->train.value_or(hype::Train()).progress;
  };
  // Two streams alike but for the mood of one, and a third without a train.
  for (const uint32_t number : {1u, 2u}) {
    ASSERT_TRUE(
        live_
            .Update(
                KeyOf(game_, number), now_,
                [&](const LiveSession& session) -> absl::StatusOr<Change> {
                  Change change(session);
                  for (int i = 0; i < 2; ++i) {
                    RETURN_IF_ERROR(
                        hype::Contribute({}, session.key.session, {now_, 0.4, 1}, change).status());
                  }
                  return change;
                })
            .ok());
  }
  const std::string before = hype(1);
  ASSERT_TRUE(live_
                  .Update(KeyOf(game_, 1), now_,
                          [&](const LiveSession& session) -> absl::StatusOr<Change> {
                            blending::Crowd crowd;
                            crowd.mood.levels.fill(1);
                            crowd.last_pulse_at = now_ + minutes(9);
                            Change change(session);
                            change.mood = blending::EncodeCrowd(crowd);
                            return change;
                          })
                  .ok());
  EXPECT_EQ(hype(1), before);
  for (int round = 0; round < 3; ++round) Advance(*instance->worker);
  EXPECT_GT(given(1), given(2));
  EXPECT_GT(given(1), 0.05);
  EXPECT_LT(given(1), 3 * hype::kHumMost);
  EXPECT_EQ(hype(3), "");
}

TEST_F(RoundsTest, WhoIsWonOverSitsInTheOtherStream) {
  OpenSessions();
  auto instance = NewInstance();
  news_.Take(audience::NewsQueue::kLimit);
  uint32_t competed = 0;
  uint32_t joined = 0;
  for (uint32_t round = 1; round <= 8; ++round) {
    now_ += minutes(1);
    ASSERT_TRUE(redis_.Command({"HSET", audience::RoundsKey(shard_), "due", "0"}).ok());
    const auto stepped = instance->worker->RunOnce();
    ASSERT_TRUE(stepped.ok()) << stepped.status();
    EXPECT_EQ(*stepped, round == 1 ? kSessions : 4 * kSessions);
    ExpectConservation();
    for (const audience::News& news : news_.Take(audience::NewsQueue::kLimit)) {
      if (!news.left) joined += news.heads;
      if (news.left == audience::LeftReason::kCompeted) competed += news.heads;
    }
  }
  EXPECT_GT(competed, 0u);
  EXPECT_GE(joined, competed);
  EXPECT_EQ(competed, SampleOf(instance->metrics.Text(),
                               "streaming_audience_left_total{reason=\"Competed\"}"));
  // The eighth round is not through.
  EXPECT_GT(instance->moved_heads, 0u);
  EXPECT_LE(instance->moved_heads, competed);
}

TEST_F(RoundsTest, NobodyComesToAStreamThatWasPausedSinceTheRoundBegan) {
  OpenSessions();
  auto instance = NewInstance();
  Advance(*instance->worker);  // the view is taken, and the first cohort steps
  const LiveKey key = KeyOf(game_, 3);
  ASSERT_TRUE(live_
                  .Update(key, now_,
                          [](const LiveSession& session) -> absl::StatusOr<Change> {
                            Change change(session);
                            change.state.paused = true;
                            return change;
                          })
                  .ok());
  const auto members = [&] {
    std::set<uint32_t> found;
    const LiveSession session = *live_.Load(key);
    for (const audience::Party& party : session.parties) {
      audience::ForEachPlace(party.members, [&](uint32_t place) {
        found.insert(party.run * pool::kRunLength + place);
      });
    }
    return found;
  };
  const std::set<uint32_t> then = members();
  for (int i = 0; i < 4; ++i) Advance(*instance->worker);
  const std::set<uint32_t> now = members();
  EXPECT_TRUE(std::ranges::includes(then, now)) << "somebody came";
  EXPECT_LT(now.size(), then.size());
}

TEST_F(RoundsTest, ALongRoundIsAsLongAsSeveral) {
  OpenSessions();
  RoundWorker::Options options{.settings = settings_,
                               .interval = seconds(1),
                               .high_load_interval = seconds(5),
                               .lease = minutes(60)};
  // Each look at the time costs a tenth of a second, so that every round takes too long.
  RoundWorker slow(
      rounds_, live_, pools_, metrics_, [this] { return now_ += std::chrono::milliseconds(100); },
      options);
  const auto advance = [&] {
    ASSERT_TRUE(redis_.Command({"HSET", audience::RoundsKey(shard_), "due", "0"}).ok());
    ASSERT_TRUE(slow.RunOnce().ok());
  };
  advance();
  EXPECT_EQ(RoundNow(), 1u);
  advance();  // its load is known from here on
  EXPECT_EQ(RoundNow(), 2u);
  EXPECT_EQ(rounds_.Find(shard_, 2).value()->stretch, 1);
  advance();
  EXPECT_EQ(RoundNow(), 3u);
  EXPECT_EQ(rounds_.Find(shard_, 3).value()->stretch, 5);
  advance();
  EXPECT_EQ(RoundNow(), 8u) << "five intervals later";
  ExpectConservation();
}

TEST_F(RoundsTest, FollowersAreKnownAndComeFirst) {
  OpenSessions();
  auto instance = NewInstance();
  for (uint32_t round = 1; round <= 4; ++round) Advance(*instance->worker);
  uint32_t followers = 0;
  for (uint32_t i = 0; i < kSessions; ++i) {
    const LiveSession session = *live_.Load(KeyOf(game_, i));
    for (const audience::Party& party : session.parties) {
      audience::ForEachPlace(party.members, [&](uint32_t place) {
        const uint32_t member = party.run * pool::kRunLength + place;
        const bool follows = member % 40 == i && party.joining.flags == audience::kFollows;
        // Who was won over from another stream is not known here.
        EXPECT_TRUE(party.joining.flags != audience::kFollows || member % 40 == i);
        followers += follows;
      });
    }
  }
  EXPECT_GT(followers, 0u);
}

TEST_F(RoundsTest, APoolGrowsWhenTooFewAreFree) {
  const Session session = GoLive();
  ASSERT_TRUE(live_.Update(session.key, now_, Bring(250)).ok());
  RoundWorker worker(rounds_, live_, pools_, metrics_, clock_,
                     {.settings = settings_,
                      .interval = std::chrono::milliseconds(1),
                      .cohorts = 1,
                      .growth = {.free_share = 0.99, .max_members = 4500}});
  ASSERT_TRUE(Eventually(
      [&] { return (*pools_.Get(game_))->spec().size == 4500 || !worker.RunOnce().ok(); }));
  EXPECT_EQ((*pools_.Get(game_))->spec().size, 4500u);
  EXPECT_EQ(SampleOf(metrics_.Text(), "streaming_pool_grown_members_total"), 500);
  EXPECT_EQ(*pools_.GrowFrom(game_, kPoolSize, 100, now_), 0u) << "it has grown already";
  // Whoever sat there sits there still.
  const auto live = live_.Load(session.key);
  ASSERT_TRUE(live.ok());
  EXPECT_GT(live->heads, 0u);
}

class RaidTest : public LiveSessionTest {
 protected:
  struct Pair {
    Session from;
    Session to;
  };
  // Two live sessions, the first with an audience. The second one's owner becomes account_.
  Pair TwoStreams() {
    Pair pair{.from = GoLive()};
    owner_ = account_;
    pair.to = GoLive();
    EXPECT_TRUE(live_.Update(pair.from.key, now_, Bring(200)).ok());
    return pair;
  }

  absl::StatusOr<v1::RaidStreamSessionResponse> Raid(const Pair& pair, bool service = true,
                                                     const std::optional<Uuid>& request_id = {}) {
    auto call = Call(owner_);
    call.identity.service = service;
    v1::RaidStreamSessionRequest request;
    request.set_from_session_id(pair.from.key.session.ToString());
    request.set_to_session_id(pair.to.key.session.ToString());
    if (request_id) request.set_request_id(request_id->ToString());
    v1::RaidStreamSessionResponse response;
    RETURN_IF_ERROR(session_rpc_.RaidStreamSession(call, request, response));
    return response;
  }

  Uuid owner_;
};

TEST_F(RaidTest, AboutHalfGoesOverOnce) {
  const Pair pair = TwoStreams();
  const uint32_t before = live_.Load(pair.from.key)->heads;
  const uint32_t there = live_.Load(pair.to.key)->heads;
  const Uuid request_id = Uuid::V4();
  const auto raided = Raid(pair, true, request_id);
  ASSERT_TRUE(raided.ok()) << raided.status();
  const auto moved = static_cast<uint32_t>(raided->moved_count());
  EXPECT_GT(moved, before / 4);
  EXPECT_LT(moved, before * 3 / 4);
  EXPECT_EQ(live_.Load(pair.from.key)->heads, before - moved);
  EXPECT_EQ(live_.Load(pair.to.key)->heads, there + moved);
  EXPECT_EQ(raided->to_audience_count(), static_cast<int>(there + moved));
  ExpectConservation();

  // A retry answers the same and changes nothing; another raid has to wait.
  EXPECT_EQ(Raid(pair, true, request_id)->SerializeAsString(), raided->SerializeAsString());
  EXPECT_EQ(CountEvents("StreamingSessionRaidedEvent"), 1);
  ASSERT_EQ(raids_told_.size(), 1u);
  EXPECT_EQ(raids_told_[0], (audience::Flow{.kind = audience::FlowKind::kRaid,
                                            .from = pair.from.key.session,
                                            .to = pair.to.key.session,
                                            .heads = moved,
                                            .at = now_}));
  EXPECT_TRUE(common::errors::Is(Raid(pair).status(), kRaidCooldown));
  EXPECT_EQ(live_.Load(pair.to.key)->heads, there + moved);
  now_ += minutes(11);
  EXPECT_TRUE(Raid(pair).ok());
  ExpectConservation();

  const auto log = redis_.Command({"XRANGE", audience::LogKey(shard_), "-", "+"});
  ASSERT_EQ(log->size(), 4u);  // two sessions opened, and two raids
  EXPECT_EQ((*log)[0][1][3].text(), "open");
  EXPECT_TRUE(absl::StrContains(common::ToAbsl((*log)[2][1][3].text()),
                                " raid to=" + pair.to.key.session.ToString()));
  // Who was sent over watched both, and the end of the first one knows it.
  const auto ended = life_.End(pair.from.key.session, EndReason::kManual, now_);
  ASSERT_TRUE(ended.ok());
  const auto rows = mysql_.Query("SELECT COUNT(*) FROM attendance");
  EXPECT_GE((*rows)[0].Get<uint32_t>(0), before);
  ExpectConservation();
}

TEST_F(RaidTest, KeepsToTheRoomThere) {
  const Pair pair = TwoStreams();
  ASSERT_TRUE(live_.Update(pair.to.key, now_, Bring(280)).ok());
  const auto raided = Raid(pair);
  ASSERT_TRUE(raided.ok());
  EXPECT_GT(raided->moved_count(), 0);
  EXPECT_EQ(live_.Load(pair.to.key)->heads, 300u);
  ExpectConservation();
}

TEST_F(RaidTest, IsRefusedWithAReason) {
  const Pair pair = TwoStreams();
  const auto reason = [&](const Pair& wish, bool service, const common::errors::Reason& expected) {
    return common::errors::Is(Raid(wish, service).status(), expected);
  };
  EXPECT_TRUE(reason(pair, false, kCapabilityMissing));
  EXPECT_TRUE(reason({pair.from, pair.from}, true, kRaidTargetInvalid));
  Pair nowhere = pair;
  nowhere.to.key.session = Uuid::V4();
  EXPECT_TRUE(reason(nowhere, true, kSessionNotFound));
  EXPECT_TRUE(reason({pair.to, pair.from}, false, kSessionNotOwned));
  v1::PauseStreamSessionRequest pause;
  pause.set_session_id(pair.to.key.session.ToString());
  v1::StreamSessionDetail detail;
  auto call = Call(account_);
  ASSERT_TRUE(session_rpc_.PauseStreamSession(call, pause, detail).ok());
  EXPECT_TRUE(reason(pair, true, kRaidTargetPaused));
  ASSERT_TRUE(End(pair.to.key.session.ToString()).ok());
  EXPECT_TRUE(reason(pair, true, kSessionNotLive));
  EXPECT_EQ(CountEvents("StreamingSessionRaidedEvent"), 0);
}

TEST_F(RaidTest, ACareerOpensIt) {
  const Pair pair = TwoStreams();
  ASSERT_TRUE(mysql_
                  .Execute("INSERT IGNORE INTO streamer (streamer_type, streamer_id, "
                           "game_service_id, viewer_secret) VALUES (?, ?, ?, 1)",
                           static_cast<int>(pair.from.streamer_type), pair.from.streamer, game_)
                  .ok());
  ASSERT_TRUE(
      mysql_.Execute("UPDATE streamer SET phase = 5 WHERE streamer_id = ?", pair.from.streamer)
          .ok());
  const auto raided = Raid(pair, false);
  EXPECT_TRUE(raided.ok()) << raided.status();
}

TEST_F(RaidTest, GoesFromShardToShard) {
  const Uuid game = Uuid::V4();
  ASSERT_TRUE(pools_.Seed(game, kPoolSize, {.shards = 8}, std::nullopt, now_).ok());
  const auto go_live = [&] {
    account_ = Uuid::V4();
    auto wish = Wish();
    wish.set_game_service_id(game.ToString());
    const auto created = Create(wish);
    EXPECT_TRUE(Start(created->session_id()).ok());
    return *sessions_.Get(*Uuid::Parse(created->session_id()));
  };
  Pair pair{.from = go_live()};
  owner_ = account_;
  do pair.to = go_live();
  while (pair.to.key.shard == pair.from.key.shard);
  ASSERT_TRUE(live_.Update(pair.from.key, now_, Bring(200)).ok());
  const uint32_t before = live_.Load(pair.from.key)->heads;
  const uint32_t there = live_.Load(pair.to.key)->heads;
  const Uuid request_id = Uuid::V4();
  const auto raided = Raid(pair, true, request_id);
  ASSERT_TRUE(raided.ok()) << raided.status();
  EXPECT_GT(raided->moved_count(), 0);
  EXPECT_LT(live_.Load(pair.from.key)->heads, before);
  EXPECT_EQ(live_.Load(pair.to.key)->heads, there + static_cast<uint32_t>(raided->moved_count()));
  const auto again = Raid(pair, true, request_id);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), raided->SerializeAsString());
  // Also when the other one has ended since.
  ASSERT_TRUE(life_.End(pair.to.key.session, EndReason::kManual, now_).ok());
  const auto late = Raid(pair, true, request_id);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->from_audience_count(), raided->from_audience_count());
  ASSERT_EQ(raids_told_.size(), 1u);
  EXPECT_EQ(raids_told_[0].heads, static_cast<uint32_t>(raided->moved_count()));
}

}  // namespace
}  // namespace streaming
