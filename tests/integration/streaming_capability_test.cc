// What a career's phase permits players to do, through the RPCs that ask for it.
#include "services/streaming/audience/attendance_store.h"
#include "services/streaming/audience/audience_rpc.h"
#include "services/streaming/careers/career.h"
#include "services/streaming/hype/hype_rpc.h"
#include "services/streaming/hype/hype_store.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using careers::Phase;

class CapabilityTest : public LiveSessionTest {
 protected:
  // A new account whose career has come to this phase in the test's game.
  void Become(Phase phase) {
    constexpr uint64_t kGrowth[] = {0, 5000, 25000, 100000, 500000};
    account_ = Uuid::V4();
    const auto inserted = mysql_.Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret, phase,"
        " sessions, growth_audience, updated_at) VALUES (?, ?, ?, 1, ?, 1, ?, ?)",
        int{v1::STREAMER_ENTITY_TYPE_ACCOUNT}, account_, game_, static_cast<int>(phase) + 1,
        kGrowth[static_cast<size_t>(phase)], now_);
    ASSERT_TRUE(inserted.ok()) << inserted.status();
  }

  // A live session of the account as it is.
  std::string BeginStream() {
    const auto created = Create(Wish());
    EXPECT_TRUE(created.ok()) << created.status();
    EXPECT_TRUE(Start(created->session_id()).ok());
    return created->session_id();
  }

  // The highest level that a train of the session reaches, whatever happens.
  v1::HypeTrainLevel Climb(const std::string& session) {
    v1::HypeTrainLevel highest = v1::HYPE_TRAIN_LEVEL_UNSPECIFIED;
    auto call = Call(account_);
    call.identity.service = true;
    v1::TriggerReactionRequest moment;
    moment.set_session_id(session);
    moment.set_event_type(v1::REACTION_EVENT_TYPE_WORLD_FIRST);
    moment.set_significance(1);
    v1::HypeStatusRequest asked;
    asked.set_session_id(session);
    for (int i = 0; i < 60; ++i) {
      v1::AudienceReactionResult reaction;
      EXPECT_TRUE(audience_rpc_.TriggerAudienceReaction(call, moment, reaction).ok());
      v1::HypeTrainStatus status;
      EXPECT_TRUE(hype_rpc_.GetHypeStatus(call, asked, status).ok());
      highest = std::max(highest, status.current_level());
    }
    return highest;
  }

  audience::AttendanceStore attendance_{mysql_};
  reactions::ReactionStore reactions_{redis_};
  hype::HypeStore hype_{redis_, mysql_, metrics_};
  audience::AudienceRpc audience_rpc_{edge_,
                                      {sessions_, pools_, live_, rounds_, attendance_, reactions_,
                                       metrics_, [](const Uuid&, const v1::ClientEvent&) {}},
                                      {}};
  hype::HypeRpc hype_rpc_{edge_, live_, hype_, sessions_, {}};
};

TEST_F(CapabilityTest, ATitleIsKeptFromRisingOn) {
  for (const Phase phase : {Phase::kUnknown, Phase::kRising, Phase::kLegend}) {
    Become(phase);
    v1::CreateStreamSessionRequest wish = Wish();
    wish.set_title("mine");
    const auto created = Create(wish);
    ASSERT_TRUE(created.ok()) << created.status();
    const bool kept = phase != Phase::kUnknown;
    EXPECT_EQ(created->title(), kept ? "mine" : "");
    EXPECT_EQ(created->warnings_size(), kept ? 0 : 1);
  }
}

TEST_F(CapabilityTest, ARaidIsSentFromCelebrityOn) {
  Become(Phase::kUnknown);
  const std::string target = BeginStream();
  for (const Phase phase : {Phase::kPopular, Phase::kCelebrity}) {
    Become(phase);
    v1::RaidStreamSessionRequest raid;
    raid.set_from_session_id(BeginStream());
    raid.set_to_session_id(target);
    auto call = Call(account_);
    v1::RaidStreamSessionResponse response;
    const absl::Status sent = session_rpc_.RaidStreamSession(call, raid, response);
    if (phase == Phase::kCelebrity) {
      EXPECT_TRUE(sent.ok()) << sent;
    } else {
      EXPECT_TRUE(common::errors::Is(sent, kCapabilityMissing)) << sent;
      call.identity.service = true;  // a game server may
      EXPECT_TRUE(session_rpc_.RaidStreamSession(call, raid, response).ok());
    }
  }
}

TEST_F(CapabilityTest, ATrainBecomesLegendaryForALegendOnly) {
  Become(Phase::kCelebrity);
  EXPECT_EQ(Climb(BeginStream()), v1::HYPE_TRAIN_LEVEL_5);
  Become(Phase::kLegend);
  EXPECT_EQ(Climb(BeginStream()), v1::HYPE_TRAIN_LEVEL_LEGENDARY);
}

}  // namespace
}  // namespace streaming
