#include "tests/e2e/crash_lane.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "libs/common/nats/consumer.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using Sessions = v1::StreamSessionService::Stub;

constexpr int kMembers = 1000;
constexpr auto kActor = v1::STREAMER_ENTITY_TYPE_ACTOR;

// Everybody who watches follows, audiences are small, trains are short, and rounds rare.
std::vector<std::string> SettingsThrough(const Tripwire& wire) {
  return {"MYSQL_ADDR=" + wire.address(0),           "REDIS_ADDR=" + wire.address(1),
          "NATS_URL=nats://" + wire.address(2),      "MAX_CHECKED_OUT_PER_SESSION=8",
          "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600", "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600",
          "FOLLOW_CONVERSION_SESSION_COUNT=1",       "INTEREST_THRESHOLD_FOR_FOLLOW=0",
          "HYPE_TRAIN_DURATION_SECONDS=1",           "HYPE_TRAIN_COOLDOWN_SECONDS=0"};
}

Uuid IdOf(const Life& life) { return *Uuid::Parse(life.session); }

template <class Event>
Event Parse(const StoredEvent& stored) {
  Event event;
  if (!event.ParseFromString(stored.payload)) throw std::runtime_error("a malformed event");
  return event;
}

// How often each session has an event of this kind, by event id.
template <class Event>
std::map<std::string, std::multiset<std::string>> IdsBySession(
    const std::vector<StoredEvent>& events, const std::string& subject) {
  std::map<std::string, std::multiset<std::string>> ids;
  for (const StoredEvent& stored : events) {
    if (stored.subject != subject) continue;
    const auto event = Parse<Event>(stored);
    ids[event.session_id()].insert(event.event_id());
  }
  return ids;
}

}  // namespace

// Of NATS only what is published there counts: consumers ask for messages all the time.
CrashLane::CrashLane()
    : wire_({{.port = common::testing::SharedMariaDb().port()},
             {.port = redis_.port()},
             {.port = nats_.port(), .mark = "PUB streaming."}}),
      daemon_("streaming", "STREAMING", SettingsThrough(wire_),
              Servers{nats_, redis_, common::testing::SharedMariaDb()}),
      stack_{.stream_grpc = daemon_.grpc_address(),  // not called
             .streaming_grpc = daemon_.grpc_address(),
             .auth_key = common::config::Secret(kAuthKey)},
      server_(MakeToken(stack_, Uuid::V4(), {"service", "admin"}, {"in_game"})),
      database_(OpenDatabase(daemon_.database())),
      client_({.port = redis_.port(), .pool_size = 2}),
      census_(client_, game_) {
  Connect();
  v1::SeedAudiencePoolRequest request;
  request.set_game_service_id(game_.ToString());
  request.set_count(kMembers);
  ValueOf(server_.Call(stubs_->pools, &v1::AudiencePoolService::Stub::SeedAudiencePool, request));
}

// A channel that met nobody waits before it asks again; a new one does not.
void CrashLane::Connect() {
  stubs_ = nullptr;
  stubs_ = std::make_unique<Stubs>(stack_);
}

bool CrashLane::IsAnswer(const absl::Status& status) {
  return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
         !absl::IsCancelled(status);
}

CrashLane::Detail CrashLane::Create(const Life& life) {
  v1::CreateStreamSessionRequest request;
  request.set_game_service_id(game_.ToString());
  request.set_streamer_id(life.streamer.ToString());
  request.set_streamer_type(kActor);
  request.set_game_session_id(life.game_session.ToString());
  request.set_request_id(life.create_request.ToString());
  return server_.Call(stubs_->sessions, &Sessions::CreateStreamSession, request);
}
CrashLane::Detail CrashLane::Start(const Life& life) {
  v1::StartStreamSessionRequest request;
  request.set_session_id(life.session);
  return server_.Call(stubs_->sessions, &Sessions::StartStreamSession, request);
}
CrashLane::Detail CrashLane::Status(const Life& life) {
  v1::StreamSessionStatusRequest request;
  request.set_session_id(life.session);
  return server_.Call(stubs_->sessions, &Sessions::GetStreamSessionStatus, request);
}
absl::StatusOr<v1::StreamSessionSummary> CrashLane::End(const Life& life) {
  v1::EndStreamSessionRequest request;
  request.set_session_id(life.session);
  return server_.Call(stubs_->sessions, &Sessions::EndStreamSession, request);
}
absl::StatusOr<v1::AudienceReactionResult> CrashLane::React(const Life& life, size_t i) {
  v1::TriggerReactionRequest request;
  request.set_session_id(life.session);
  request.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
  request.set_significance(1);
  request.set_request_id(life.reactions.at(i).ToString());
  return server_.Call(stubs_->audiences, &v1::AudienceService::Stub::TriggerAudienceReaction,
                      request);
}

