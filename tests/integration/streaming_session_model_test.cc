// Random commands of several streamers, strangers and game servers, legal and illegal, repeated and
// not, on the real RPC classes, MySQL and Redis: each answer is compared with a small model.
//
// MODEL_SEED repeats a run's commands, MODEL_STEPS sets how many (default 2500).
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>
#include <utility>

#include "services/streaming/audience/audience_rpc.h"
#include "tests/integration/session_model.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using model::By;
using model::State;

constexpr size_t kStreamers = 6;
constexpr auto kCoolDown = minutes(10);

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "" : common::errors::ReasonOf(status).value_or(status.ToString());
}

class SessionModelTest : public LiveSessionTest {
 protected:
  using Random = std::mt19937_64;

  common::rpc::CallContext CallBy(By by, size_t streamer) {
    common::rpc::CallContext call = Call(by == By::kOwner ? accounts_[streamer] : stranger_);
    call.identity.service = by == By::kService;
    return call;
  }
  By Anybody(Random& random) {
    const uint64_t dice = random() % 10;
    return dice < 6 ? By::kOwner : dice < 8 ? By::kService : By::kStranger;
  }
  // A session, mostly one that has not ended; now and then one that there never was.
  std::string AnySession(Random& random) {
    if (ids_.empty() || random() % 40 == 0) return Uuid::V4().ToString();
    if (random() % 6 == 0) return ids_[random() % ids_.size()];
    for (int attempt = 0; attempt < 20; ++attempt) {
      const std::string& id = ids_[ids_.size() - 1 - random() % std::min<size_t>(ids_.size(), 40)];
      if (model_.Find(id)->active()) return id;
    }
    return ids_.back();
  }
  size_t StreamerOf(const std::string& id) {
    const model::Session* session = model_.Find(id);
    return session == nullptr ? 0 : session->streamer;
  }

  void Step(Random& random);
  void CreateOne(Random& random);
  void StartOne(Random& random);
  void EndOne(Random& random);
  void PauseOne(Random& random);
  void SetOne(Random& random);
  void ReactOne(Random& random);
  void RaidOne(Random& random);
  void PassTime(Random& random);
  void ExpectStatus(const std::string& id);
  void ExpectDetail(const v1::StreamSessionDetail& detail, const model::Session& session);
  void ExpectLists(Random& random);
  void ExpectOneActive();

  // Three accounts, two characters, an actor.
  static std::vector<model::Streamer> Streamers() {
    using model::Kind;
    return {{Kind::kAccount},   {Kind::kAccount},   {Kind::kAccount},
            {Kind::kCharacter}, {Kind::kCharacter}, {Kind::kActor}};
  }
  static std::vector<Uuid> Ids() {
    std::vector<Uuid> ids;
    for (size_t i = 0; i < kStreamers; ++i) ids.push_back(Uuid::V4());
    return ids;
  }
  static std::vector<Uuid> StreamerIds(const std::vector<Uuid>& accounts) {
    std::vector<Uuid> ids = Ids();
    for (size_t i = 0; i < kStreamers; ++i) {
      if (Streamers()[i].kind == model::Kind::kAccount) ids[i] = accounts[i];
    }
    return ids;
  }

  const std::vector<Uuid> accounts_ = Ids();  // of the players, one a streamer
  const std::vector<Uuid> streamers_ = StreamerIds(accounts_);
  const Uuid stranger_ = Uuid::V4();
  model::Model model_{Streamers()};
  std::vector<std::string> ids_;  // in the order of their making
  std::map<std::string, std::string> summaries_;
  struct KnownCreate {
    v1::CreateStreamSessionRequest request;
    size_t streamer;
    By by;
    std::string id;
  };
  std::vector<KnownCreate> creates_;
  struct KnownReaction {
    v1::TriggerReactionRequest request;
    v1::AudienceReactionResult answer;
  };
  std::vector<KnownReaction> reactions_;
  std::map<std::string, int> done_;  // by command and answer
  int browses_ = 0;

