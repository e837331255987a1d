// Follows and careers on a real database: what a session's end records, once.
#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>

#include "libs/common/testing/eventually.h"
#include "tests/integration/streaming_career.h"

namespace streaming {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

TEST_F(StreamingCareerTest, WatchersFollowAfterTheThirdInterestedSession) {
  std::vector<Attendee> audience = Crowd(1, 20);
  const std::vector<Attendee> bored = Crowd(100, 5, 0.5);
  audience.insert(audience.end(), bored.begin(), bored.end());
  EXPECT_EQ(Record(streamer_, 1, audience).gained, 0u);
  EXPECT_EQ(Record(streamer_, 2, audience).gained, 0u);
  EXPECT_EQ(Record(streamer_, 3, audience).gained, 20u);
  EXPECT_EQ(Record(streamer_, 4, audience).gained, 0u);
  EXPECT_EQ(Find(streamer_).stats.followers, 20u);
}

TEST_F(StreamingCareerTest, FollowEventsNamePseudonymsAndNeverMembers) {
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, Crowd(7, 3));
  std::vector<std::string> told;
  for (const auto& event : Events<v1::StreamingFollowGainedEvent>()) {
    told.push_back(event.member_id());
    EXPECT_EQ(event.streamer_id(), streamer_.id.ToString());
    EXPECT_EQ(event.streamer_type(), kCharacter);
    EXPECT_EQ(event.game_service_id(), streamer_.game_service_id.ToString());
  }
  const uint64_t secret = Find(streamer_).viewer_secret;
  EXPECT_THAT(
      told, ElementsAre(pool::ViewerId(secret, 7).ToString(), pool::ViewerId(secret, 8).ToString(),
                        pool::ViewerId(secret, 9).ToString()));
}

TEST_F(StreamingCareerTest, AReplayedSessionChangesNothing) {
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, Crowd(1, 50));
  const auto all =
      "SELECT GROUP_CONCAT(member, attended, loyalty, followed_since, lapse_ordinal"
      " ORDER BY member) FROM attendance";
  const std::string before = mysql_.Query(all)->at(0).Get<std::string>(0);
  EXPECT_EQ(Record(streamer_, 3, Crowd(1, 50)).gained, 0u);
  EXPECT_EQ(Record(streamer_, 2, Crowd(1, 50)).gained, 0u);
  EXPECT_EQ(mysql_.Query(all)->at(0).Get<std::string>(0), before);
  EXPECT_EQ(Events<v1::StreamingFollowGainedEvent>().size(), 50u);
  EXPECT_EQ(Find(streamer_).stats.followers, 50u);
}

TEST_F(StreamingCareerTest, FollowersWhoStayAwayAreLostOnce) {
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, Crowd(1, 10));
  uint32_t lost = 0;
  for (uint32_t ordinal = 4; ordinal <= 30; ++ordinal) {
    lost += Record(streamer_, ordinal, Crowd(1, 4)).lost;
  }
  EXPECT_EQ(lost, 6u);
  EXPECT_EQ(Find(streamer_).stats.followers, 4u);
  std::vector<std::string> expected, told;
  for (uint32_t member = 5; member <= 10; ++member) {
    expected.push_back(pool::ViewerId(Find(streamer_).viewer_secret, member).ToString());
  }
  for (const auto& event : Events<v1::StreamingFollowLostEvent>()) {
    told.push_back(event.member_id());
  }
  EXPECT_THAT(told, UnorderedElementsAreArray(expected));
}

TEST_F(StreamingCareerTest, FollowsAreOfOneStreamerInOneGame) {
  StreamerKey other_game = streamer_, other_type = streamer_;
  other_game.game_service_id = Uuid::V4();
  other_type.type = kActor;
  for (uint32_t ordinal = 1; ordinal <= 2; ++ordinal) Record(streamer_, ordinal, Crowd(1, 5));
  EXPECT_EQ(Record(other_game, 3, Crowd(1, 5)).gained, 0u);
  EXPECT_EQ(Record(other_type, 3, Crowd(1, 5)).gained, 0u);
  EXPECT_EQ(Record(streamer_, 3, Crowd(1, 5)).gained, 5u);
}

TEST_F(StreamingCareerTest, AMemberNamedTwiceCountsOnce) {
  std::vector<Attendee> twice = Crowd(1, 3);
  twice.push_back({.member = 2, .mean_interest = 0});
  for (uint32_t ordinal = 1; ordinal <= 2; ++ordinal) Record(streamer_, ordinal, twice);
  EXPECT_EQ(Record(streamer_, 3, twice).gained, 3u);
}

