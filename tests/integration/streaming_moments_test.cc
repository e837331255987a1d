// Reactions, hype and blending on real stores: contributions add up, every transition is announced
// once, a replay changes nothing, and a pulse counts once and only where it belongs.
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>
#include <vector>

#include <bannou/common/v1/inbound.pb.h>
#include <bannou/stream/v1/events.pb.h>
#include <bannou/stream/v1/sentiment.pb.h>
#include <bannou/streaming/v1/events.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/nats/contract.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/audience_rpc.h"
#include "services/streaming/blending/platform_session_worker.h"
#include "services/streaming/blending/pulse_worker.h"
#include "services/streaming/errors.h"
#include "services/streaming/events/event.h"
#include "services/streaming/hype/hype_rpc.h"
#include "services/streaming/hype/hype_worker.h"

namespace streaming {
namespace {

using audience::Change;
using audience::LiveSession;
using blending::PulseOutcome;
using common::testing::Eventually;
using common::testing::SharedMariaDb;
using common::testing::SharedNats;
using common::testing::SharedRedis;
namespace v1 = bannou::streaming::v1;
namespace platform = bannou::stream::v1;

constexpr uint32_t kPoolSize = 2000;
constexpr uint32_t kFirstHeadsPerArchetype = 2;

common::mysql::Options MysqlOptions() {
  common::mysql::Options options;
  options.port = SharedMariaDb().port();
  options.user = SharedMariaDb().user();
  options.password = common::config::Secret(SharedMariaDb().password());
  options.database = SharedMariaDb().CreateDatabase();
  return options;
}

common::redis::Options RedisOptions() {
  common::redis::Options options;
  options.port = SharedRedis().port();
  return options;
}

std::string FileText(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t MembersOf(const LiveSession& session) {
  uint64_t members = 0;
  for (const audience::Party& party : session.parties) members += audience::CountOf(party.members);
  return members;
}

// The parts of the daemon that moments need, on stores of their own, and one live session.
class MomentsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    ASSERT_TRUE(audience_functions_.Load().ok());
    ASSERT_TRUE(round_functions_.Load().ok());
    ASSERT_TRUE(pools_.Seed(game_, kPoolSize, {}, std::nullopt, now_).ok());
    session_ = OpenSession(owner_);
  }

  // A live session of this account, with a small audience.
  sessions::Session OpenSession(const common::Uuid& account,
                                std::optional<common::Uuid> platform_session = std::nullopt) {
    auto session = sessions_.Create({.game = game_,
                                     .streamer_type = sessions::StreamerType::kAccount,
                                     .streamer = account,
                                     .platform_session = platform_session},
                                    {.account = account}, now_);
    EXPECT_TRUE(session.ok()) << session.status();
    Change first;
    first.wanted_heads.fill(kFirstHeadsPerArchetype);
    first.free_heads.fill(kPoolSize / pool::kArchetypes);
    first.audience.interest.fill(0.5f);
    first.state.streamer_type = static_cast<uint8_t>(sessions::StreamerType::kAccount);
    first.state.streamer = account;
    first.state.owner = account;
    first.state.started_at = now_;
    const auto opened = live_.Open(session->key, now_, first);
    EXPECT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(*sessions_.MakeLive(*session, opened->heads, now_));
    return *session;
  }

  LiveSession Live(const sessions::Session& session) { return live_.Load(session.key).value(); }

  common::rpc::CallContext Caller(const common::Uuid& account, bool service = false) {
    common::rpc::CallContext call;
    call.identity.account = account;
    call.identity.user = true;
    call.identity.service = service;
    call.now = now_;
    return call;
  }

  v1::TriggerReactionRequest Moment(v1::ReactionEventType event, float significance) {
    v1::TriggerReactionRequest request;
    request.set_session_id(session_.key.session.ToString());
    request.set_event_type(event);
    request.set_significance(significance);
    return request;
  }

  absl::StatusOr<v1::AudienceReactionResult> React(const v1::TriggerReactionRequest& request,
                                                   bool service = true) {
    common::rpc::CallContext call = Caller(owner_, service);
    v1::AudienceReactionResult result;
    const absl::Status status = audience_rpc_.TriggerAudienceReaction(call, request, result);
    if (!status.ok()) return status;
    return result;
  }