  audience::AttendanceStore attendance_{mysql_};
  reactions::ReactionStore reaction_store_{redis_};
  audience::AudienceRpc audience_rpc_{
      edge_,
      {sessions_, pools_, live_, rounds_, attendance_, reaction_store_, metrics_},
      {.round = settings_, .user_reactions_per_minute = 1'000'000}};
};

void SessionModelTest::CreateOne(Random& random) {
  // A repeated request, sometimes with another body or by somebody else.
  if (!creates_.empty() && random() % 4 == 0) {
    KnownCreate known = creates_[random() % creates_.size()];
    const bool other_body = random() % 4 == 0;
    if (other_body) known.request.set_theme("another");
    const By by = random() % 4 == 0 ? Anybody(random) : known.by;
    auto call = CallBy(by, known.streamer);
    v1::StreamSessionDetail detail;
    const absl::Status status = session_rpc_.CreateStreamSession(call, known.request, detail);
    // The caller is part of the wish; game servers and strangers have one account here.
    const bool same =
        !other_body && (by == known.by || (by != By::kOwner && known.by != By::kOwner));
    ASSERT_EQ(ReasonOf(status), same ? "" : "REQUEST_ID_REUSED");
    ++done_["create again " + ReasonOf(status)];
    if (same) {
      EXPECT_EQ(detail.session_id(), known.id);
      ExpectDetail(detail, *model_.Find(known.id));
    }
    return;
  }
  const size_t streamer = random() % kStreamers;
  const By by = Anybody(random);
  v1::CreateStreamSessionRequest request = Wish();
  request.set_streamer_id(streamers_[streamer].ToString());
  request.set_streamer_type(
      static_cast<v1::StreamerEntityType>(static_cast<int>(Streamers()[streamer].kind)));
  request.clear_content_tags();
  const int tag = static_cast<int>(random() % 8);
  request.add_content_tags(static_cast<v1::AudienceInterest>(tag + 1));
  if (random() % 2 == 0) request.set_request_id(Uuid::V4().ToString());
  auto call = CallBy(by, streamer);
  v1::StreamSessionDetail detail;
  const std::string expected = model_.Create(streamer, by);
  const absl::Status status = session_rpc_.CreateStreamSession(call, request, detail);
  ASSERT_EQ(ReasonOf(status), expected);
  ++done_["create " + expected];
  if (!status.ok()) return;
  model_.Add({.id = detail.session_id(),
              .streamer = streamer,
              .tags = 1 << tag,
              .created_at = now_,
              .last_call = now_,
              .accrued = now_},
             by);
  ids_.push_back(detail.session_id());
  if (request.has_request_id()) creates_.push_back({request, streamer, by, detail.session_id()});
  ExpectDetail(detail, *model_.Find(detail.session_id()));
}

void SessionModelTest::StartOne(Random& random) {
  const std::string id = AnySession(random);
  const By by = Anybody(random);
  const std::string expected = model_.Start(id, by);
  auto call = CallBy(by, StreamerOf(id));
  v1::StartStreamSessionRequest request;
  request.set_session_id(id);
  v1::StreamSessionDetail detail;
  ASSERT_EQ(ReasonOf(session_rpc_.StartStreamSession(call, request, detail)), expected);
  ++done_["start " + expected];
  if (!expected.empty()) return;
  model::Session& session = *model_.Find(id);
  session.state = State::kLive;
  session.started_at = session.last_call = session.accrued = now_;
  session.SetHeads(detail.audience_count());
  ExpectDetail(detail, session);
}

