// What the settings of the streaming daemon do to an audience: the weights of the matching, the
// rounds, and the blending of a real crowd.
#include <stop_token>
#include <thread>

#include <bannou/stream/v1/sentiment.pb.h>
#include <gtest/gtest.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/real_crowd.h"
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

// A real channel of the streamer tells of one excited crowd, once: of somebody nobody knows, and of
// so many viewers whom it tracks.
void SendPulse(const Stream& stream, int tracked = 0) {
  RealCrowd crowd(SharedNats().url());
  auto pulse = RealCrowd::PulseOf(crowd.GoLive(stream.account), stream.session);
  for (int i = 0; i <= tracked; ++i) {
    RealCrowd::Feel(pulse, platform::SENTIMENT_CATEGORY_EXCITED, 1);
    if (i == 0) continue;
    platform::SentimentEntry& entry = *pulse.mutable_sentiments(i);
    entry.set_tracking_id(Uuid::V4().ToString());
    entry.set_viewer_type(platform::TRACKED_VIEWER_TYPE_SUBSCRIBER);
  }
  crowd.Send(pulse);
}

TEST(Blending, CanBeSwitchedOff) {
  const common::testing::NatsServer nats;
  {
    const GameSide without({"NATS_URL=" + nats.url(), "REAL_AUDIENCE_BLENDING_ENABLED=false"});
    EXPECT_FALSE(RealCrowd(nats.url()).SomebodyBlends());
  }
  const GameSide with({"NATS_URL=" + nats.url()});
  EXPECT_TRUE(RealCrowd(nats.url()).SomebodyBlends());
}

TEST(Blending, SeatsSoManyAndNoMore) {
  const GameSide side({"MAX_REAL_DERIVED_VIEWERS=2"});
  Game game(side.daemon);
  game.Seed(kMembers);
  const auto stream = game.GoLive({.usual_audience = kUsualAudience});
  SendPulse(stream, 5);
  EXPECT_TRUE(Eventually([&] { return game.Truth(stream).pulses_applied() == 1; }));
  const auto truth = game.Truth(stream);
  EXPECT_EQ(truth.real_derived_count(), 2);
  EXPECT_EQ(truth.real_derived_viewer_ids_size(), 2);
  EXPECT_EQ(truth.unseated_count(), 3);
  EXPECT_GT(truth.mood().at("Excited"), 0);
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