void CrashLane::TellGameOver(const Life& life) {
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  const std::string body = R"({"sessionId":")" + life.game_session.ToString() + R"("})";
  ValueOf(jetstream->Publish("game-session.ended", body, {}, ""));
}

Life CrashLane::NewLife() {
  Life life;
  ValueOf(database_->Execute(
      "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret, sessions, "
      "mean_audience, growth_audience, updated_at) VALUES (?, ?, ?, 1, 100, 100, 1000000, ?)",
      static_cast<int>(kActor), life.streamer, game_, common::Now()));
  return life;
}
Life CrashLane::NewPending() {
  Life life = NewLife();
  life.session = ValueOf(Insist([&] { return Create(life); })).session_id();
  return life;
}
Life CrashLane::NewLive() {
  Life life = NewPending();
  ValueOf(Insist([&] { return Start(life); }));
  return life;
}

bool CrashLane::KillAt(uint64_t n, Tripwire::Moment moment, const std::function<void()>& act) {
  wire_.Arm(daemon_.pid(), n, moment);
  act();
  const Tripwire::Seen seen = wire_.Disarm();
  if (seen.tripped) Restart();
  return seen.tripped;
}

void CrashLane::Restart() {
  daemon_.Kill();
  daemon_.Start();
  Connect();
}

int CrashLane::Count(const std::string& what) {
  return ValueOf(database_->Query("SELECT COUNT(*) FROM " + what))[0].Get<int>(0);
}

bool CrashLane::IsAllTold(const Life& life) {
  const auto applied =
      ValueOf(database_->Query("SELECT career_applied FROM session WHERE id = ?", IdOf(life)));
  return applied[0].Get<bool>(0) && IsOutboxEmpty();
}

bool CrashLane::HasEnded(const Life& life) {
  const auto status =
      ValueOf(database_->Query("SELECT status FROM session WHERE id = ?", IdOf(life)));
  return status[0].Get<int>(0) == v1::STREAM_SESSION_STATUS_ENDED;
}

bool CrashLane::HadItsTrain(const Life& life) {
  const auto rows = ValueOf(database_->Query(
      "SELECT COUNT(*), COUNT(completed_at) FROM hype_train WHERE session_id = ?", IdOf(life)));
  return rows[0].Get<int>(0) > 0 && rows[0].Get<int>(0) == rows[0].Get<int>(1);
}

Census CrashLane::TakeCensus() {
  Census census = ValueOf(census_.Take());
  EXPECT_EQ(census.wrong, "");
  return census;
}

void CrashLane::LoseAudience(const Life& life) {
  const std::string prefix = "streaming:{" + game_.ToString() + ":0}:";
  const std::vector<std::vector<std::string>> commands = {
      {"SREM", prefix + "sessions", life.session},
      {"DEL", prefix + "session:" + life.session},
      {"DEL", prefix + "taken"}};
  const auto replies = ValueOf(client_.Pipeline(commands));
  for (const auto& reply : replies) ASSERT_TRUE(reply.status().ok());
}

// By a consumer that begins anew each time.
std::vector<StoredEvent> CrashLane::Stored() {
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  const auto consumer = ValueOf(common::nats::PullConsumer::Open(
      *jetstream, {.stream = "STREAMING", .durable = "all_of_" + Uuid::V4().ToString()}));
  std::vector<StoredEvent> events;
  for (;;) {
    auto messages = ValueOf(consumer->Fetch(256, std::chrono::milliseconds(200)));
    if (messages.empty()) return events;
    for (auto& message : messages) {
      events.push_back({std::string(message.subject()), std::string(message.payload())});
      if (const auto acked = message.Ack(); !acked.ok()) throw std::runtime_error("no ack");
    }
  }
}

void CrashLane::ExpectAllToBeWell(const std::vector<Life>& lives) {
  for (const Life& life : lives) {
    const auto ended = Insist([&] { return End(life); });
    EXPECT_TRUE(ended.ok()) << ended.status();
  }
  Restart();  // which looks at what is left
  EXPECT_EQ(Count("session WHERE status <> 4"), 0);
  EXPECT_TRUE(Eventually(
      [&] {
        return Count("session WHERE career_applied = 0") == 0 &&
               Count("hype_train WHERE completed_at IS NULL") == 0 && IsOutboxEmpty();
      },
      kPatience));
  EXPECT_TRUE(Eventually(
      [&] {
        const Census census = TakeCensus();
        return census.bits == 0 && census.sessions.empty();
      },
      kPatience))
      << "somebody is left behind";
  EXPECT_EQ(Count("session"), static_cast<int>(lives.size()));
  const std::vector<StoredEvent> events = Stored();
  ExpectSessionEventsOnce(lives, events);
  ExpectTrainsInOrder(events);
  ExpectCareersOnce();
}