  // Two great moments: a train begins.
  void BeginTrain() {
    EXPECT_FALSE(React(Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1))->triggered_hype_train());
    EXPECT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1))->triggered_hype_train());
  }

  int64_t Count(const std::string& sql) { return mysql_.Query(sql).value().at(0).Get<int64_t>(0); }
  int64_t Announced(const std::string& subject) {
    return Count("SELECT COUNT(*) FROM outbox WHERE subject = '" + subject + "'");
  }
  int64_t Pending() {
    return redis_.Command({"LLEN", audience::HypePendingKey(shard_)}).value().integer();
  }

  platform::SentimentPulse Pulse(const common::Uuid& platform_session) {
    platform::SentimentPulse pulse;
    pulse.set_pulse_id(common::Uuid::V4().ToString());
    pulse.set_platform_session_id(platform_session.ToString());
    pulse.set_in_game_session_id(session_.key.session.ToString());
    *pulse.mutable_timestamp() = events::ToTimestamp(now_);
    auto& entry = *pulse.add_sentiments();
    entry.set_category(platform::SENTIMENT_CATEGORY_EXCITED);
    entry.set_intensity(1);
    return pulse;
  }
  std::optional<PulseOutcome> Deliver(const platform::SentimentPulse& pulse,
                                      uint64_t delivered = 1) {
    const auto outcome = pulse_worker_.Handle(pulse.SerializeAsString(), now_, delivered);
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.value_or(std::nullopt);
  }

  void StartNats() {
    connection_ =
        common::nats::Connection::Connect({.url = SharedNats().url(), .name = "test"}).value();
    jetstream_ = common::nats::JetStream::Make(*connection_).value();
    for (const auto* file : {platform::StreamPlatformSessionStartedEvent::descriptor()->file(),
                             v1::StreamingHypeTriggeredEvent::descriptor()->file(),
                             bannou::common::v1::AccountDeletedEvent::descriptor()->file()}) {
      ASSERT_TRUE(jetstream_->Declare(common::nats::StreamsOf(*file)).ok());
    }
  }
  void Publish(const std::string& subject, const google::protobuf::Message& message) {
    ASSERT_TRUE(jetstream_->Publish(subject, message.SerializeAsString(), {}, "").ok());
  }

  common::Time now_ = common::Now();
  const common::Uuid game_ = common::Uuid::V4();
  const common::Uuid owner_ = common::Uuid::V4();
  const audience::Shard shard_{game_, 0};
  common::metrics::Registry metrics_;
  common::mysql::Pool mysql_{MysqlOptions()};
  common::redis::Redis redis_{RedisOptions()};
  common::redis::Functions audience_functions_{redis_,
                                               FileText("services/streaming/redis/audience.lua")};
  common::redis::Functions round_functions_{redis_,
                                            FileText("services/streaming/redis/rounds.lua")};
  audience::AudienceStore audience_{redis_, audience_functions_};
  pool::PoolStore pools_{mysql_};
  sessions::SessionStore sessions_{mysql_};
  audience::NewsQueue news_{metrics_};
  audience::LiveStore live_{audience_, pools_, news_, metrics_, {}};
  audience::RoundStore rounds_{redis_, round_functions_, audience_, live_, pools_, {}};
  audience::AttendanceStore attendance_{mysql_};
  std::mutex told_mutex_;
  std::vector<v1::ClientEvent> told_;
  reactions::ReactionStore reactions_{redis_};
  hype::HypeStore hype_{redis_, mysql_, metrics_};
  hype::HypeWorker hype_worker_{live_, hype_, pools_, metrics_, {.clock = [this] { return now_; }}};
  blending::PlatformSessionStore platform_sessions_{mysql_};

  common::rpc::TokenVerifier verifier_{{}};
  common::executor::Executor executor_{1, 1};
  common::rpc::Edge edge_{{.domain = "test"}, verifier_, executor_, metrics_};
  audience::AudienceRpc audience_rpc_{
      edge_,
      {sessions_, pools_, live_, rounds_, attendance_, reactions_, metrics_,
       [this](const common::Uuid&, const v1::ClientEvent& event) {
         const std::lock_guard lock(told_mutex_);
         told_.push_back(event);
       }},
      {}};
  hype::HypeRpc hype_rpc_{edge_, live_, hype_, sessions_, {}};

  std::unique_ptr<common::nats::Connection> connection_;
  std::unique_ptr<common::nats::JetStream> jetstream_;
  blending::PulseWorker pulse_worker_{live_, platform_sessions_, metrics_, 50,
                                      [this] { return now_; }};
  sessions::Session session_;
};

