// What careers unlock and what neighbours are told of them, on a real database.
#include <algorithm>
#include <set>

#include <bannou/streaming/v1/commands.pb.h>
#include <gmock/gmock.h>

#include "tests/integration/streaming_career.h"

namespace streaming {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class StreamingUnlockTest : public StreamingCareerTest {
 protected:
  Uuid Apply(const EndedRow& row) { return Apply(streamer_, row); }
  Uuid Apply(const StreamerKey& streamer, const EndedRow& row) {
    const Uuid id = InsertEndedSession(streamer, row);
    const auto applied = careers_.ApplySession(id, kStart);
    EXPECT_TRUE(applied.ok()) << applied.status();
    return id;
  }

  v1::ListUnlocksRequest Request() {
    v1::ListUnlocksRequest request;
    request.set_streamer_id(streamer_.id.ToString());
    return request;
  }
  std::vector<std::string> Codes(const v1::ListUnlocksRequest& request) {
    const auto response = ListUnlocks(request);
    EXPECT_TRUE(response.ok()) << response.status();
    std::vector<std::string> codes;
    for (const v1::Unlock& unlock : response->unlocks()) codes.push_back(unlock.entry_code());
    return codes;
  }
  std::vector<std::string> Codes() { return Codes(Request()); }
};

TEST_F(StreamingUnlockTest, ASessionUnlocksWhatItsCareerStandsAtOnce) {
  const Uuid id = InsertEndedSession(streamer_, {.viewer_seconds = 1000.0 * 3600,
                                                 .world_firsts = 1,
                                                 .followers_after = 100,
                                                 .hype_trains = 2});
  InsertMoment(id, 1, "The Sunken City");
  InsertMoment(id, 2, "Somebody won", v1::STREAM_MOMENT_TYPE_ACHIEVEMENT);
  InsertTrain(id, 1);
  InsertTrain(id, 6);
  for (int repeat = 0; repeat < 2; ++repeat) ASSERT_TRUE(careers_.ApplySession(id, kStart).ok());
  EXPECT_THAT(Codes(),
              UnorderedElementsAre("first_stream", "10_followers", "100_followers",
                                   "1000_watch_hours", "first_hype_train", "level_5_hype",
                                   "legendary_hype", "discovered_the_sunken_city_on_stream"));
  const size_t granted = Events<v1::CollectionEntryGrantCommand>().size();
  EXPECT_EQ(granted, 8u);
  // A career that stands at the same things unlocks nothing again; it has come to a phase.
  const Uuid next =
      InsertEndedSession(streamer_, {.world_firsts = 1, .followers_after = 100, .hype_trains = 1});
  InsertMoment(next, 1, "the sunken city");
  InsertTrain(next, 5);
  ASSERT_TRUE(careers_.ApplySession(next, kStart).ok());
  const auto grants = Events<v1::CollectionEntryGrantCommand>();
  ASSERT_EQ(grants.size(), granted + 1);
  EXPECT_EQ(grants.back().entry_code(), "rising_streamer");
  EXPECT_EQ(grants.back().collection_type(), v1::UNLOCK_CATEGORY_STREAMING_MILESTONES);
}

TEST_F(StreamingUnlockTest, BadgesComeFromWhoCame) {
  for (uint32_t ordinal = 1; ordinal <= 4; ++ordinal) {
    EXPECT_LT(Record(streamer_, ordinal, Crowd(1, 30)).gathering.regulars, 30u);
  }
  const Outcome fifth = Record(streamer_, 5, Crowd(1, 45));
  EXPECT_EQ(fifth.gathering.heads, 45u);
  EXPECT_EQ(fifth.gathering.regulars, 30u);
  EXPECT_GT(fifth.gathering.evenness, 0);
  // A crowd from the whole pool is as varied as the pool, one of a single kind is not.
  std::vector<Attendee> everybody;
  for (uint32_t i = 0; i < 2000; ++i) everybody.push_back({.member = i * 97});
  EXPECT_GT(Record(streamer_, 6, everybody).gathering.evenness, 0.95);
  EXPECT_LT(Record(streamer_, 7, Crowd(0, 64)).gathering.evenness, 0.7);

  Apply({.gathering = fifth.gathering});
  EXPECT_THAT(Codes(), AllOf(Contains("loyal_audience"), Not(Contains("diverse_viewers"))));
  Apply({.gathering = {.heads = 2000, .evenness = 0.96}});
  EXPECT_THAT(Codes(), Contains("diverse_viewers"));
}

TEST_F(StreamingUnlockTest, CriticsWaitForTenSessionsOfEngagedAudiences) {
  const EndedRow engaging{.viewer_seconds = 3600, .engagement = 0.7, .peak_audience = 10};
  EndedRow small = engaging, dull = engaging;
  small.peak_audience = 9;
  dull.engagement = 0.5;
  Apply(small);
  Apply(dull);
  for (int i = 0; i < 9; ++i) Apply(engaging);
  EXPECT_THAT(Codes(), Not(Contains("critics_choice")));
  Apply(engaging);
  EXPECT_THAT(Codes(), Contains("critics_choice"));
}

TEST_F(StreamingUnlockTest, PagesAreNewestFirstStableAndComplete) {
  for (uint32_t ordinal = 1; ordinal <= 5; ++ordinal) {
    const Uuid id = InsertEndedSession(
        streamer_,
        {.ordinal = ordinal, .world_firsts = 4, .ended_at = kStart + std::chrono::hours(ordinal)});
    for (uint32_t moment = 1; moment <= 4; ++moment) {
      InsertMoment(id, moment, std::to_string(ordinal) + " and " + std::to_string(moment));
    }
    ASSERT_TRUE(careers_.ApplySession(id, kStart).ok());
  }
  v1::ListUnlocksRequest request = Request();
  request.set_limit(4);
  std::set<std::string> seen;
  int64_t last = std::numeric_limits<int64_t>::max();
  int total = 0;
  for (int offset = 0;; offset += 4) {
    request.set_offset(offset);
    const auto page = ListUnlocks(request);
    ASSERT_TRUE(page.ok());
    total = page->total();
    if (page->unlocks().empty()) break;
    EXPECT_EQ(page->SerializeAsString(), ListUnlocks(request)->SerializeAsString());
    for (const v1::Unlock& unlock : page->unlocks()) {
      EXPECT_TRUE(seen.insert(unlock.entry_code()).second);
      EXPECT_LE(unlock.unlocked_at().seconds(), last);
      last = unlock.unlocked_at().seconds();
      EXPECT_EQ(unlock.game_service_id(), streamer_.game_service_id.ToString());
    }
  }
  EXPECT_EQ(static_cast<int>(seen.size()), total);
  EXPECT_THAT(seen, AllOf(Contains("first_stream"), Contains("discovered_5_and_4_on_stream")));
}

TEST_F(StreamingUnlockTest, AllGamesOrOneAndTheErrorsOfTheContract) {
  EXPECT_TRUE(common::errors::Is(ListUnlocks(Request()).status(), kCareerNotFound));
  StreamerKey other_game = streamer_;
  other_game.game_service_id = Uuid::V4();
  Apply(streamer_, {});
  Apply(other_game, {.followers_after = 10});
  EXPECT_THAT(Codes(), UnorderedElementsAre("first_stream", "first_stream", "10_followers"));
  v1::ListUnlocksRequest request = Request();
  request.set_game_service_id(streamer_.game_service_id.ToString());
  EXPECT_THAT(Codes(request), ElementsAre("first_stream"));
  request.set_game_service_id(Uuid::V4().ToString());
  EXPECT_TRUE(common::errors::Is(ListUnlocks(request).status(), kCareerNotFound));

  StreamerKey actor = streamer_;
  actor.type = kActor;
  Apply(actor, {.followers_after = 100});
  EXPECT_TRUE(common::errors::Is(ListUnlocks(Request()).status(), kStreamerAmbiguous));
  request = Request();
  request.set_streamer_type(kActor);
  EXPECT_THAT(Codes(request),
              UnorderedElementsAre("first_stream", "10_followers", "100_followers"));
}

TEST_F(StreamingUnlockTest, TheFirstSessionCreatesTheSeedAndLaterOnesGrowIt) {
  const Uuid first = Apply({.world_firsts = 1});
  const Uuid second = Apply({.peak_audience = 100});
  const auto seeds = Events<v1::SeedCreateCommand>();
  ASSERT_EQ(seeds.size(), 1u);
  EXPECT_EQ(seeds[0].seed_id(), careers::SeedId(streamer_).ToString());
  EXPECT_EQ(seeds[0].owner_id(), streamer_.id.ToString());
  EXPECT_EQ(seeds[0].owner_type(), kCharacter);
  EXPECT_EQ(seeds[0].game_service_id(), streamer_.game_service_id.ToString());
  EXPECT_EQ(seeds[0].seed_type_code(), "streamer");

  std::vector<std::tuple<std::string, std::string, double>> grown;
  for (const auto& command : Events<v1::SeedGrowthRecordCommand>()) {
    EXPECT_EQ(command.seed_id(), seeds[0].seed_id());
    EXPECT_EQ(command.source(), "streaming");
    grown.emplace_back(command.source_event_id(), command.domain(), command.amount());
  }
  // Two tags, a world first; then three tiers of an audience.
  EXPECT_THAT(grown, UnorderedElementsAre(std::tuple(first.ToString(), "content_diversity", 0.1),
                                          std::tuple(first.ToString(), "discovery_rate", 2.0),
                                          std::tuple(second.ToString(), "audience_growth", 1.5)));
}

TEST_F(StreamingUnlockTest, LeaderboardsGetTheNewTotalsOfWhatChanged) {
  const auto scores = [&] {
    std::vector<std::pair<std::string, double>> all;
    for (const auto& command : Events<v1::LeaderboardScoreSubmitCommand>()) {
      EXPECT_EQ(command.entity_id(), streamer_.id.ToString());
      EXPECT_EQ(command.entity_type(), kCharacter);
      EXPECT_EQ(command.game_service_id(), streamer_.game_service_id.ToString());
      all.emplace_back(command.leaderboard_id(), command.score());
    }
    return all;
  };
  Apply({.ordinal = 1, .viewer_seconds = 7200, .new_followers = 3, .followers_after = 3});
  EXPECT_THAT(scores(), UnorderedElementsAre(Pair("streamer.Followers", 3.0),
                                             Pair("streamer.WatchHours", 2.0)));
  Apply({.ordinal = 2, .world_firsts = 2, .lost_followers = 3, .followers_after = 0});
  const Uuid third = InsertEndedSession(
      streamer_, {.ordinal = 3, .viewer_seconds = 3600, .followers_after = 0, .hype_trains = 1});
  InsertTrain(third, 1);
  ASSERT_TRUE(careers_.ApplySession(third, kStart).ok());
  EXPECT_THAT(scores(), UnorderedElementsAre(
                            Pair("streamer.Followers", 3.0), Pair("streamer.WatchHours", 2.0),
                            Pair("streamer.Followers", 0.0), Pair("streamer.WorldFirsts", 2.0),
                            Pair("streamer.WatchHours", 3.0), Pair("streamer.HypeTrains", 1.0)));
}

TEST_F(StreamingUnlockTest, AnalyticsHearsOfTheSessionAndItsMilestones) {
  const Time ended = kStart + std::chrono::hours(5);
  const Uuid id = Apply({.viewer_seconds = 7200, .peak_audience = 12, .ended_at = ended});
  const auto told = Events<v1::AnalyticsEventIngestCommand>();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].event_type(), "streaming.session.ended");
  EXPECT_EQ(told[0].value(), 2);
  EXPECT_EQ(told[0].metadata().at("peak_audience"), "12");
  EXPECT_EQ(told[0].metadata().at("phase"), "Unknown");
  EXPECT_EQ(told[1].event_type(), "streaming.milestone.reached");
  EXPECT_EQ(told[1].value(), 1);
  EXPECT_EQ(told[1].metadata().at("milestone_type"), "StreamHours");
  for (const auto& command : told) {
    EXPECT_EQ(command.entity_id(), streamer_.id.ToString());
    EXPECT_EQ(command.metadata().at("session_id"), id.ToString());
    EXPECT_EQ(command.timestamp().seconds(), common::ToMicros(ended) / 1'000'000);
  }
}

}  // namespace
}  // namespace streaming
