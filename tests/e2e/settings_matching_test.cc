// What the settings of the streaming daemon do to an audience: the weights of the matching, the
// rounds, and the blending of a real crowd.
#include <stop_token>
#include <thread>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/stream/v1/sentiment.pb.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>
#include <nats/nats.h>

#include "libs/common/nats/jetstream.h"
#include "libs/common/outbox/message.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/settings.h"

namespace story {
namespace {

namespace platform = bannou::stream::v1;
using common::Uuid;
using common::testing::Eventually;
using common::testing::SharedNats;
using common::testing::SharedRedis;

constexpr auto kCombat = v1::AUDIENCE_INTEREST_COMBAT;
constexpr int kMembers = 5000;
constexpr int kUsualAudience = 400;

// --- The weights. With the default ones a stranger's interest stays below 0.65, which is where an
// engagement begins to be a high one. -------------------------------------------------------------

// The audience that comes to `stream` when it goes live, under these weights; the others are 0.
v1::AudienceComposition AudienceUnder(const Values& weights, NewStream stream) {
  Values settings = {{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS", "3600"},
                     {"HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS", "3600"},
                     {"MATCHING_WEIGHT_ENGAGEMENT", "0"},
                     {"MATCHING_WEIGHT_FOLLOWER", "0"},
                     {"MATCHING_WEIGHT_CONTENT", "0"},
                     {"MATCHING_WEIGHT_REPUTATION", "0"},
                     {"MATCHING_WEIGHT_CONTEXT", "0"}};
  for (const auto& [name, weight] : weights) settings[name] = weight;
  const GameSide side(Lines(settings));
  Game game(side.daemon);
  game.Seed(kMembers);
  stream.usual_audience = kUsualAudience;
  auto audience = game.Audience(game.GoLive(stream));
  EXPECT_GT(audience.total_count(), 0);
  return audience;
}

TEST(MatchingWeights, Engagement) {
  const auto audience = AudienceUnder({{"MATCHING_WEIGHT_ENGAGEMENT", "1"}}, {});
  // Members differ in nothing but that.
  EXPECT_GT(audience.engagement_breakdown().high_engagement(), 0);
  EXPECT_LT(audience.engagement_breakdown().high_engagement(), audience.total_count());
}

TEST(MatchingWeights, Follower) {
  const auto audience =
      AudienceUnder({{"MATCHING_WEIGHT_FOLLOWER", "0.99"}, {"MATCHING_WEIGHT_CONTENT", "0.01"}},
                    {.tags = {kCombat}});
  // Strangers do without the term: what is left counts as if it were all.
  EXPECT_EQ(audience.engagement_breakdown().high_engagement(),
            audience.interest_distribution().at("Combat"));
}

TEST(MatchingWeights, Content) {
  const auto audience = AudienceUnder({{"MATCHING_WEIGHT_CONTENT", "1"}}, {.tags = {kCombat}});
  const int fighters = audience.interest_distribution().at("Combat");
  EXPECT_GT(fighters, 0);
  EXPECT_EQ(audience.engagement_breakdown().high_engagement(), fighters);
  EXPECT_EQ(audience.engagement_breakdown().lurking(), audience.total_count() - fighters);
}

TEST(MatchingWeights, Reputation) {
  const auto audience = AudienceUnder({{"MATCHING_WEIGHT_REPUTATION", "1"}}, {.famous = true});
  EXPECT_EQ(audience.engagement_breakdown().high_engagement(), audience.total_count());
}

TEST(MatchingWeights, Context) {
  const auto audience = AudienceUnder({{"MATCHING_WEIGHT_CONTEXT", "1"}}, {.context_score = 1});
  EXPECT_EQ(audience.engagement_breakdown().high_engagement(), audience.total_count());
}

// --- The blending. -------------------------------------------------------------------------------

// Somebody else on the bus: stores an event in its stream.
template <class Event>
void Publish(const Event& event, const Uuid& id) {
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = SharedNats().url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  const auto about = common::outbox::EventOf(event, id);
  ValueOf(jetstream->Publish(about.subject, about.payload, common::outbox::HeadersOf(about),
                             id.ToString()));
}

// A real channel of the streamer tells of one excited crowd, once.
void SendPulse(const Stream& stream) {
  const auto now =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(common::ToMicros(common::Now()));
  const std::string channel = Uuid::V4().ToString();
  platform::StreamPlatformSessionStartedEvent started;
  const Uuid started_id = Uuid::V4();
  started.set_event_id(started_id.ToString());
  *started.mutable_timestamp() = now;
  started.set_platform_session_id(channel);
  started.set_account_id(stream.account.ToString());
  started.set_platform(platform::STREAM_PLATFORM_TWITCH);
  Publish(started, started_id);

  platform::SentimentPulse pulse;
  const Uuid pulse_id = Uuid::V4();
  pulse.set_pulse_id(pulse_id.ToString());
  pulse.set_platform_session_id(channel);
  pulse.set_in_game_session_id(stream.session);
  *pulse.mutable_timestamp() = now;
  pulse.set_interval_seconds(15);
  platform::SentimentEntry& entry = *pulse.add_sentiments();
  entry.set_category(platform::SENTIMENT_CATEGORY_EXCITED);
  entry.set_intensity(1);
  Publish(pulse, pulse_id);
}

// Whether a NATS server has the consumer through which pulses are blended in.
bool Blends(const std::string& nats_url) {
  const auto connection = ValueOf(common::nats::Connection::Connect({.url = nats_url}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  jsConsumerInfo* info = nullptr;
  const natsStatus status = js_GetConsumerInfo(&info, jetstream->handle(), "PULSES",
                                               "streaming_blending", nullptr, nullptr);
  jsConsumerInfo_Destroy(info);
  if (status != NATS_OK && status != NATS_NOT_FOUND) throw std::runtime_error("NATS fails");
  return status == NATS_OK;
}

TEST(Blending, CanBeSwitchedOff) {
  const common::testing::NatsServer nats;
  {
    const GameSide without({"NATS_URL=" + nats.url(), "REAL_AUDIENCE_BLENDING_ENABLED=false"});
    EXPECT_FALSE(Blends(nats.url()));
  }
  const GameSide with({"NATS_URL=" + nats.url()});
  EXPECT_TRUE(Blends(nats.url()));
}

// --- The rounds. ---------------------------------------------------------------------------------
class RoundSettings : public SettingsTest<RoundSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"AUDIENCE_CHECK_IN_INTERVAL_SECONDS", "1"},
            {"INTEREST_DECAY_RATE", "1"},
            {"REAL_DERIVED_VIEWER_DECAY_RATE", "1"}};
  }

