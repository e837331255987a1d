// What the settings of the streaming daemon do, but for the matching: pools, moments, hype, follows
// and the life of sessions.
#include <chrono>

#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/settings.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using std::chrono::hours;

constexpr auto kWorldFirst = v1::REACTION_EVENT_TYPE_WORLD_FIRST;
constexpr auto kCustomEvent = v1::REACTION_EVENT_TYPE_CUSTOM_EVENT;
constexpr int kMembers = 5000;

// --- Pools. --------------------------------------------------------------------------------------
class PoolSettings : public SettingsTest<PoolSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"DEFAULT_POOL_SIZE", "640"},
            {"POOL_SHARDS", "3"},
            {"COLLECTIVE_SHARE", "1"},
            {"COLLECTIVE_SIZE", "7"}};
  }
};

TEST_F(PoolSettings, APoolHasTheSizeThatNobodyNamed) {
  EXPECT_EQ(Game(side().daemon).Seed(), Number("DEFAULT_POOL_SIZE"));
}

TEST_F(PoolSettings, APoolIsDealtIntoShards) {
  const GameSide fresh({"POOL_SHARDS=" + Text("POOL_SHARDS")});
  Game(fresh.daemon).Seed(kMembers);
  EXPECT_TRUE(Eventually(
      [&] { return fresh.daemon.Metric("streaming_round_shards_led") == Number("POOL_SHARDS"); }));
}

TEST_F(PoolSettings, MembersAreCollectives) {
  Game game(side().daemon);
  const int members = game.Seed();
  ASSERT_EQ(Text("COLLECTIVE_SHARE"), "1");
  EXPECT_EQ(ValueOf(game.Pool()).collective_groups(), members);
}

TEST_F(PoolSettings, ACollectiveStandsForSoManyHeads) {
  Game game(side().daemon);
  game.Seed();
  const auto stream = game.GoLive({.usual_audience = 400});
  // The game's first round may come in between.
  EXPECT_TRUE(Eventually([&] {
    const int members = ValueOf(game.Pool()).checked_out_members();
    return members > 0 &&
           game.Status(stream).audience_count() == members * Number("COLLECTIVE_SIZE");
  }));
}

TEST(PoolGrowth, APoolGrowsToItsMostWhenTooFewAreFree) {
  const std::string most = "7000";
  const GameSide side({"POOL_GROWTH_FREE_SHARE=1", "POOL_MAX_MEMBERS=" + most,
                       "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=1"});
  Game game(side.daemon);
  game.Seed(kMembers);
  game.GoLive({.usual_audience = 400});
  EXPECT_TRUE(Eventually([&] { return ValueOf(game.Pool()).total_members() == std::stoi(most); },
                         std::chrono::seconds(30)));
}

// --- Moments, hype and follows. ------------------------------------------------------------------
class MomentSettings : public SettingsTest<MomentSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"MAX_CHECKED_OUT_PER_SESSION", "25"},
            {"USER_SIGNIFICANCE_MAX", "0"},
            {"USER_REACTIONS_PER_MINUTE", "2"},
            {"HYPE_TRAIN_DURATION_SECONDS", "20"},
            {"HYPE_TRAIN_LEVELS", "1"},
            {"HYPE_TRAIN_COOLDOWN_SECONDS", "0"},
            {"RAID_COOLDOWN_SECONDS", "0"},
            {"WORLD_FIRST_HYPE_MULTIPLIER", "1"},
            {"INTEREST_THRESHOLD_FOR_FOLLOW", "0"},
            {"FOLLOW_CONVERSION_SESSION_COUNT", "1"}};
  }

 protected:
  Game game_{side().daemon};
  const int members_ = game_.Seed(kMembers);
  const Stream stream_ = game_.GoLive({.usual_audience = 400});
};

TEST_F(MomentSettings, ASessionIsFull) {
  game_.ServerTells(stream_, kWorldFirst, 1);
  EXPECT_EQ(game_.Status(stream_).peak_audience_count(), Number("MAX_CHECKED_OUT_PER_SESSION"));
}

TEST_F(MomentSettings, APlayersEventMeansLittle) {
  const auto reaction = ValueOf(game_.PlayerTells(stream_, kCustomEvent, 1));
  EXPECT_EQ(reaction.hype_contribution(), Number("USER_SIGNIFICANCE_MAX"));
  EXPECT_GT(game_.ServerTells(stream_, kCustomEvent, 1).hype_contribution(), 0);
}

TEST_F(MomentSettings, APlayerTellsSoMuchAMinute) {
  const int limit = Number("USER_REACTIONS_PER_MINUTE");
  int accepted = 0;
  // A new minute may begin once.
  for (int i = 0; i < 3 * limit; ++i) {
    const auto reaction = game_.PlayerTells(stream_, kCustomEvent, 1);
    accepted += reaction.ok();
    EXPECT_TRUE(reaction.ok() || absl::IsResourceExhausted(reaction.status()));
  }
  EXPECT_GE(accepted, limit);
  EXPECT_LE(accepted, 2 * limit);
}

TEST_F(MomentSettings, ATrainWaitsForSoLong) {
  for (int i = 0; i < 2; ++i) game_.ServerTells(stream_, kWorldFirst, 0.5f);
  const auto hype = game_.Hype(stream_);
  ASSERT_TRUE(hype.is_active());
  EXPECT_EQ(hype.expires_at().seconds() - hype.started_at().seconds(),
            Number("HYPE_TRAIN_DURATION_SECONDS"));
}