void SessionModelTest::EndOne(Random& random) {
  const std::string id = AnySession(random);
  const By by = Anybody(random);
  const std::string expected = model_.End(id, by);
  auto call = CallBy(by, StreamerOf(id));
  v1::EndStreamSessionRequest request;
  request.set_session_id(id);
  const int reason = static_cast<int>(random() % 5);  // 0 = not said, which is Manual
  if (reason != 0) request.set_reason(static_cast<v1::StreamEndReason>(reason));
  v1::StreamSessionSummary summary;
  ASSERT_EQ(ReasonOf(session_rpc_.EndStreamSession(call, request, summary)), expected);
  ++done_["end " + expected];
  if (!expected.empty()) return;
  model::Session& session = *model_.Find(id);
  if (session.active()) model_.Ended(session, now_, std::max(reason, 1));
  EXPECT_EQ(summary.session_id(), id);
  EXPECT_EQ(summary.duration_seconds(), session.duration());
  EXPECT_EQ(summary.peak_audience_count(), session.peak);
  EXPECT_EQ(summary.average_audience_count(), session.average());
  const auto [first, is_first] = summaries_.emplace(id, summary.SerializeAsString());
  EXPECT_EQ(first->second, summary.SerializeAsString()) << "an end is repeated with its summary";
}

void SessionModelTest::PauseOne(Random& random) {
  const std::string id = AnySession(random);
  const By by = Anybody(random);
  const bool pause = random() % 2 == 0;
  const std::string expected = model_.Pause(id, by);
  auto call = CallBy(by, StreamerOf(id));
  v1::StreamSessionDetail detail;
  absl::Status status;
  if (pause) {
    v1::PauseStreamSessionRequest request;
    request.set_session_id(id);
    status = session_rpc_.PauseStreamSession(call, request, detail);
  } else {
    v1::ResumeStreamSessionRequest request;
    request.set_session_id(id);
    status = session_rpc_.ResumeStreamSession(call, request, detail);
  }
  ASSERT_EQ(ReasonOf(status), expected);
  ++done_[(pause ? "pause " : "resume ") + expected];
  if (!expected.empty()) return;
  model::Session& session = *model_.Find(id);
  session.paused = pause;
  session.last_call = now_;
  ExpectDetail(detail, session);
}

void SessionModelTest::SetOne(Random& random) {
  const std::string id = AnySession(random);
  const By by = Anybody(random);
  const std::string expected = model_.Set(id, by);
  auto call = CallBy(by, StreamerOf(id));
  v1::StreamSessionDetail detail;
  const bool tags = random() % 2 == 0;
  const int tag = static_cast<int>(random() % 8);
  absl::Status status;
  if (tags) {
    v1::SetContentTagsRequest request;
    request.set_session_id(id);
    request.add_content_tags(static_cast<v1::AudienceInterest>(tag + 1));
    status = session_rpc_.SetContentTags(call, request, detail);
  } else {
    v1::SetStreamContextRequest request;
    request.set_session_id(id);
    request.set_context_score(static_cast<float>(random() % 11) / 10);
    status = session_rpc_.SetStreamContext(call, request, detail);
  }
  ASSERT_EQ(ReasonOf(status), expected);
  ++done_[(tags ? "tags " : "context ") + expected];
  if (!expected.empty()) return;
  model::Session& session = *model_.Find(id);
  if (tags) session.tags = 1 << tag;
  if (session.state == State::kLive) session.last_call = now_;
  ExpectDetail(detail, session);
}

void SessionModelTest::ReactOne(Random& random) {
  if (!reactions_.empty() && random() % 5 == 0) {
    KnownReaction& known = reactions_[random() % reactions_.size()];
    model::Session& session = *model_.Find(known.request.session_id());
    const bool other_body = random() % 4 == 0;
    v1::TriggerReactionRequest request = known.request;
    if (other_body) request.set_description("something else");
    auto call = CallBy(By::kService, session.streamer);
    v1::AudienceReactionResult answer;
    const absl::Status status = audience_rpc_.TriggerAudienceReaction(call, request, answer);
    const bool live = session.state == State::kLive;
    ASSERT_EQ(ReasonOf(status), !live ? "SESSION_NOT_LIVE" : other_body ? "REQUEST_ID_REUSED" : "");
    ++done_["react again " + ReasonOf(status)];
    if (status.ok()) {
      EXPECT_EQ(answer.SerializeAsString(), known.answer.SerializeAsString());
    }
    return;
  }
  const std::string id = AnySession(random);
  const By by = Anybody(random);
  v1::TriggerReactionRequest request;
  request.set_session_id(id);
  request.set_event_type(
      static_cast<v1::ReactionEventType>(1 + random() % (v1::ReactionEventType_ARRAYSIZE - 1)));
  request.set_significance(static_cast<float>(random() % 11) / 10);
  if (random() % 2 == 0) request.set_request_id(Uuid::V4().ToString());
  const std::string expected =
      model_.React(id, by, request.event_type() == v1::REACTION_EVENT_TYPE_WORLD_FIRST);
  auto call = CallBy(by, StreamerOf(id));
  v1::AudienceReactionResult answer;
  ASSERT_EQ(ReasonOf(audience_rpc_.TriggerAudienceReaction(call, request, answer)), expected);
  ++done_["react " + expected];
  if (!expected.empty()) return;
  model::Session& session = *model_.Find(id);
  if (session.paused) {
    EXPECT_EQ(answer.audience_gained(), 0) << "nobody comes to a pause";
  }
  session.last_call = now_;
  session.SetHeads(session.heads - answer.audience_lost() + answer.audience_gained());
  if (request.has_request_id()) reactions_.push_back({request, answer});
}