// --- Reactions -----------------------------------------------------------------------------------

TEST_F(MomentsTest, ConcurrentReactionsAllCount) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5;
  std::vector<std::jthread> threads;
  std::atomic<int64_t> gained = 0;
  std::atomic<int64_t> lost = 0;
  std::atomic<double> told = 0;
  const uint32_t before = Live(session_).heads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        const auto result = React(Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 0.002f));
        ASSERT_TRUE(result.ok()) << result.status();
        gained += result->audience_gained();
        lost += result->audience_lost();
        told += result->hype_contribution();
      }
    });
  }
  threads.clear();
  const LiveSession after = Live(session_);
  EXPECT_EQ(after.state.world_firsts, static_cast<uint32_t>(kThreads * kEach));
  EXPECT_EQ(int64_t{after.heads}, before + gained - lost);
  EXPECT_EQ(audience_.Audit(shard_)->bits_before, MembersOf(after));
  const auto hype = hype::StateOf(after.hype);
  ASSERT_TRUE(hype.ok());
  ASSERT_EQ(hype->window.size(), static_cast<size_t>(kThreads * kEach));  // too little for a train
  double counted = 0;
  for (const hype::Contribution& contribution : hype->window) counted += contribution.amount;
  EXPECT_GT(counted, 0);
  EXPECT_NEAR(counted, told, 1e-4);
}

TEST_F(MomentsTest, AReplayTellsWhatWasToldAndChangesNothing) {
  v1::TriggerReactionRequest request = Moment(v1::REACTION_EVENT_TYPE_ACHIEVEMENT, 0.9f);
  request.set_request_id(common::Uuid::V4().ToString());
  const auto first = React(request);
  ASSERT_TRUE(first.ok()) << first.status();
  const LiveSession before = Live(session_);
  const auto second = React(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(Live(session_).nonce, before.nonce);

  request.set_significance(0.1f);
  EXPECT_TRUE(common::errors::Is(React(request).status(), common::errors::kRequestIdReused));
  EXPECT_EQ(Live(session_).nonce, before.nonce);
}

TEST_F(MomentsTest, FrontEndsAreToldOfAReactionOnce) {
  auto moment = Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 0.01f);
  moment.set_request_id(common::Uuid::V4().ToString());
  const auto first = React(moment);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(React(moment).ok());
  ASSERT_EQ(told_.size(), 1u) << "a replay is told to its caller only";
  const auto& reaction = told_[0].audience_reaction();
  EXPECT_EQ(reaction.session_id(), session_.key.session.ToString());
  EXPECT_EQ(reaction.reaction_type(), bannou::stream::v1::SENTIMENT_CATEGORY_SURPRISED);
  EXPECT_FLOAT_EQ(reaction.intensity(),
                  std::max(first->excitement_delta(), first->hype_contribution()));
  EXPECT_EQ(reaction.event_name(), "streaming.audience_reaction");
  ASSERT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_COMBAT_KILL, 0)).ok());
  EXPECT_EQ(told_.size(), 1u) << "nobody noticed";

  // With a train that runs, how far it is as well.
  for (int i = 0; i < 6 && told_.back().has_audience_reaction(); ++i) {
    ASSERT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 0.6f)).ok());
  }
  ASSERT_TRUE(told_.back().has_hype_progress());
  auto call = Caller(owner_);
  v1::HypeStatusRequest request;
  request.set_session_id(session_.key.session.ToString());
  v1::HypeTrainStatus status;
  ASSERT_TRUE(hype_rpc_.GetHypeStatus(call, request, status).ok());
  EXPECT_EQ(told_.back().hype_progress().level(), status.current_level());
  EXPECT_FLOAT_EQ(told_.back().hype_progress().progress(), status.progress());
}