TEST_F(StreamingCareerTest, ACollectiveFollowsAsAllThatItStandsFor) {
  const pool::NewPool half{.collective_share = 0.5, .collective_size = 20};
  ASSERT_TRUE(pools_.Seed(streamer_.game_service_id, 6000, half, std::nullopt, kStart).ok());
  const auto pool = *pools_.Get(streamer_.game_service_id);
  const std::vector<Attendee> crowd = Crowd(0, 3000);
  uint32_t heads = 0;
  for (const Attendee& attendee : crowd) heads += pool->WeightOf(attendee.member);
  ASSERT_GT(heads, 2 * crowd.size());

  Outcome outcome;
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) {
    outcome = Record(streamer_, ordinal, crowd, *pool);
    EXPECT_EQ(outcome.gathering.heads, heads);
  }
  EXPECT_EQ(outcome.gained, heads);
  EXPECT_EQ(outcome.followers, heads);
  EXPECT_EQ(Find(streamer_).stats.followers, heads);
  // A list has a line for each member.
  v1::ListFollowersRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  EXPECT_EQ(ListFollowers(request).total(), 3000);
  EXPECT_EQ(Events<v1::StreamingFollowGainedEvent>().size(), 3000u);

  uint32_t lost = 0;
  for (uint32_t ordinal = 4; ordinal <= 40; ++ordinal) {
    lost += Record(streamer_, ordinal, {}, *pool).lost;
  }
  EXPECT_EQ(lost, heads);
  EXPECT_EQ(Find(streamer_).stats.followers, 0u);
  EXPECT_EQ(ListFollowers(request).total(), 0);
}

// The sum of the session's counters whose names match.
int64_t Counted(Transaction& transaction, const std::string& pattern) {
  const auto rows = transaction.Query("SHOW SESSION STATUS LIKE '" + pattern + "'");
  int64_t sum = 0;
  for (const common::mysql::Row& row : *rows) sum += row.Get<int64_t>(1);
  return sum;
}

TEST_F(StreamingCareerTest, FiveThousandAttendeesTakeFewStatementsAndReadOnlyTheirRows) {
  // Members who came once, long ago: an end that looked at them would read far more rows.
  Record(streamer_, 1, Crowd(100'000, 20'000, 0.1));
  std::vector<Attendee> audience = Crowd(0, 5000);
  for (uint32_t ordinal = 2; ordinal <= 5; ++ordinal) {
    int64_t statements = 0, rows_read = 0;
    Outcome outcome;
    const auto work = [&](Transaction& transaction) -> absl::Status {
      statements = -Counted(transaction, "Com_stmt_execute");
      rows_read = -Counted(transaction, "Handler_read%");
      ASSIGN_OR_RETURN(outcome, follows_.RecordSession(transaction, {.streamer = streamer_,
                                                                     .session_id = Uuid::V4(),
                                                                     .ordinal = ordinal,
                                                                     .now = kStart,
                                                                     .attendees = audience,
                                                                     .pool = pool_}));
      rows_read += Counted(transaction, "Handler_read%");
      statements += Counted(transaction, "Com_stmt_execute");
      return absl::OkStatus();
    };
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(common::mysql::RunTransaction(mysql_, work).ok());
    RecordProperty("milliseconds_" + std::to_string(ordinal),
                   static_cast<int>((std::chrono::steady_clock::now() - begin) /
                                    std::chrono::milliseconds(1)));
    RecordProperty("rows_read_" + std::to_string(ordinal), static_cast<int>(rows_read));
    // Two a chunk, at most three for the lock, one for the lapses, the three counters asked here;
    // one for the count and one for each batch of events where follows are gained.
    const bool gains = ordinal == 4;
    EXPECT_LE(statements, 10 + 3 + 1 + 3 + (gains ? 1 + 50 : 0)) << ordinal;
    EXPECT_LE(rows_read, 8 * 5000) << ordinal;
    EXPECT_EQ(outcome.gained, gains ? 5000u : 0u);
  }
  const auto events = Events<v1::StreamingFollowGainedEvent>();
  ASSERT_EQ(events.size(), 5000u);
  const uint64_t secret = Find(streamer_).viewer_secret;
  for (uint32_t member = 0; member < 5000; ++member) {
    ASSERT_EQ(events[member].member_id(), pool::ViewerId(secret, member).ToString());
  }
}

