// Leaderboards on a real Redis and a real database, against what sorting all rows gives.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>

#include "services/streaming/careers/leaderboard.h"
#include "services/streaming/careers/leaderboard_keys.h"
#include "tests/integration/streaming_career.h"

namespace streaming {
namespace {

using careers::LeaderboardRow;
using careers::LeaderboardStore;
using ::testing::IsEmpty;

constexpr v1::LeaderboardMetric kAll[] = {
    v1::LEADERBOARD_METRIC_FOLLOWERS, v1::LEADERBOARD_METRIC_WATCH_HOURS,
    v1::LEADERBOARD_METRIC_HYPE_TRAINS, v1::LEADERBOARD_METRIC_WORLD_FIRSTS};

class StreamingLeaderboardTest : public StreamingCareerTest {
 protected:
  struct Values {
    uint32_t followers = 0;
    uint64_t watch_seconds = 0;
    uint32_t hype_trains = 0;
    uint32_t world_firsts = 0;
  };

  void Write(const StreamerKey& key, const Values& values) {
    const auto written = mysql_.Execute(
        "INSERT INTO streamer (streamer_type, streamer_id, game_service_id, viewer_secret, phase,"
        " followers, watch_seconds, hype_trains, world_firsts, updated_at)"
        " VALUES (?, ?, ?, 1, 2, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE"
        " followers = VALUES(followers), watch_seconds = VALUES(watch_seconds),"
        " hype_trains = VALUES(hype_trains), world_firsts = VALUES(world_firsts)",
        int{key.type}, key.id, key.game_service_id, values.followers, values.watch_seconds,
        values.hype_trains, values.world_firsts, kStart);
    ASSERT_TRUE(written.ok()) << written.status();
  }
  void Erase(const StreamerKey& key) {
    ASSERT_TRUE(mysql_
                    .Execute("DELETE FROM streamer WHERE streamer_type = ? AND streamer_id = ? AND"
                             " game_service_id = ?",
                             int{key.type}, key.id, key.game_service_id)
                    .ok());
  }

  // A streamer of the test's game.
  StreamerKey NewStreamer(std::mt19937& random) {
    return {.type = static_cast<v1::StreamerEntityType>(1 + random() % 3),
            .id = Uuid::V4(),
            .game_service_id = streamer_.game_service_id};
  }
  // Few different values, so that there are ties.
  Values Some(std::mt19937& random) {
    return {.followers = static_cast<uint32_t>(random() % 5),
            .watch_seconds = 1800 * (random() % 7),
            .hype_trains = static_cast<uint32_t>(random() % 3),
            .world_firsts = static_cast<uint32_t>(random() % 2)};
  }

  // The whole board as the database would rank it.
  std::vector<std::string> Expected(v1::LeaderboardMetric metric, const Uuid& game) {
    const std::map<v1::LeaderboardMetric, std::string> columns = {
        {v1::LEADERBOARD_METRIC_FOLLOWERS, "followers"},
        {v1::LEADERBOARD_METRIC_WATCH_HOURS, "watch_seconds / 3600e0"},
        {v1::LEADERBOARD_METRIC_HYPE_TRAINS, "hype_trains"},
        {v1::LEADERBOARD_METRIC_WORLD_FIRSTS, "world_firsts"}};
    const std::string& column = columns.at(metric);
    const auto rows = mysql_.Query("SELECT RANK() OVER (ORDER BY " + column +
                                       " DESC), streamer_type, streamer_id, phase, " + column +
                                       " FROM streamer WHERE game_service_id = ? ORDER BY " +
                                       column + " DESC, streamer_type, streamer_id",
                                   game);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> lines;
    for (const common::mysql::Row& row : *rows) {
      lines.push_back(Line({.rank = row.Get<int32_t>(0),
                            .streamer_type = static_cast<v1::StreamerEntityType>(row.Get<int>(1)),
                            .streamer_id = row.Get<Uuid>(2),
                            .phase = static_cast<v1::StreamerCareerPhase>(row.Get<int>(3)),
                            .value = row.Get<double>(4)}));
    }
    return lines;
  }
  static std::string Line(const LeaderboardRow& row) {
    return std::to_string(row.rank) + " " + std::to_string(row.streamer_type) + " " +
           row.streamer_id.ToString() + " " + std::to_string(row.phase) + " " +
           std::to_string(row.value);
  }