TEST_F(MomentsTest, OnlyTheOwnerActsAndOnlyAGameServerReportsAWorldFirst) {
  common::rpc::CallContext stranger = Caller(common::Uuid::V4());
  v1::AudienceReactionResult result;
  EXPECT_TRUE(
      common::errors::Is(audience_rpc_.TriggerAudienceReaction(
                             stranger, Moment(v1::REACTION_EVENT_TYPE_ACHIEVEMENT, 0.5f), result),
                         kSessionNotOwned));
  EXPECT_TRUE(common::errors::Is(
      React(Moment(v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1), false).status(), kEventTypeNotAllowed));
  // What a player calls tremendous is as much as the setting allows.
  const auto clamped = React(Moment(v1::REACTION_EVENT_TYPE_CUSTOM_EVENT, 1), false);
  const auto full = React(Moment(v1::REACTION_EVENT_TYPE_CUSTOM_EVENT, 1), true);
  ASSERT_TRUE(clamped.ok() && full.ok());
  EXPECT_LT(clamped->hype_contribution(), full->hype_contribution());
}

TEST_F(MomentsTest, PlayersReactSoOftenAMinute) {
  constexpr int kLimit = 30;  // the option's default
  for (int i = 0; i < kLimit; ++i) {
    ASSERT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_LEVEL_UP, 0), false).ok());
  }
  EXPECT_TRUE(common::errors::Is(React(Moment(v1::REACTION_EVENT_TYPE_LEVEL_UP, 0), false).status(),
                                 kReactionRateLimited));
  EXPECT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_LEVEL_UP, 0), true).ok());
  now_ += std::chrono::minutes(1);
  EXPECT_TRUE(React(Moment(v1::REACTION_EVENT_TYPE_LEVEL_UP, 0), false).ok());
}

TEST_F(MomentsTest, ASessionWithoutAnAudienceDoesNotReact) {
  ASSERT_TRUE(live_.Seal(session_.key, now_).ok());
  EXPECT_TRUE(common::errors::Is(React(Moment(v1::REACTION_EVENT_TYPE_DISCOVERY, 1)).status(),
                                 kSessionNotLive));
}

TEST_F(MomentsTest, TheCompositionAgreesWithTheAudience) {
  common::rpc::CallContext call = Caller(common::Uuid::V4());
  v1::QueryAudienceRequest request;
  request.set_session_id(session_.key.session.ToString());
  v1::AudienceComposition composition;
  ASSERT_TRUE(audience_rpc_.QueryAudience(call, request, composition).ok());
  const auto& breakdown = composition.engagement_breakdown();
  EXPECT_EQ(composition.total_count(), static_cast<int32_t>(Live(session_).heads));
  EXPECT_EQ(breakdown.high_engagement() + breakdown.medium_engagement() +
                breakdown.low_engagement() + breakdown.lurking(),
            composition.total_count());
  EXPECT_EQ(composition.notable_viewers_size(), 10);
  for (const auto& viewer : composition.notable_viewers()) {
    EXPECT_TRUE(viewer.has_viewer_type());
    EXPECT_EQ(viewer.sessions_watched(), 1);
  }
  EXPECT_EQ(composition.personality_distribution().size(), 10u);
  EXPECT_EQ(composition.interest_distribution().count("PvP"), 1u);
}

// --- Hype ----------------------------------------------------------------------------------------