TEST_F(StreamingCareerTest, FollowerPagesAreStableAndComplete) {
  ASSERT_TRUE(pools_.Seed(streamer_.game_service_id, 1000, {}, std::nullopt, kStart).ok());
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, Crowd(10, 25));
  for (uint32_t ordinal = 4; ordinal <= 6; ++ordinal) {
    std::vector<Attendee> audience = Crowd(10, 25);
    const std::vector<Attendee> late = Crowd(500, 12);
    audience.insert(audience.end(), late.begin(), late.end());
    Record(streamer_, ordinal, audience);
  }
  v1::ListFollowersRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  request.set_limit(10);
  std::set<std::string> seen;
  int64_t last_since = 0;
  for (int offset = 0; offset < 40; offset += 10) {
    request.set_offset(offset);
    const v1::ListFollowersResponse page = ListFollowers(request);
    EXPECT_EQ(page.SerializeAsString(), ListFollowers(request).SerializeAsString());
    EXPECT_EQ(page.followers_size(), offset < 30 ? 10 : 7);
    EXPECT_EQ(page.total(), 37);
    for (const v1::AudienceFollower& follower : page.followers()) {
      EXPECT_TRUE(seen.insert(follower.member_id()).second);
      EXPECT_GE(follower.followed_since().seconds(), last_since);
      last_since = follower.followed_since().seconds();
      EXPECT_GT(follower.loyalty_level(), 0);
      EXPECT_LE(follower.loyalty_level(), 1);
      EXPECT_NE(follower.dominant_interest(), v1::AUDIENCE_INTEREST_UNSPECIFIED);
      EXPECT_FALSE(follower.has_is_real_derived());
    }
  }
  EXPECT_EQ(seen.size(), 37u);
}

TEST_F(StreamingCareerTest, OnlyAnAdminSeesWhoIsReal) {
  ASSERT_TRUE(pools_.Seed(streamer_.game_service_id, 1000, {}, std::nullopt, kStart).ok());
  std::vector<Attendee> audience = Crowd(1, 2);
  audience[1].real_derived = true;
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, audience);
  v1::ListFollowersRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  const v1::ListFollowersResponse shown = ListFollowers(request, /*admin=*/true);
  ASSERT_EQ(shown.followers_size(), 2);
  EXPECT_FALSE(shown.followers(0).is_real_derived());
  EXPECT_TRUE(shown.followers(1).is_real_derived());
  const v1::ListFollowersResponse hidden = ListFollowers(request);
  EXPECT_FALSE(hidden.followers(0).has_is_real_derived());
  EXPECT_FALSE(hidden.followers(1).has_is_real_derived());
}

TEST_F(StreamingCareerTest, ThatItFollowsAfterManySessionsMakesNobodyLikelierReal) {
  ASSERT_TRUE(pools_.Seed(streamer_.game_service_id, 1000, {}, std::nullopt, kStart).ok());
  std::vector<Attendee> audience = Crowd(1, 1);
  for (uint32_t ordinal = 1; ordinal <= 5; ++ordinal) {
    audience[0].real_derived = ordinal != 3;  // after which it follows
    Record(streamer_, ordinal, audience);
  }
  v1::ListFollowersRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  const v1::ListFollowersResponse shown = ListFollowers(request, /*admin=*/true);
  ASSERT_EQ(shown.followers_size(), 1);
  EXPECT_FALSE(shown.followers(0).is_real_derived());
}

TEST_F(StreamingCareerTest, FollowersOfAllGamesAreOneList) {
  StreamerKey other_game = streamer_;
  other_game.game_service_id = Uuid::V4();
  for (const StreamerKey& key : {streamer_, other_game}) {
    ASSERT_TRUE(pools_.Seed(key.game_service_id, 1000, {}, std::nullopt, kStart).ok());
    for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(key, ordinal, Crowd(1, 4));
  }
  v1::ListFollowersRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  EXPECT_EQ(ListFollowers(request).total(), 8);
  EXPECT_EQ(ListFollowers(request).followers_size(), 8);
  request.set_game_service_id(other_game.game_service_id.ToString());
  EXPECT_EQ(ListFollowers(request).total(), 4);
  EXPECT_EQ(ListFollowers(request).followers_size(), 4);
  request.set_streamer_id(Uuid::V4().ToString());
  EXPECT_EQ(ListFollowers(request).total(), 0);
}

TEST_F(StreamingCareerTest, AnIdOfSeveralTypesIsAmbiguousUntilOneIsNamed) {
  StreamerKey actor = streamer_;
  actor.type = kActor;
  for (const StreamerKey& key : {streamer_, actor}) {
    ASSERT_TRUE(careers_.ApplySession(InsertEndedSession(key, {}), kStart).ok());
  }
  v1::CareerStatusRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  EXPECT_TRUE(common::errors::Is(GetCareer(request).status(), kStreamerAmbiguous));
  request.set_streamer_type(kActor);
  EXPECT_EQ(GetCareer(request)->streamer_type(), kActor);
}