void CrashLane::ExpectSessionEventsOnce(const std::vector<Life>& lives,
                                        const std::vector<StoredEvent>& events) {
  const auto created =
      IdsBySession<v1::StreamingSessionCreatedEvent>(events, "streaming.session.created");
  const auto started =
      IdsBySession<v1::StreamingSessionStartedEvent>(events, "streaming.session.started");
  const auto ended =
      IdsBySession<v1::StreamingSessionEndedEvent>(events, "streaming.session.ended");
  const auto times = [](const auto& ids, const std::string& session) {
    const auto found = ids.find(session);
    return found == ids.end() ? 0 : found->second.size();
  };
  size_t lived = 0;
  for (const Life& life : lives) {
    const auto row = ValueOf(
        database_->Query("SELECT started_at IS NOT NULL FROM session WHERE id = ?", IdOf(life)));
    const size_t was_live = row[0].Get<bool>(0) ? 1 : 0;
    lived += was_live;
    EXPECT_EQ(times(created, life.session), 1u) << life.session;
    EXPECT_EQ(times(started, life.session), was_live) << life.session;
    EXPECT_EQ(times(ended, life.session), was_live) << life.session;
  }
  EXPECT_EQ(created.size(), lives.size());
  EXPECT_EQ(ended.size(), lived);
}

// Triggered, rising, completed: each once, in the stream's order.
void CrashLane::ExpectTrainsInOrder(const std::vector<StoredEvent>& events) {
  struct Train {
    int triggered = 0;
    int completed = 0;
    int level = 0;
    std::string session;
  };
  std::map<std::string, Train> trains;
  for (const StoredEvent& stored : events) {
    if (stored.subject == "streaming.hype.triggered") {
      const auto event = Parse<v1::StreamingHypeTriggeredEvent>(stored);
      Train& train = trains[event.hype_id()];
      EXPECT_EQ(++train.triggered, 1);
      EXPECT_EQ(train.completed, 0);
      train.level = 1;
      train.session = event.session_id();
    } else if (stored.subject == "streaming.hype.level-up") {
      const auto event = Parse<v1::StreamingHypeLevelUpEvent>(stored);
      Train& train = trains[event.hype_id()];
      EXPECT_EQ(train.triggered, 1);
      EXPECT_EQ(train.completed, 0);
      EXPECT_EQ(event.new_level(), ++train.level);
    } else if (stored.subject == "streaming.hype.completed") {
      const auto event = Parse<v1::StreamingHypeCompletedEvent>(stored);
      Train& train = trains[event.hype_id()];
      EXPECT_EQ(train.triggered, 1);
      EXPECT_EQ(++train.completed, 1);
      EXPECT_EQ(event.peak_level(), train.level);
    }
  }
  std::map<std::string, int> by_session;
  for (const auto& [id, train] : trains) {
    EXPECT_EQ(train.completed, 1) << id;
    ++by_session[train.session];
  }
  // What the summaries say is what was told.
  for (const auto& row : ValueOf(database_->Query("SELECT id, hype_trains FROM session"))) {
    EXPECT_EQ(row.Get<int>(1), by_session[row.Get<Uuid>(0).ToString()]);
  }
}

// Every streamer had 100 sessions and then one.
void CrashLane::ExpectCareersOnce() {
  const auto rows = ValueOf(database_->Query(
      "SELECT t.sessions, t.followers, COALESCE(s.started_at IS NOT NULL, 0), "
      "COALESCE(s.new_followers, 0), (SELECT COUNT(*) FROM attendance a WHERE a.streamer_type = "
      "t.streamer_type AND a.streamer_id = t.streamer_id AND a.game_service_id = "
      "t.game_service_id AND a.attended = 1), (SELECT COUNT(*) FROM attendance a WHERE "
      "a.streamer_type = t.streamer_type AND a.streamer_id = t.streamer_id AND "
      "a.game_service_id = t.game_service_id) FROM streamer t LEFT JOIN session s ON "
      "s.streamer_id = t.streamer_id"));
  for (const auto& row : rows) {
    EXPECT_EQ(row.Get<int>(0), 100 + row.Get<int>(2));
    EXPECT_EQ(row.Get<int>(1), row.Get<int>(3)) << "everybody who came follows, once";
    EXPECT_EQ(row.Get<int>(4), row.Get<int>(5)) << "who came once attended once";
    EXPECT_EQ(row.Get<int>(4), row.Get<int>(3));
  }
}

}  // namespace story