  // The whole board by pages of this many.
  std::vector<std::string> Shown(LeaderboardStore& store, v1::LeaderboardMetric metric, int limit) {
    std::vector<std::string> lines;
    for (int offset = 0;; offset += limit) {
      const auto page = store.Page(streamer_.game_service_id, metric, limit, offset, now_);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok() || page->empty()) return lines;
      for (const LeaderboardRow& row : *page) lines.push_back(Line(row));
    }
  }
  void ExpectTrue(LeaderboardStore& store, int limit = 7) {
    now_ += LeaderboardStore::kUsable;  // nothing known is fresh
    for (const auto metric : kAll) {
      const std::vector<std::string> shown = Shown(store, metric, limit);
      const std::vector<std::string> expected = Expected(metric, streamer_.game_service_id);
      const auto [is, should] = std::ranges::mismatch(shown, expected);
      EXPECT_EQ(is == shown.end() ? "" : *is, should == expected.end() ? "" : *should)
          << metric << " at " << is - shown.begin();
    }
  }

  Time now_ = kStart;
};

TEST_F(StreamingLeaderboardTest, PagesAreThoseOfAllRowsSortedWithTiesInAStableOrder) {
  ExpectTrue(boards_);
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) Write(NewStreamer(random), Some(random));
  StreamerKey elsewhere = NewStreamer(random);
  elsewhere.game_service_id = Uuid::V4();
  Write(elsewhere, {.followers = 99});
  for (const int limit : {1, 7, 100}) ExpectTrue(boards_, limit);
}

TEST_F(StreamingLeaderboardTest, AGameWithoutStreamersHasNoKeys) {
  const Uuid game = Uuid::V4();
  const auto page = boards_.Page(game, v1::LEADERBOARD_METRIC_FOLLOWERS, 10, 0, now_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->empty());
  const auto keys = redis_.Command({"EXISTS", careers::BoardsKey(game)});
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->integer(), 0);
}

TEST_F(StreamingLeaderboardTest, BoardsFollowWhatChangesAndWhatIsErased) {
  std::mt19937 random(2);
  std::vector<StreamerKey> all;
  for (int round = 0; round < 12; ++round) {
    for (int change = 0; change < 8; ++change) {
      if (all.empty() || random() % 3 == 0) all.push_back(NewStreamer(random));
      const size_t at = random() % all.size();
      if (random() % 5 == 0) {
        Erase(all[at]);
        all.erase(all.begin() + static_cast<ptrdiff_t>(at));
      } else {
        Write(all[at], Some(random));
      }
    }
    ExpectTrue(boards_);
  }
  // What was erased is out of Redis too.
  const auto kept =
      redis_.Command({"ZCARD", careers::BoardKey(streamer_.game_service_id, "Followers")});
  EXPECT_EQ(kept->integer(),
            static_cast<int64_t>(Expected(kAll[0], streamer_.game_service_id).size()));
}

TEST_F(StreamingLeaderboardTest, BoardsThatAreLostInWholeOrInPartAreBuiltAnew) {
  std::mt19937 random(3);
  for (int i = 0; i < 30; ++i) Write(NewStreamer(random), Some(random));
  ExpectTrue(boards_);
  const Uuid& game = streamer_.game_service_id;
  for (const std::string& key : {careers::BoardsKey(game), careers::BoardKey(game, "WatchHours")}) {
    ASSERT_EQ(redis_.Command({"DEL", key})->integer(), 1);
    ExpectTrue(boards_);
  }
  // A marker that nobody wrote.
  ASSERT_TRUE(redis_.Command({"HSET", careers::BoardsKey(game), "position", "?"}).ok());
  ExpectTrue(boards_);
  for (const std::string& key : {careers::BoardsKey(game), careers::BoardKey(game, "HypeTrains")}) {
    EXPECT_GT(redis_.Command({"PTTL", key})->integer(), 0);
  }
}

