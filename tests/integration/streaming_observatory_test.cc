// What the observatory reads of real servers: flows that any instance noted, and one look for all
// who look.
#include "services/streaming/observatory/observatory_store.h"
#include "tests/integration/streaming_life.h"

namespace streaming {
namespace {

using audience::Flow;
using audience::FlowStore;
using observatory::ObservatoryStore;

class ObservatoryStoreTest : public LiveSessionTest {
 protected:
  static Flow FlowOf(uint32_t heads, Time at) {
    return {.from = Uuid::FromRandomBits(1, heads), .to = Uuid(), .heads = heads, .at = at};
  }

  FlowStore flows_{redis_};
  ObservatoryStore store_{{.mysql = mysql_, .audience = audience_, .live = live_, .flows = flows_},
                          {}};
};

TEST_F(ObservatoryStoreTest, TheLastFlowsOfAShardAreKeptForAWhile) {
  const Shard other{.game_service_id = game_, .number = 1};
  const Shard shards[] = {shard_, other};
  EXPECT_TRUE(flows_.Recent(shards)->empty());
  EXPECT_TRUE(flows_.Recent({})->empty());
  EXPECT_TRUE(flows_.Note(shard_, {}).ok());
  for (uint32_t heads = 1; heads <= FlowStore::kKept + 5; ++heads) {
    const Flow flow[] = {FlowOf(heads, now_)};
    ASSERT_TRUE(flows_.Note(shard_, flow).ok());
  }
  const Flow there[] = {FlowOf(7, now_), FlowOf(8, now_)};
  ASSERT_TRUE(flows_.Note(other, there).ok());
  const auto recent = flows_.Recent(shards);
  ASSERT_TRUE(recent.ok()) << recent.status();
  ASSERT_EQ(recent->size(), FlowStore::kKept + 2);
  EXPECT_EQ(recent->front(), FlowOf(FlowStore::kKept + 5, now_)) << "the newest first";
  const std::string key = audience::ShardPrefix(shard_) + "flows";
  const auto ttl = redis_.Command({"TTL", key});
  EXPECT_GT(ttl->integer(), 0);
  EXPECT_LE(ttl->integer(), std::chrono::seconds(FlowStore::kLife).count());
  // What another version left there is not shown.
  ASSERT_TRUE(redis_.Command({"LPUSH", key, "something else"}).ok());
  EXPECT_EQ(flows_.Recent(shards)->size(), FlowStore::kKept + 1);
}

TEST_F(ObservatoryStoreTest, ShowsLiveStreamsAsTheyAreNow) {
  const auto nothing = store_.Look(now_);
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_TRUE((*nothing)->streams.empty());
  const Session session = GoLive();
  ASSERT_TRUE(live_.Update(session.key, now_, Bring(50)).ok());
  EXPECT_EQ((*store_.Look(now_)).get(), (*nothing).get()) << "one look a second for everybody";

  now_ += seconds(1);
  const auto picture = *store_.Look(now_);
  ASSERT_EQ(picture->streams.size(), 1u);
  const auto live = live_.Load(session.key);
  EXPECT_EQ(picture->streams[0].session, session.key.session);
  EXPECT_EQ(picture->streams[0].heads, live->heads);
  EXPECT_EQ(picture->heads(), live->heads);
  EXPECT_EQ(picture->other_streams, 0u);
  ASSERT_EQ(picture->games.size(), 1u);
  EXPECT_EQ(picture->games[0].members, kPoolSize);
  EXPECT_EQ(picture->games[0].taken, *audience_.CountTaken(shard_));
  EXPECT_EQ(picture->games[0].streams, 1u);

  ASSERT_TRUE(life_.End(session.key.session, EndReason::kManual, now_).ok());
  now_ += seconds(1);
  EXPECT_TRUE((*store_.Look(now_))->streams.empty());
}

TEST_F(ObservatoryStoreTest, GamesWithTheLargestAudiencesComeFirst) {
  const Session session = GoLive();
  std::vector<Uuid> games;
  for (size_t i = 0; i < observatory::kGamesMost + 3; ++i) {
    games.push_back(Uuid::V4());
    ASSERT_TRUE(pools_.Seed(games.back(), 100, {.shards = 2}, std::nullopt, now_).ok());
  }
  const auto picture = *store_.Look(now_);
  ASSERT_EQ(picture->games.size(), observatory::kGamesMost);
  EXPECT_EQ(picture->games[0].game, session.key.game);
  EXPECT_EQ(picture->other_games, 4u);
}

TEST_F(ObservatoryStoreTest, AServerThatIsAwayIsAnErrorAtOnce) {
  common::redis::Redis nowhere({.host = "127.0.0.1", .port = common::testing::FreePort()});
  FlowStore flows(nowhere);
  ObservatoryStore store({.mysql = mysql_, .audience = audience_, .live = live_, .flows = flows},
                         {});
  EXPECT_TRUE(absl::IsUnavailable(store.Look(now_).status()));
}

}  // namespace
}  // namespace streaming