TEST_F(MomentSettings, ATrainHasSoManyLevels) {
  ASSERT_EQ(Text("HYPE_TRAIN_LEVELS"), "1");
  for (int i = 0; i < 8; ++i) {
    game_.ServerTells(stream_, kWorldFirst, 1);
    EXPECT_LE(game_.Hype(stream_).current_level(), v1::HYPE_TRAIN_LEVEL_1);  // 0 without a train
  }
  EXPECT_GE(game_.End(stream_).hype_trains_triggered(), 1);
}

TEST_F(MomentSettings, TheNextTrainMayFollowAtOnce) {
  ASSERT_EQ(Text("HYPE_TRAIN_COOLDOWN_SECONDS"), "0");
  for (int i = 0; i < 8; ++i) game_.ServerTells(stream_, kWorldFirst, 1);
  EXPECT_GE(game_.End(stream_).hype_trains_triggered(), 2);
}

TEST_F(MomentSettings, TheNextRaidMayFollowAtOnce) {
  ASSERT_EQ(Text("RAID_COOLDOWN_SECONDS"), "0");
  const Stream other = game_.GoLive();
  for (int i = 0; i < 2; ++i) {
    const auto raided = game_.Raid(stream_, other);
    EXPECT_TRUE(raided.ok()) << raided.status();
  }
  EXPECT_LE(game_.Status(other).peak_audience_count(), Number("MAX_CHECKED_OUT_PER_SESSION"));
}

TEST_F(MomentSettings, AWorldFirstIsLikeAnyEvent) {
  ASSERT_EQ(Text("WORLD_FIRST_HYPE_MULTIPLIER"), "1");
  const float contribution = game_.ServerTells(stream_, kWorldFirst, 0.1f).hype_contribution();
  EXPECT_GT(contribution, 0);
  EXPECT_LT(contribution, 0.2f);
}

// Everybody follows; by default nobody would after one session of ordinary interest.
TEST_F(MomentSettings, WhoWatchesOnceFollows) {
  ASSERT_EQ(Text("INTEREST_THRESHOLD_FOR_FOLLOW"), "0");
  ASSERT_EQ(Text("FOLLOW_CONVERSION_SESSION_COUNT"), "1");
  const auto summary = game_.End(stream_);
  EXPECT_GT(summary.peak_audience_count(), 0);
  EXPECT_GE(summary.new_followers(), summary.peak_audience_count());
}

// --- The life of sessions. What waits for days or minutes is looked for when a daemon starts. ----
class LifeSettings : public SettingsTest<LifeSettings, GameSide> {
 public:
  static Values GivenValues() {
    return {{"SESSION_RETENTION_DAYS", "2"},
            {"PENDING_SESSION_TIMEOUT_SECONDS", "100"},
            {"IDLE_SESSION_TIMEOUT_SECONDS", "1"}};
  }

 protected:
  LifeSettings() { game_.Seed(kMembers); }

  static void Restart() {
    side().daemon.Kill();
    side().daemon.Start();
  }
  // Moves a time of the session's record into the past.
  void Age(const Stream& stream, const std::string& column, std::chrono::seconds by) {
    ValueOf(database_->Execute(
        "UPDATE session SET " + column + " = " + column + " - INTERVAL ? SECOND WHERE id = ?",
        by.count(), *Uuid::Parse(stream.session)));
  }
  // The status in the record; nullopt when there is none.
  std::optional<int> StatusOf(const Stream& stream) {
    const auto rows = ValueOf(
        database_->Query("SELECT status FROM session WHERE id = ?", *Uuid::Parse(stream.session)));
    return rows.empty() ? std::nullopt : std::optional(rows[0].Get<int>(0));
  }

  Game game_{side().daemon};
  std::unique_ptr<common::mysql::Connection> database_ = OpenDatabase(side().daemon.database());
};

TEST_F(LifeSettings, EndedSessionsAreKeptForDays) {
  const auto older = game_.Create();
  const auto newer = game_.Create();
  for (const auto& stream : {older, newer}) game_.End(stream);
  Age(older, "ended_at", hours(24 * Number("SESSION_RETENTION_DAYS") + 1));
  Age(newer, "ended_at", hours(24 * Number("SESSION_RETENTION_DAYS") - 1));
  Restart();
  EXPECT_TRUE(Eventually([&] { return !StatusOf(older); }));
  EXPECT_TRUE(StatusOf(newer));
}

TEST_F(LifeSettings, ASessionThatNobodyStartsExpires) {
  const auto older = game_.Create();
  const auto newer = game_.Create();
  Age(older, "created_at", std::chrono::seconds(Number("PENDING_SESSION_TIMEOUT_SECONDS")));
  Restart();
  EXPECT_TRUE(Eventually([&] { return StatusOf(older) == v1::STREAM_SESSION_STATUS_ENDED; }));
  EXPECT_EQ(StatusOf(newer), v1::STREAM_SESSION_STATUS_PENDING);
}

TEST_F(LifeSettings, ASessionThatNobodyCallsEnds) {
  const auto stream = game_.GoLive();
  const auto called = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually([&] {
    return std::chrono::steady_clock::now() - called >
           std::chrono::seconds(Number("IDLE_SESSION_TIMEOUT_SECONDS"));
  }));
  Restart();
  EXPECT_TRUE(Eventually([&] { return StatusOf(stream) == v1::STREAM_SESSION_STATUS_ENDED; }));
}

}  // namespace
}  // namespace story