TEST_F(MomentsTest, EveryTransitionIsAnnouncedOnceByAnyNumberOfRelays) {
  BeginTrain();
  const int64_t pending = Pending();
  ASSERT_GE(pending, 1);
  // What a relay leaves behind that dies between its commit and taking the entries off.
  const auto entries =
      redis_.Command({"LRANGE", audience::HypePendingKey(shard_), "0", "-1"})->Texts();
  std::vector<std::jthread> relays;
  for (int i = 0; i < 2; ++i) {
    relays.emplace_back([&] {
      const auto relayed = hype_.Relay({shard_});
      EXPECT_TRUE(relayed.ok()) << relayed.status();
    });
  }
  relays.clear();
  EXPECT_EQ(Pending(), 0);
  for (const std::string& entry : entries) {
    ASSERT_TRUE(redis_.Command({"RPUSH", audience::HypePendingKey(shard_), entry}).ok());
  }
  EXPECT_EQ(hype_.Relay({shard_}).value(), 0);
  EXPECT_EQ(Pending(), 0);
  EXPECT_EQ(Announced("streaming.hype.triggered"), 1);
  EXPECT_EQ(Announced("streaming.hype.level-up"), pending - 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM hype_train"), 1);
  EXPECT_EQ(Count("SELECT peak_level FROM hype_train"), pending);
}

TEST_F(MomentsTest, ATrainWhoseTimeIsOverCompletesOnce) {
  BeginTrain();
  ASSERT_TRUE(hype_worker_.RunOnce().ok());
  EXPECT_EQ(Announced("streaming.hype.completed"), 0);
  now_ += hype::Settings().duration;
  // The first look may have found the train in the record only after it had looked for open ones.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hype_worker_.RunOnce().ok());
  EXPECT_EQ(Announced("streaming.hype.completed"), 1);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM hype_train WHERE completed_at IS NULL"), 0);
}

TEST_F(MomentsTest, ATrainThatRedisLostCompletesOnce) {
  BeginTrain();
  ASSERT_TRUE(hype_worker_.RunOnce().ok());
  ASSERT_TRUE(live_.Seal(session_.key, now_).ok());
  ASSERT_TRUE(live_.Release(session_.key).ok());
  now_ += std::chrono::seconds(7);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(hype_worker_.RunOnce().ok());
  EXPECT_EQ(Announced("streaming.hype.completed"), 1);
}

TEST_F(MomentsTest, StatusAndHistoryTellOfTheTrain) {
  common::rpc::CallContext call = Caller(owner_);
  v1::HypeStatusRequest request;
  request.set_session_id(session_.key.session.ToString());
  v1::HypeTrainStatus quiet;
  ASSERT_TRUE(hype_rpc_.GetHypeStatus(call, request, quiet).ok());
  EXPECT_FALSE(quiet.is_active());
  EXPECT_FALSE(quiet.has_current_level());

  BeginTrain();
  ASSERT_TRUE(hype_worker_.RunOnce().ok());
  v1::HypeTrainStatus status;
  ASSERT_TRUE(hype_rpc_.GetHypeStatus(call, request, status).ok());
  EXPECT_TRUE(status.is_active());
  EXPECT_EQ(status.trigger_event(), "WorldFirst");

  v1::HypeHistoryRequest history;
  history.set_streamer_id(owner_.ToString());
  v1::HypeHistoryResponse trains;
  ASSERT_TRUE(hype_rpc_.GetHypeHistory(call, history, trains).ok());
  ASSERT_EQ(trains.hype_trains_size(), 1);
  EXPECT_EQ(trains.hype_trains(0).session_id(), request.session_id());
  EXPECT_EQ(trains.hype_trains(0).peak_level(), status.current_level());
}

// --- Blending ------------------------------------------------------------------------------------

TEST_F(MomentsTest, DuplicatesAndDisorderApplyEveryPulseOnce) {
  StartNats();
  const common::Uuid feeder = common::Uuid::V4();
  ASSERT_TRUE(platform_sessions_.RecordStarted({feeder, owner_, {}}, now_).ok());
  std::vector<platform::SentimentPulse> pulses;
  for (int i = 0; i < 6; ++i) pulses.push_back(Pulse(feeder));
  int applied = 0;
  int duplicates = 0;
  for (const int i : {3, 0, 3, 5, 1, 0, 2, 4, 5, 5, 1}) {
    const auto outcome = Deliver(pulses[i]);
    applied += outcome == PulseOutcome::kApplied;
    duplicates += outcome == PulseOutcome::kDuplicate;
  }
  EXPECT_EQ(applied, 6);
  EXPECT_EQ(duplicates, 5);
  const auto crowd = blending::DecodeCrowd(Live(session_).mood);
  EXPECT_EQ(crowd.pulses, 6u);
  EXPECT_EQ(crowd.heard.pulses(), 6u);
  EXPECT_EQ(crowd.heard.ShareOf(0), 1);
  EXPECT_THAT(crowd.feeders, ::testing::ElementsAre(feeder));
}

TEST_F(MomentsTest, APulseCountsOnlyWhereItBelongs) {
  StartNats();
  const common::Uuid own = common::Uuid::V4();
  const common::Uuid foreign = common::Uuid::V4();
  ASSERT_TRUE(platform_sessions_.RecordStarted({own, owner_, {}}, now_).ok());
  ASSERT_TRUE(platform_sessions_.RecordStarted({foreign, common::Uuid::V4(), {}}, now_).ok());
  EXPECT_EQ(Deliver(Pulse(foreign)), PulseOutcome::kForeign);

  const common::Uuid unknown = common::Uuid::V4();
  EXPECT_EQ(Deliver(Pulse(unknown)), std::nullopt);
  EXPECT_EQ(Deliver(Pulse(unknown), blending::kUnknownDeliveriesMax), PulseOutcome::kUnknown);

  platform::SentimentPulse stale = Pulse(own);
  *stale.mutable_timestamp() = events::ToTimestamp(now_ - std::chrono::minutes(3));
  EXPECT_EQ(Deliver(stale), PulseOutcome::kStale);

  platform::SentimentPulse bad = Pulse(own);
  bad.mutable_sentiments(0)->set_intensity(7);
  EXPECT_EQ(Deliver(bad), PulseOutcome::kMalformed);
  platform::SentimentPulse timeless = Pulse(own);
  timeless.mutable_timestamp()->set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Deliver(timeless), PulseOutcome::kMalformed);
  platform::SentimentPulse elsewhere = Pulse(own);
  elsewhere.set_in_game_session_id(common::Uuid::V4().ToString());
  EXPECT_EQ(Deliver(elsewhere), PulseOutcome::kNoSession);
  const auto crowd = blending::DecodeCrowd(Live(session_).mood);
  EXPECT_EQ(blending::MoodNow(crowd), blending::Mood{});
  EXPECT_EQ(crowd.pulses, 0u);
  EXPECT_EQ(crowd.pulses_stale, 1u);
}