void SessionModelTest::RaidOne(Random& random) {
  const std::string from = AnySession(random);
  const std::string to = AnySession(random);
  const By by = random() % 2 == 0 ? By::kService : Anybody(random);
  const std::string expected = model_.Raid(from, to, by, now_, kCoolDown);
  auto call = CallBy(by, StreamerOf(from));
  v1::RaidStreamSessionRequest request;
  request.set_from_session_id(from);
  request.set_to_session_id(to);
  const bool repeat = random() % 2 == 0;
  if (repeat) request.set_request_id(Uuid::V4().ToString());
  v1::RaidStreamSessionResponse answer;
  ASSERT_EQ(ReasonOf(session_rpc_.RaidStreamSession(call, request, answer)), expected);
  ++done_["raid " + expected];
  if (!expected.empty()) return;
  model::Session& source = *model_.Find(from);
  model::Session& target = *model_.Find(to);
  EXPECT_EQ(answer.from_audience_count(), source.heads - answer.moved_count());
  EXPECT_EQ(answer.to_audience_count(), target.heads + answer.moved_count());
  source.last_call = source.last_raid = now_;
  source.SetHeads(answer.from_audience_count());
  target.SetHeads(answer.to_audience_count());
  if (!repeat) return;
  v1::RaidStreamSessionResponse again;
  ASSERT_TRUE(session_rpc_.RaidStreamSession(call, request, again).ok());
  EXPECT_EQ(again.SerializeAsString(), answer.SerializeAsString());
}