 protected:
  RoundSettings() { game_.Seed(kMembers); }

  Game game_{side().daemon};
};

TEST_F(RoundSettings, RoundsComeAsOftenAsWished) {
  ASSERT_EQ(Text("AUDIENCE_CHECK_IN_INTERVAL_SECONDS"), "1");
  const auto rounds = [&] {
    return side().daemon.Metric("streaming_round_duration_seconds_count");
  };
  const double before = rounds();
  EXPECT_TRUE(Eventually([&] { return rounds() >= before + 3; }));
}

TEST_F(RoundSettings, InterestIsGoneAfterARound) {
  ASSERT_EQ(Text("INTEREST_DECAY_RATE"), "1");
  const auto stream = game_.GoLive({.usual_audience = kUsualAudience});
  EXPECT_TRUE(Eventually([&] {
    const auto audience = game_.Audience(stream);
    return audience.total_count() > 0 &&
           audience.engagement_breakdown().lurking() == audience.total_count();
  }));
}

TEST_F(RoundSettings, ARealCrowdsMoodIsGoneAfterARound) {
  ASSERT_EQ(Text("REAL_DERIVED_VIEWER_DECAY_RATE"), "1");
  const auto stream = game_.GoLive();
  SendPulse(stream);
  EXPECT_TRUE(Eventually([&] {
    const auto truth = game_.Truth(stream);
    return truth.has_last_pulse_at() && truth.mood().at("Excited") == 0;
  }));
}

// Every command waits for one of ours, so that a round takes more than half of its interval.
TEST(RoundsUnderLoad, ComeLessOften) {
  const GameSide side(
      {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1", "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600"});
  Game game(side.daemon);
  game.Seed(kMembers);
  for (int i = 0; i < 8; ++i) game.GoLive();

  common::redis::Redis redis({.port = SharedRedis().port()});
  const std::jthread load([&](const std::stop_token& end) {
    while (!end.stop_requested()) {
      redis.Command({"EVAL", "for i = 1, 4000000 do end", "0"}).status().IgnoreError();
    }
  });
  const std::string rounds = "streaming:{" + game.id().ToString() + ":0}:rounds";
  EXPECT_TRUE(Eventually(
      [&] {
        const auto due = ValueOf(redis.Command({"HGET", rounds, "due"}));
        return !due.is_nil() && common::FromMicros(1000 * std::stoll(std::string(due.text()))) >
                                    common::Now() + std::chrono::minutes(10);
      },
      std::chrono::seconds(30)));
}

}  // namespace
}  // namespace story