TEST_F(StreamingLeaderboardTest, ABuildingGoesOnWhereItWasLeft) {
  std::mt19937 random(4);
  const int count = 3 * LeaderboardStore::kPage + 10;
  ASSERT_TRUE(mysql_
                  .Execute("INSERT INTO streamer (streamer_type, streamer_id, game_service_id,"
                           " viewer_secret, phase, followers, updated_at)"
                           " SELECT 1 + seq % 3, UNHEX(MD5(seq)), ?, 1, 1, seq % 10, ?"
                           " FROM seq_1_to_2000 LIMIT ?",
                           streamer_.game_service_id, kStart, count)
                  .ok());
  // As if a call had run out of time after its first page: all rows have one change time.
  ExpectTrue(boards_, 100);
  const auto rows = mysql_.Query(
      "SELECT streamer_type, streamer_id, changed_at FROM streamer WHERE game_service_id = ?"
      " ORDER BY changed_at, streamer_type, streamer_id LIMIT ?",
      streamer_.game_service_id, LeaderboardStore::kPage);
  const common::mysql::Row& last = rows->back();
  const std::string position = careers::EncodePosition(
      {.changed_at = common::ToMicros(last.Get<Time>(2)),
       .member = {static_cast<uint8_t>(last.Get<int>(0)), last.Get<Uuid>(1)}});
  const std::string marker = careers::BoardsKey(streamer_.game_service_id);
  ASSERT_TRUE(redis_.Command({"HSET", marker, "position", position, "since", position}).ok());
  for (const char* metric : {"Followers", "WatchHours", "HypeTrains", "WorldFirsts"}) {
    ASSERT_TRUE(redis_
                    .Command({"ZREMRANGEBYRANK",
                              careers::BoardKey(streamer_.game_service_id, metric), "0", "999"})
                    .ok());
  }
  now_ += LeaderboardStore::kUsable;
  const auto page =
      boards_.Page(streamer_.game_service_id, v1::LEADERBOARD_METRIC_FOLLOWERS, 1, 0, now_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(redis_.Command({"HGET", marker, "since"})->text(), "");
  // Only what lies behind the position was read again.
  const auto kept =
      redis_.Command({"ZCARD", careers::BoardKey(streamer_.game_service_id, "Followers")});
  EXPECT_LT(kept->integer(), count);
  EXPECT_GE(kept->integer(), count - LeaderboardStore::kPage);
}

// Two instances and a third that is stopped between reading the record and writing the boards.
TEST_F(StreamingLeaderboardTest, ASlowInstanceDoesNotOverwriteANewerValue) {
  std::mt19937 random(5);
  const StreamerKey key = NewStreamer(random);
  Write(key, {.followers = 1});
  ExpectTrue(boards_);
  const std::string marker = careers::BoardsKey(streamer_.game_service_id);
  const std::string stale(redis_.Command({"HGET", marker, "position"})->text());
  Write(key, {.followers = 2});
  ExpectTrue(boards_);
  const std::vector<std::string> keys = {marker,
                                         careers::BoardKey(streamer_.game_service_id, "Followers")};
  const auto late = boards_library_.Call(
      "boards_v1_put", keys,
      std::vector<std::string>{stale, "later", "", "0", "1000",
                               careers::EncodeMember({static_cast<uint8_t>(key.type), key.id}),
                               "-1"});
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->integer(), 0);
  ExpectTrue(boards_);
}

TEST_F(StreamingLeaderboardTest, InstancesAndChangesAtOnceEndInTheTruth) {
  LeaderboardStore other(mysql_, redis_, boards_library_);
  std::mt19937 random(6);
  std::vector<StreamerKey> all;
  for (int i = 0; i < 40; ++i) all.push_back(NewStreamer(random));
  std::atomic<bool> done = false;
  std::atomic<int> pages = 0;
  const auto read = [&](LeaderboardStore& store) {
    for (Time now = kStart; !done || pages < 20; now += LeaderboardStore::kUsable) {
      const auto page =
          store.Page(streamer_.game_service_id, v1::LEADERBOARD_METRIC_WATCH_HOURS, 20, 0, now);
      ASSERT_TRUE(page.ok()) << page.status();
      for (size_t i = 1; i < page->size(); ++i) {
        EXPECT_GE((*page)[i - 1].value, (*page)[i].value);
        EXPECT_LE((*page)[i - 1].rank, (*page)[i].rank);
      }
      ++pages;
    }
  };
  std::jthread one(read, std::ref(boards_)), two(read, std::ref(other));
  for (int i = 0; i < 600; ++i) {
    const StreamerKey& key = all[random() % all.size()];
    if (random() % 10 == 0) {
      Erase(key);
    } else {
      Write(key, Some(random));
    }
  }
  done = true;
  one.join();
  two.join();
  now_ = kStart + std::chrono::hours(24);
  ExpectTrue(boards_);
  ExpectTrue(other);
}

TEST_F(StreamingLeaderboardTest, ManyWhoAskAtOnceLookAtTheRecordOnce) {
  std::mt19937 random(7);
  Write(NewStreamer(random), {.followers = 1});
  ExpectTrue(boards_);
  const std::string marker = careers::BoardsKey(streamer_.game_service_id);
  now_ += LeaderboardStore::kUsable;
  const auto position = [&] {
    return std::string(redis_.Command({"HGET", marker, "position"})->text());
  };
  const auto ask = [&] {
    return boards_.Page(streamer_.game_service_id, v1::LEADERBOARD_METRIC_FOLLOWERS, 1, 0, now_);
  };
  ASSERT_TRUE(ask().ok());
  const std::string once = position();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask().ok());
  EXPECT_EQ(position(), once);
  now_ += LeaderboardStore::kFresh;
  ASSERT_TRUE(ask().ok());
  EXPECT_NE(position(), once);
}

