// Careers are the same whatever is tried, in which order, how often, by how many, and where it
// fails.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include <gmock/gmock.h>

#include "libs/common/testing/eventually.h"
#include "tests/integration/streaming_career.h"

namespace streaming {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class StreamingCareerOnceTest : public StreamingCareerTest {
 protected:
  // A career of twelve sessions in which followers rise, fall and rise past a milestone again, and
  // most else happens; the sessions have the ids of every other such career.
  std::vector<Uuid> InsertCareer() {
    const uint32_t followers[] = {4, 9, 12, 8, 9, 11, 99, 120, 60, 110, 1000, 900};
    std::vector<Uuid> ids;
    for (uint32_t i = 0; i < std::size(followers); ++i) {
      const uint32_t before = i == 0 ? 0 : followers[i - 1];
      const uint32_t gained = followers[i] > before ? followers[i] - before + i : i;
      const Uuid id = InsertEndedSession(
          streamer_, {.ordinal = i + 1,
                      .live_seconds = 3000 + 1000.25 * i,
                      .viewer_seconds = 1e5 * i + 0.5,
                      .engagement = i % 2 == 0 ? 0.7 : 0.4,
                      .peak_audience = 15 * i * i,
                      .world_firsts = i % 3,
                      .new_followers = gained,
                      .lost_followers = before + gained - followers[i],
                      .followers_after = followers[i],
                      .hype_trains = i % 4,
                      .gathering = {.heads = 20 * i, .regulars = 10 * i, .evenness = 0.08 * i},
                      .ended_at = kStart + std::chrono::hours(i)});
      for (uint32_t train = 0; train < i % 4; ++train) {
        InsertTrain(id, static_cast<uint8_t>(1 + (i + train) % 6));
      }
      if (i % 3 == 2) InsertMoment(id, 1, "The city no. " + std::to_string(i));
      ids.push_back(Rename(id, Uuid::V5(Uuid(), std::to_string(i))));
    }
    // One that never went live is no part of it.
    InsertEndedSession(streamer_, {.ordinal = 0, .was_live = false});
    return ids;
  }

  Uuid Rename(const Uuid& id, const Uuid& name) {
    EXPECT_TRUE(mysql_.Execute("UPDATE session SET id = ? WHERE id = ?", name, id).ok());
    for (const char* table : {"session_moment", "hype_train"}) {
      EXPECT_TRUE(
          mysql_
              .Execute("UPDATE " + std::string(table) + " SET session_id = ? WHERE session_id = ?",
                       name, id)
              .ok());
    }
    return name;
  }

  // All that lasts, row by row; the same for the same career.
  std::vector<std::string> Record() {
    std::vector<std::string> record;
    for (const char* sql :
         {"SELECT CONCAT_WS(',', followers, sessions, live_seconds, watch_seconds, hype_trains,"
          " world_firsts, growth_audience, growth_engagement, growth_diversity, growth_discovery,"
          " phase, content_tags, peak_tier, mean_audience, acclaimed_sessions) FROM streamer",
          "SELECT CONCAT_WS(',', milestone_type, value, reached_at, HEX(session_id))"
          " FROM milestone ORDER BY milestone_type, value",
          "SELECT CONCAT_WS(',', category, entry_code, unlocked_at, HEX(session_id))"
          " FROM streamer_unlock ORDER BY entry_code",
          "SELECT CONCAT_WS(',', HEX(event_id), subject, MD5(payload)) FROM outbox ORDER BY id"}) {
      const auto rows = mysql_.Query(sql);
      EXPECT_TRUE(rows.ok()) << rows.status();
      for (const common::mysql::Row& row : *rows) record.push_back(row.Get<std::string>(0));
    }
    return record;
  }

  // "" when all that lasts is as expected.
  std::string Difference(const std::vector<std::string>& expected) {
    const std::vector<std::string> record = Record();
    const auto [is, should] = std::ranges::mismatch(record, expected);
    if (is == record.end() && should == expected.end()) return "";
    return (is == record.end() ? "nothing" : *is) + " instead of " +
           (should == expected.end() ? "nothing" : *should);
  }