TEST_F(StreamingCareerTest, CareerIsTheGameWithTheMostGrowthOrTheOneAskedFor) {
  StreamerKey better = streamer_;
  better.game_service_id = Uuid::V4();
  v1::CareerStatusRequest request;
  request.set_streamer_id(streamer_.id.ToString());
  EXPECT_TRUE(common::errors::Is(GetCareer(request).status(), kCareerNotFound));
  ASSERT_TRUE(careers_.ApplySession(InsertEndedSession(streamer_, {}), kStart).ok());
  ASSERT_TRUE(careers_.ApplySession(InsertEndedSession(better, {.world_firsts = 3}), kStart).ok());

  const auto best = GetCareer(request);
  ASSERT_TRUE(best.ok());
  EXPECT_EQ(best->game_service_id(), better.game_service_id.ToString());
  EXPECT_EQ(best->phase(), v1::STREAMER_CAREER_PHASE_RISING);
  EXPECT_THAT(best->capabilities(), ElementsAre("custom_stream_title", "basic_audience_stats"));
  EXPECT_EQ(best->total_stream_sessions(), 1);
  EXPECT_DOUBLE_EQ(best->total_stream_hours(), 1);
  EXPECT_EQ(best->world_first_count(), 3);
  EXPECT_NEAR(best->domain_progress().at("discovery_rate"), 1 - std::exp(-6.0 / 25), 1e-6);
  request.set_game_service_id(streamer_.game_service_id.ToString());
  const auto asked = GetCareer(request);
  EXPECT_EQ(asked->phase(), v1::STREAMER_CAREER_PHASE_UNKNOWN);
  EXPECT_NE(asked->seed_id(), best->seed_id());
  EXPECT_EQ(asked->seed_id(), GetCareer(request)->seed_id());
}

TEST_F(StreamingCareerTest, TwoWorkersApplyEachSessionAndMilestoneOnce) {
  constexpr int kSessions = 40;
  for (int i = 0; i < kSessions; ++i) InsertEndedSession(streamer_, {.world_firsts = 1});
  InsertEndedSession(streamer_, {.was_live = false});
  careers::CareerProgressionWorker one(careers_, metrics_), other(careers_, metrics_);
  one.Start();
  other.Start();
  EXPECT_TRUE(
      common::testing::Eventually([&] { return careers_.ListUnapplied(Uuid(), 1)->empty(); }));
  // A worker that is notified does not wait for its interval.
  InsertEndedSession(streamer_, {});
  one.Notify();
  other.Notify();
  EXPECT_TRUE(
      common::testing::Eventually([&] { return careers_.ListUnapplied(Uuid(), 1)->empty(); }));
  one.Stop();
  other.Stop();

  const careers::Stats stats = Find(streamer_).stats;
  EXPECT_EQ(stats.sessions, kSessions + 1u);
  EXPECT_EQ(stats.world_firsts, 40u);
  EXPECT_EQ(careers::TotalOf(stats.growth), 80'100u);
  std::vector<std::pair<int, int>> told;
  for (const auto& event : Events<v1::StreamingMilestoneReachedEvent>()) {
    told.emplace_back(event.milestone_type(), event.milestone_value());
  }
  EXPECT_THAT(told, UnorderedElementsAreArray(
                        std::vector<std::pair<int, int>>{{v1::MILESTONE_TYPE_STREAM_HOURS, 1},
                                                         {v1::MILESTONE_TYPE_STREAM_HOURS, 10},
                                                         {v1::MILESTONE_TYPE_WORLD_FIRST_COUNT, 1},
                                                         {v1::MILESTONE_TYPE_WORLD_FIRST_COUNT, 5},
                                                         {v1::MILESTONE_TYPE_WORLD_FIRST_COUNT, 25},
                                                         {v1::MILESTONE_TYPE_PHASE_ADVANCE, 1},
                                                         {v1::MILESTONE_TYPE_PHASE_ADVANCE, 2}}));
}

TEST_F(StreamingCareerTest, FollowerMilestonesComeFromTheFollowersOfTheMoment) {
  for (uint32_t ordinal = 1; ordinal <= 3; ++ordinal) Record(streamer_, ordinal, Crowd(1, 12));
  const Uuid session = InsertEndedSession(streamer_, {.new_followers = 12});
  for (int repeat = 0; repeat < 3; ++repeat) {
    ASSERT_TRUE(careers_.ApplySession(session, kStart).ok());
  }
  const auto events = Events<v1::StreamingMilestoneReachedEvent>();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].milestone_type(), v1::MILESTONE_TYPE_FOLLOWER_COUNT);
  EXPECT_EQ(events[0].milestone_value(), 10);
  EXPECT_EQ(events[0].session_id(), session.ToString());
  EXPECT_EQ(events[1].milestone_type(), v1::MILESTONE_TYPE_STREAM_HOURS);
  const careers::Stats stats = Find(streamer_).stats;
  EXPECT_EQ(stats.followers, 12u);
  EXPECT_EQ(stats.sessions, 1u);
  EXPECT_EQ(stats.growth[0], 1200u);
}

}  // namespace
}  // namespace streaming