TEST_F(MomentsTest, ThePulsesOwnSessionOutranksTheOneOfItsCreation) {
  StartNats();
  const common::Uuid feeder = common::Uuid::V4();
  ASSERT_TRUE(platform_sessions_.RecordStarted({feeder, owner_, {}}, now_).ok());
  ASSERT_TRUE(mysql_
                  .Execute("UPDATE session SET platform_session_id = ? WHERE id = ?", feeder,
                           session_.key.session)
                  .ok());
  platform::SentimentPulse unnamed = Pulse(feeder);
  unnamed.clear_in_game_session_id();
  EXPECT_EQ(Deliver(unnamed), PulseOutcome::kApplied);
  platform::SentimentPulse named = Pulse(feeder);
  named.set_in_game_session_id(OpenSession(common::Uuid::V4()).key.session.ToString());
  EXPECT_EQ(Deliver(named), PulseOutcome::kForeign);
}

TEST_F(MomentsTest, PulsesArriveOverNats) {
  StartNats();
  blending::PlatformSessionWorker announcements(platform_sessions_, metrics_);
  ASSERT_TRUE(announcements.Start(*jetstream_).ok());
  ASSERT_TRUE(pulse_worker_.Start(*jetstream_).ok());
  const common::Uuid feeder = common::Uuid::V4();
  platform::StreamPlatformSessionStartedEvent started;
  started.set_platform_session_id(feeder.ToString());
  started.set_account_id(owner_.ToString());
  Publish("stream.platform.session.started", started);
  ASSERT_TRUE(
      Eventually([&] { return platform_sessions_.FindFeed(feeder, std::nullopt).value().known; }));
  ASSERT_TRUE(jetstream_->Publish("stream.audience.pulse", "nonsense", {}, "").ok());
  Publish("stream.audience.pulse", Pulse(feeder));
  EXPECT_TRUE(Eventually([&] { return !Live(session_).mood.empty(); }));
  auto dead = common::nats::PullConsumer::Open(*jetstream_, {.stream = "DEAD", .durable = "test"});
  ASSERT_TRUE(dead.ok());
  const auto buried = (*dead)->Fetch(1, std::chrono::seconds(5));
  ASSERT_TRUE(buried.ok());
  ASSERT_EQ(buried->size(), 1u);
  EXPECT_EQ((*buried)[0].payload(), "nonsense");
  pulse_worker_.Stop();
  announcements.Stop();
}

}  // namespace
}  // namespace streaming