void SessionModelTest::PassTime(Random& random) {
  const uint64_t dice = random() % 30;
  if (dice > 0) {
    now_ += std::chrono::milliseconds(random() % 30'000);
    model_.Pass(now_);
    return;
  }
  // Long enough for some to be forgotten, and then the worker looks.
  now_ += random() % 4 == 0 ? std::chrono::hours(6) : minutes(random() % 20);
  const sessions::SessionWorker::Options defaults;
  model_.Pass(now_);
  const absl::Status looked = worker_.RunOnce();
  ASSERT_TRUE(looked.ok()) << looked;
  model_.Expire(now_, defaults.pending_timeout, defaults.idle_timeout,
                static_cast<int>(EndReason::kError));
  for (const std::string& id : ids_) {
    if (!model_.Find(id)->active()) continue;
    ExpectStatus(id);
  }
  ++done_["look"];
}

void SessionModelTest::ExpectStatus(const std::string& id) {
  auto call = CallBy(By::kOwner, StreamerOf(id));
  v1::StreamSessionStatusRequest request;
  request.set_session_id(id);
  v1::StreamSessionDetail detail;
  const absl::Status status = session_rpc_.GetStreamSessionStatus(call, request, detail);
  const model::Session* session = model_.Find(id);
  ASSERT_EQ(ReasonOf(status), session == nullptr ? "SESSION_NOT_FOUND" : "");
  if (session == nullptr) return;
  ExpectDetail(detail, *session);
  EXPECT_EQ(detail.has_platform_session_linked(), session->owner == By::kOwner);
}

void SessionModelTest::ExpectDetail(const v1::StreamSessionDetail& detail,
                                    const model::Session& session) {
  EXPECT_EQ(detail.session_id(), session.id);
  EXPECT_EQ(detail.game_service_id(), game_.ToString());
  EXPECT_EQ(detail.streamer_id(), streamers_[session.streamer].ToString());
  EXPECT_EQ(detail.status(), session.state == State::kPending ? v1::STREAM_SESSION_STATUS_PENDING
                             : session.state == State::kLive  ? v1::STREAM_SESSION_STATUS_LIVE
                                                              : v1::STREAM_SESSION_STATUS_ENDED);
  EXPECT_EQ(detail.has_started_at(), session.started_at.has_value());
  EXPECT_EQ(detail.has_ended_at(), session.ended_at.has_value());
  if (session.started_at && detail.has_started_at()) {
    EXPECT_EQ(detail.started_at().seconds(), common::ToMicros(*session.started_at) / 1'000'000);
  }
  if (session.ended_at && detail.has_ended_at()) {
    EXPECT_EQ(detail.ended_at().seconds(), common::ToMicros(*session.ended_at) / 1'000'000);
  }
  EXPECT_EQ(detail.audience_count(), session.heads);
  EXPECT_EQ(detail.peak_audience_count(), session.peak);
  EXPECT_EQ(detail.paused(), session.paused);
  int tags = 0;
  for (const int tag : detail.content_tags()) tags |= 1 << (tag - 1);
  EXPECT_EQ(tags, session.tags);
}

void SessionModelTest::ExpectLists(Random& random) {
  auto call = CallBy(By::kStranger, 0);
  v1::ListStreamSessionsRequest list;
  list.set_game_service_id(game_.ToString());
  const int state = static_cast<int>(random() % 4);
  constexpr v1::StreamSessionStatus kStatuses[] = {v1::STREAM_SESSION_STATUS_PENDING,
                                                   v1::STREAM_SESSION_STATUS_LIVE,
                                                   v1::STREAM_SESSION_STATUS_ENDED};
  if (state < 3) list.set_status(kStatuses[state]);
  v1::ListStreamSessionsResponse page;
  ASSERT_TRUE(session_rpc_.ListStreamSessions(call, list, page).ok());
  std::vector<std::string> expected;  // newest first
  for (auto id = ids_.rbegin(); id != ids_.rend(); ++id) {
    if (state == 3 || model_.Find(*id)->state == static_cast<State>(state)) expected.push_back(*id);
  }
  EXPECT_EQ(page.total(), static_cast<int>(expected.size()));
  EXPECT_EQ(page.sessions_size(), std::min(20, page.total()));
  for (const auto& detail : page.sessions()) {
    EXPECT_NE(std::find(expected.begin(), expected.end(), detail.session_id()), expected.end());
  }
  v1::BrowseStreamsRequest browse;
  browse.set_game_service_id(game_.ToString());
  const int tag = static_cast<int>(random() % 8);
  if (random() % 2 == 0) browse.add_content_filter(static_cast<v1::AudienceInterest>(tag + 1));
  std::set<std::string> live;
  for (const auto& [id, session] : model_.sessions()) {
    const bool wanted = browse.content_filter().empty() || session.tags == 1 << tag;
    if (session.state == State::kLive && wanted) live.insert(id);
  }
  v1::BrowseStreamsResponse found;
  // What was shown a moment before may be shown again; the model knows no such moment.
  call.now += 2 * ++browses_ * sessions::BrowseStore::kFresh;
  ASSERT_TRUE(session_rpc_.BrowseStreams(call, browse, found).ok());
  std::set<std::string> shown;
  for (const auto& detail : found.streams()) shown.insert(detail.session_id());
  EXPECT_EQ(shown, live);
  ++done_["lists"];
}

void SessionModelTest::ExpectOneActive() {
  const auto twice = mysql_.Query(
      "SELECT COUNT(*) FROM (SELECT 1 FROM session WHERE status <> 4 GROUP BY streamer_type, "
      "streamer_id HAVING COUNT(*) > 1) AS twice");
  EXPECT_EQ((*twice)[0].Get<int>(0), 0);
}

void SessionModelTest::Step(Random& random) {
  const uint64_t dice = random() % 100;
  if (dice < 14) return CreateOne(random);
  if (dice < 27) return StartOne(random);
  if (dice < 31) return EndOne(random);
  if (dice < 40) return PauseOne(random);
  if (dice < 48) return SetOne(random);
  if (dice < 66) return ReactOne(random);
  if (dice < 76) return RaidOne(random);
  if (dice < 80) return ExpectLists(random);
  if (dice < 92) return PassTime(random);
  ExpectStatus(AnySession(random));
}

TEST_F(SessionModelTest, EveryAnswerIsTheModels) {
  const uint64_t seed = NumberFrom("MODEL_SEED", std::random_device()());
  const uint64_t steps = NumberFrom("MODEL_STEPS", 2500);
  SCOPED_TRACE("MODEL_SEED=" + std::to_string(seed));
  Random random(seed);
  for (uint64_t step = 0; step < steps && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Step(random);
  }
  ExpectConservation();
  ExpectOneActive();
  for (const std::string& id : ids_) ExpectStatus(id);
  for (const auto& [id, session] : model_.sessions()) {
    const auto row =
        mysql_.Query("SELECT COALESCE(end_reason, 0) FROM session WHERE id = ?", *Uuid::Parse(id));
    EXPECT_EQ((*row)[0].Get<int>(0), session.reason);
  }
  std::cout << "MODEL_SEED=" << seed << ", " << ids_.size() << " sessions\n";
  for (const auto& [what, count] : done_) std::cout << "  " << what << " " << count << "\n";
}

// Many hands at once: whoever gets a session of a streamer is alone with it until its end begins.
TEST_F(SessionModelTest, AStreamerNeverHasTwoSessions) {
  const uint64_t seed = NumberFrom("MODEL_SEED", std::random_device()());
  SCOPED_TRACE("MODEL_SEED=" + std::to_string(seed));
  std::array<std::atomic<bool>, kStreamers> held{};
  std::atomic<int> lives{0};
  const auto play = [&](Random random) {
    for (int step = 0; step < 120; ++step) {
      const size_t streamer = random() % 2;  // of few, so that they meet
      v1::CreateStreamSessionRequest request;
      request.set_game_service_id(game_.ToString());
      request.set_streamer_id(accounts_[streamer].ToString());
      request.set_streamer_type(v1::STREAMER_ENTITY_TYPE_ACCOUNT);
      auto call = CallBy(By::kOwner, streamer);
      v1::StreamSessionDetail detail;
      const absl::Status created = session_rpc_.CreateStreamSession(call, request, detail);
      if (!created.ok()) {
        EXPECT_EQ(ReasonOf(created), "STREAMER_ALREADY_ACTIVE");
        continue;
      }
      EXPECT_FALSE(held[streamer].exchange(true)) << "two sessions at once";
      v1::StartStreamSessionRequest start;
      start.set_session_id(detail.session_id());
      if (random() % 2 == 0) {
        EXPECT_EQ(ReasonOf(session_rpc_.StartStreamSession(call, start, detail)), "");
      }
      held[streamer] = false;
      v1::EndStreamSessionRequest end;
      end.set_session_id(start.session_id());
      v1::StreamSessionSummary summary;
      EXPECT_EQ(ReasonOf(session_rpc_.EndStreamSession(call, end, summary)), "");
      ++lives;
    }
  };
  std::vector<std::jthread> hands;
  for (uint64_t hand = 0; hand < 4; ++hand) {
    hands.emplace_back([&, hand] { play(Random(seed + hand)); });
  }
  hands.clear();
  EXPECT_GT(lives, 4);
  ExpectOneActive();
  EXPECT_TRUE(live_.List(shard_)->empty());
  ExpectConservation();
  std::cout << lives << " sessions, MODEL_SEED=" << seed << "\n";
}

}  // namespace
}  // namespace streaming