  void Wipe() {
    for (const char* table : {"session", "session_moment", "hype_train", "streamer", "milestone",
                              "streamer_unlock", "outbox"}) {
      ASSERT_TRUE(mysql_.Execute("DELETE FROM " + std::string(table)).ok());
    }
  }

  // The career in which everything went well.
  std::vector<std::string> Expected() {
    for (const Uuid& id : InsertCareer()) {
      const auto applied = careers_.ApplySession(id, kStart);
      EXPECT_TRUE(applied.ok()) << applied.status();
    }
    std::vector<std::string> record = Record();
    Wipe();
    return record;
  }
};

TEST_F(StreamingCareerOnceTest, AnyOrderOfAttemptsAnyNumberOfTimesIsTheSameCareer) {
  const std::vector<std::string> expected = Expected();
  EXPECT_THAT(expected, Contains(HasSubstr("10_hype_trains")));
  EXPECT_THAT(expected, Contains(HasSubstr("1000_followers")));
  for (uint32_t seed = 0; seed < 6; ++seed) {
    std::vector<Uuid> attempts = InsertCareer();
    const std::vector<Uuid> again = attempts;
    attempts.insert(attempts.end(), again.begin(), again.end());
    std::shuffle(attempts.begin(), attempts.end(), std::mt19937(seed));
    // Each at another time: what is told does not depend on when.
    Time now = kStart;
    for (const Uuid& id : attempts) {
      ASSERT_TRUE(careers_.ApplySession(id, now += std::chrono::minutes(1)).ok());
    }
    EXPECT_EQ(Difference(expected), "") << seed;
    Wipe();
  }
}

TEST_F(StreamingCareerOnceTest, TwoStoresAtOnceMakeTheSameCareer) {
  const std::vector<std::string> expected = Expected();
  common::mysql::Pool other_mysql(mysql_.options());
  careers::CareerStore other(other_mysql);
  for (uint32_t seed = 0; seed < 4; ++seed) {
    const std::vector<Uuid> ids = InsertCareer();
    std::atomic<int> applied = 0;
    const auto work = [&](careers::CareerStore& store, uint32_t order) {
      std::vector<Uuid> attempts = ids;
      std::shuffle(attempts.begin(), attempts.end(), std::mt19937(order));
      for (const Uuid& id : attempts) {
        const auto entered = store.ApplySession(id, kStart);
        EXPECT_TRUE(entered.ok()) << entered.status();
        applied += entered.value_or(0);
      }
    };
    std::jthread one(work, std::ref(careers_), seed);
    std::jthread two(work, std::ref(other), seed + 100);
    one.join();
    two.join();
    const auto entered = mysql_.Query(
        "SELECT COUNT(*) FROM session WHERE career_applied = 1 AND started_at IS NOT NULL");
    EXPECT_EQ(applied, entered->at(0).Get<int>(0)) << "each is counted by who applied it";
    EXPECT_EQ(Difference(expected), "") << seed;
    Wipe();
  }
}

// Fails after the career has done all of its own, as the loss of the connection would.
TEST_F(StreamingCareerOnceTest, AFailureInBetweenLeavesNothingBehind) {
  const std::vector<std::string> expected = Expected();
  std::atomic<int> calls = 0;
  careers::CareerStore failing(
      mysql_,
      [&](Transaction&,
          const careers::AppliedSession&) -> absl::StatusOr<std::vector<common::outbox::Event>> {
        if (calls++ % 3 != 2) return absl::UnavailableError("now and then");
        return std::vector<common::outbox::Event>();
      });
  const std::vector<Uuid> ids = InsertCareer();
  const std::vector<std::string> nothing = Record();
  EXPECT_FALSE(failing.ApplySession(ids.back(), kStart).ok());
  EXPECT_EQ(Difference(nothing), "");
  for (int pass = 0; pass < 40; ++pass) {
    for (const Uuid& id : ids) failing.ApplySession(id, kStart).IgnoreError();
  }
  EXPECT_EQ(Difference(expected), "");
}

TEST_F(StreamingCareerOnceTest, FollowEventsOfARepeatAreTheSame) {
  const Uuid session = Uuid::V4();
  std::vector<std::string> ids[2];
  for (auto& told : ids) {
    for (uint32_t ordinal = 1; ordinal <= 2; ++ordinal) {
      StreamingCareerTest::Record(streamer_, ordinal, Crowd(7, 3));
    }
    const auto record = [&](Transaction& transaction) -> absl::Status {
      return follows_
          .RecordSession(transaction, {.streamer = streamer_,
                                       .session_id = session,
                                       .ordinal = 3,
                                       .now = kStart,
                                       .attendees = Crowd(7, 3),
                                       .pool = pool_})
          .status();
    };
    ASSERT_TRUE(common::mysql::RunTransaction(mysql_, record).ok());
    for (const auto& event : Events<v1::StreamingFollowGainedEvent>()) {
      told.push_back(event.event_id());
    }
    ASSERT_EQ(told.size(), 3u);
    // The streamer stays, and with it the pseudonyms.
    ASSERT_TRUE(mysql_.Execute("DELETE FROM attendance").ok());
    ASSERT_TRUE(mysql_.Execute("DELETE FROM outbox").ok());
  }
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(StreamingCareerOnceTest, FollowersThatFallAndRiseReachAMilestoneOnce) {
  for (const Uuid& id : InsertCareer()) ASSERT_TRUE(careers_.ApplySession(id, kStart).ok());
  std::vector<std::pair<int, std::string>> reached;
  for (const auto& event : Events<v1::StreamingMilestoneReachedEvent>()) {
    if (event.milestone_type() == v1::MILESTONE_TYPE_FOLLOWER_COUNT) {
      reached.emplace_back(event.milestone_value(), event.session_id());
    }
  }
  // By the sessions that reached them, although the careers came to know of it later.
  const auto session = [](int i) { return Uuid::V5(Uuid(), std::to_string(i)).ToString(); };
  EXPECT_THAT(reached, ElementsAre(std::pair(10, session(2)), std::pair(100, session(7)),
                                   std::pair(1000, session(10))));
}

TEST_F(StreamingCareerOnceTest, ASessionWaitsForTheRecordOfItsTrainsButNotForEver) {
  const Uuid waiting =
      InsertEndedSession(streamer_, {.ordinal = 1, .hype_trains = 2, .ended_at = common::Now()});
  const Uuid later = InsertEndedSession(streamer_, {.ordinal = 2, .ended_at = common::Now()});
  const Uuid lost = InsertEndedSession(
      {.type = kCharacter, .id = Uuid::V4(), .game_service_id = Uuid::V4()},
      {.hype_trains = 2, .ended_at = common::Now() - careers::CareerStore::kTrainsWait});
  InsertTrain(waiting, 3);
  InsertTrain(waiting, 5, /*completed=*/false);
  const auto unapplied = careers_.ListUnapplied(Uuid(), 10);
  ASSERT_TRUE(unapplied.ok()) << unapplied.status();
  EXPECT_THAT(*unapplied, UnorderedElementsAre(later, lost));
  // One after it waits with it.
  EXPECT_EQ(*careers_.ApplySession(later, kStart), 0);
  EXPECT_THAT(*careers_.ListUnapplied(Uuid(), 10), Contains(later));

  ASSERT_TRUE(mysql_.Execute("UPDATE hype_train SET completed_at = ?", kStart).ok());
  ASSERT_TRUE(careers_.ApplySession(later, kStart).ok());
  EXPECT_THAT(*careers_.ListUnapplied(Uuid(), 10), ElementsAre(lost));
  EXPECT_EQ(Find(streamer_).stats.growth[1], 1200u);
}

TEST_F(StreamingCareerOnceTest, AWorkerTellsTheRelayWhenThereIsNews) {
  std::atomic<int> announced = 0;
  careers::CareerProgressionWorker worker(careers_, metrics_, {.announce = [&] { ++announced; }});
  worker.Step();
  EXPECT_EQ(announced, 0);
  InsertEndedSession(streamer_, {});
  worker.Step();
  EXPECT_EQ(announced, 1);
  EXPECT_FALSE(Events<v1::StreamingMilestoneReachedEvent>().empty());
}

}  // namespace
}  // namespace streaming