TEST_F(StreamingLeaderboardTest, WithoutRedisItSaysSo) {
  common::redis::Redis nowhere({.host = "127.0.0.1", .port = 1});
  common::redis::Functions library(nowhere, BoardsLibrary());
  LeaderboardStore store(mysql_, nowhere, library);
  EXPECT_EQ(store.Page(streamer_.game_service_id, v1::LEADERBOARD_METRIC_FOLLOWERS, 1, 0, now_)
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(StreamingLeaderboardTest, TheRpcAnswersAllFourMetricsWithDefaults) {
  std::mt19937 random(8);
  for (int i = 0; i < 25; ++i) Write(NewStreamer(random), Some(random));
  common::rpc::CallContext call{.identity = {.user = true}, .now = now_};
  v1::StreamerLeaderboardRequest request;
  request.set_game_service_id(streamer_.game_service_id.ToString());
  v1::StreamerLeaderboardResponse by_default;
  ASSERT_TRUE(career_rpc_.GetStreamerLeaderboard(call, request, by_default).ok());
  EXPECT_EQ(by_default.entries_size(), 20);
  for (const auto metric : kAll) {
    request.set_sort_by(metric);
    v1::StreamerLeaderboardResponse response;
    ASSERT_TRUE(career_rpc_.GetStreamerLeaderboard(call, request, response).ok());
    const std::vector<std::string> expected = Expected(metric, streamer_.game_service_id);
    for (int i = 0; i < response.entries_size(); ++i) {
      const v1::StreamerLeaderboardEntry& entry = response.entries(i);
      EXPECT_EQ(Line({.rank = entry.rank(),
                      .streamer_type = entry.streamer_type(),
                      .streamer_id = *Uuid::Parse(entry.streamer_id()),
                      .phase = entry.phase(),
                      .value = entry.value()}),
                expected[static_cast<size_t>(i)]);
    }
    if (metric == v1::LEADERBOARD_METRIC_FOLLOWERS) {
      EXPECT_EQ(response.SerializeAsString(), by_default.SerializeAsString());
    }
  }
}

// Prints what pages cost with many streamers; asserts nothing of time. With LEADERBOARD_STREAMERS
// of 100000 it is the measurement of docs/careers.md.
TEST_F(StreamingLeaderboardTest, CostsOfPagesBesideSortingAllRows) {
  const char* wanted = std::getenv("LEADERBOARD_STREAMERS");
  const int64_t count = wanted == nullptr ? 3000 : std::atoll(wanted);
  for (int64_t made = 0; made < count; made += 1000) {
    ASSERT_TRUE(mysql_
                    .Execute("INSERT INTO streamer (streamer_type, streamer_id, game_service_id,"
                             " viewer_secret, phase, followers, watch_seconds, updated_at,"
                             " changed_at) SELECT 1 + seq % 3, UNHEX(MD5(seq + ?)), ?, 1, 1,"
                             " CRC32(seq + ?) % 5000, CRC32(seq) % 1000000, ?,"
                             " UTC_TIMESTAMP(6) - INTERVAL 1 HOUR FROM seq_1_to_1000",
                             made, streamer_.game_service_id, made, kStart)
                    .ok());
  }
  const auto cost = [&](const std::string& what, int times, const auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) work(i);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::cout << what << ": " << took.count() / times << " ms\n";
  };
  const auto page = [&](int offset) {
    const auto rows =
        boards_.Page(streamer_.game_service_id, v1::LEADERBOARD_METRIC_FOLLOWERS, 20, offset, now_);
    ASSERT_TRUE(rows.ok()) << rows.status();
    ASSERT_EQ(rows->size(), 20u);
  };
  std::cout << count << " streamers\n";
  cost("building the boards", 1, [&](int) {
    // On a busy machine it may take more than one call.
    for (int i = 0; i < 10; ++i) {
      if (boards_.Page(streamer_.game_service_id, kAll[0], 20, 0, now_).ok()) return;
    }
  });
  cost("a page", 200, [&](int) { page(0); });
  cost("a page in the middle", 200, [&](int) { page(static_cast<int>(count / 2)); });
  cost("a page and following 10 changes", 20, [&](int i) {
    ASSERT_TRUE(mysql_
                    .Execute("UPDATE streamer SET followers = followers + 1 WHERE"
                             " game_service_id = ? AND streamer_type = 1 + ? % 3 LIMIT 10",
                             streamer_.game_service_id, i)
                    .ok());
    now_ += LeaderboardStore::kFresh;
    page(0);
  });
  cost("sorting all rows", 5, [&](int) {
    ASSERT_EQ(mysql_
                  .Query("SELECT RANK() OVER (ORDER BY followers DESC), streamer_type, streamer_id,"
                         " phase, followers FROM streamer WHERE game_service_id = ? ORDER BY"
                         " followers DESC, streamer_type, streamer_id LIMIT 20",
                         streamer_.game_service_id)
                  ->size(),
              20u);
  });
}

}  // namespace
}  // namespace streaming
