// Accounts, characters and games that are deleted elsewhere: nothing of them is left, and nothing
// of anybody else is touched.
#include <bannou/stream/v1/events.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libs/common/nats/jetstream.h"
#include "libs/common/outbox/message.h"
#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/pool_census.h"
#include "tests/e2e/traces.h"
#include "tests/e2e/tripwire.h"

namespace story {
namespace {

using common::Uuid;
using common::testing::Eventually;
using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kAccount = v1::STREAMER_ENTITY_TYPE_ACCOUNT;
constexpr int kCharacter = v1::STREAMER_ENTITY_TYPE_CHARACTER;

// Everybody who watches follows, and nothing happens by itself.
const std::vector<std::string> kSettings = {
    "AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600", "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600",
    "AUDIENCE_UPDATE_INTERVAL_SECONDS=3600",   "FOLLOW_CONVERSION_SESSION_COUNT=1",
    "INTEREST_THRESHOLD_FOR_FOLLOW=0",         "HYPE_TRAIN_DURATION_SECONDS=1"};

// A streamer of whom every table knows something.
struct Known {
  int type = kAccount;
  Uuid id;
  std::vector<Uuid> all = {};         // its id, and those of what is its own
  std::optional<Stream> stream = {};  // that really was, of an account
};

class Erasure : public ::testing::Test {
 protected:
  Erasure() { game_.Seed(1000); }

  template <class... Args>
  void Insert(const std::string& sql, const Args&... args) {
    ValueOf(database_->Execute(sql, args...));
  }
  int Count(const std::string& sql) { return ValueOf(database_->Query(sql)).at(0).Get<int>(0); }

  // What tables have of a streamer that this test's game does not play through.
  void Remember(Known& known, const Uuid& game) {
    const auto now = common::Now();
    const Uuid session = Uuid::V4();
    const Uuid deal = Uuid::V4();
    const Uuid train = Uuid::V4();
    const Uuid wallet = Uuid::V4();
    const Uuid contract = Uuid::V5(deal, "contract");
    const int type = known.type;
    const Uuid id = known.id;
    const auto add = [&](const std::string& table, const std::string& columns,
                         const auto&... more) {
      std::string marks;
      for (size_t i = 0; i < sizeof...(more); ++i) marks += ", ?";
      Insert("INSERT IGNORE INTO " + table + " (streamer_type, streamer_id, game_service_id" +
                 columns + ") VALUES (?, ?, ?" + marks + ")",
             type, id, game, more...);
    };
    add("streamer", ", viewer_secret, updated_at", 1, now);
    for (uint32_t member = 100'000; member < 100'003; ++member) {
      add("attendance",
          ", member, last_session_ordinal, attended, interested_run, loyalty, followed_since",
          member, 1, 1, 1, 0.5, now);
    }
    add("milestone", ", milestone_type, value, reached_at, session_id", 1, 10, now, session);
    add("streamer_unlock", ", category, entry_code, unlocked_at, session_id", 1, "first_stream",
        now, session);
    add("tip_account", ", wallet_id", wallet);
    add("tip_entry", ", ordinal, id, kind, amount, session_id, created_at", 1, Uuid::V4(), 1, 5,
        session, now);
    add("sponsorship",
        ", id, sponsor_id, sponsor_name, status, payment, sponsor_reputation, proposed_at", deal,
        Uuid::V4(), "Acme", 1, 5, 0.5, now);
    add("session", ", id, shard, status, content_tags, created_at, career_applied", session, 0,
        v1::STREAM_SESSION_STATUS_ENDED, 0, now, 1);
    Insert("INSERT INTO sponsorship_target (sponsorship_id, metric, target) VALUES (?, 1, 5)",
           deal);
    Insert(
        "INSERT INTO session_moment (session_id, ordinal, at, moment_type, reaction) "
        "VALUES (?, 1, ?, 1, 0.5)",
        session, now);
    Insert(
        "INSERT INTO hype_train (id, session_id, trigger_event, peak_level, started_at, "
        "completed_at) VALUES (?, ?, 'BigPlay', 1, ?, ?)",
        train, session, now, now);
    Insert("INSERT INTO hype_transition (hype_id, kind, level) VALUES (?, 1, 1)", train);
    Insert("INSERT INTO neighbour_id (ours, theirs, owner_id, game_service_id) VALUES (?, ?, ?, ?)",
           Uuid::V4(), Uuid::V4(), id, game);
    Insert("INSERT INTO neighbour_id (ours, theirs) VALUES (?, ?)", contract, Uuid::V4());
    for (const Uuid& own : {session, deal, train, wallet, contract}) known.all.push_back(own);
  }
  // What only accounts have.
  void RememberAccount(Known& known) {
    const Uuid platform_session = Uuid::V4();
    Insert("INSERT INTO platform_session (id, account_id, updated_at) VALUES (?, ?, ?)",
           platform_session, known.id, common::Now());
    Insert(
        "INSERT INTO request_answer (request_id, streamer_id, request_digest, answer, "
        "created_at) VALUES (?, ?, UNHEX(SHA2('x', 256)), ?, ?)",
        Uuid::V4(), known.id, "of " + known.id.ToString(), common::Now());
    known.all.push_back(platform_session);
  }
  Known CharacterOf(const Uuid& account) {
    Known character{.type = kCharacter, .id = Uuid::V4()};
    character.all = {character.id};
    Remember(character, game_.id());
    Insert("INSERT INTO character_owner (character_id, account_id) VALUES (?, ?)", character.id,
           account);
    return character;
  }

  // An account with a past: a session that was really streamed, and all that there may be.
  Known StreamerWithAPast(Game& game) {
    const Stream past = game.GoLive();
    for (int i = 0; i < 4; ++i) {
      game.ServerTells(past, v1::REACTION_EVENT_TYPE_WORLD_FIRST, 1);
    }
    game.End(past);
    AwaitQuiet();  // then what its career brought is there, and goes before what is made up
    Known known{.id = past.account};
    known.all = {past.account, *Uuid::Parse(past.session)};
    known.stream = past;
    Remember(known, game.id());
    return known;
  }
  // Its trains come to the record after the session.
  void AddTrains(Known& known) {
    const auto rows = ValueOf(database_->Query("SELECT id FROM hype_train WHERE session_id = ?",
                                               *Uuid::Parse(known.stream->session)));
    ASSERT_FALSE(rows.empty());
    for (const auto& row : rows) known.all.push_back(row.Get<Uuid>(0));
  }
  // Until careers, trains and events are done with.
  void AwaitQuiet() {
    ASSERT_TRUE(Eventually([&] {
      return Count(
                 "SELECT (SELECT COUNT(*) FROM session WHERE career_applied = 0 AND status = 4) "
                 "+ (SELECT COUNT(*) FROM hype_train WHERE completed_at IS NULL) "
                 "+ (SELECT COUNT(*) FROM outbox)") == 0;
    }));
  }

  bool HasSession(const Stream& stream) {
    return !ValueOf(database_->Query("SELECT 1 FROM session WHERE id = ?",
                                     *Uuid::Parse(stream.session)))
                .empty();
  }
  // Where one of the ids is, but for keys that expire by themselves.
  std::set<std::string> LastingTraces(const std::vector<Uuid>& ids) {
    auto traces = traces_.Of(ids);
    std::erase_if(traces, [&](const std::string& key) {
      return ValueOf(client_.Command({"TTL", key})).integer() > 0;
    });
    return traces;
  }

  void Tell(const std::string& subject, const json& body) {
    ValueOf(jetstream_->Publish(subject, body.dump(), {}, ""));
  }
  double Erased(const std::string& what) {
    return side_.Metric("streaming_erasures_total{what=\"" + what + "\"}");
  }
  // The rows of all tables that name none of the ids.
  std::map<std::string, std::multiset<std::string>> RowsWithout(const std::vector<Uuid>& ids) {
    auto tables = traces_.Rows();
    for (const char* table : {"outbox", "tombstone", "schema_history"}) tables.erase(table);
    for (auto& [table, rows] : tables) {
      std::erase_if(rows, [&](const std::string& row) { return Traces::Names(row, ids); });
    }
    return tables;
  }

  common::testing::NatsServer nats_;
  common::testing::RedisServer redis_;
  Daemon side_{"streaming", "STREAMING", kSettings,
               Servers{nats_, redis_, common::testing::SharedMariaDb()}};
  Game game_{side_};
  std::unique_ptr<common::mysql::Connection> database_ = OpenDatabase(side_.database());
  common::redis::Redis client_{{.port = redis_.port(), .pool_size = 2}};
  Traces traces_{*database_, client_};
  std::unique_ptr<common::nats::Connection> connection_ =
      ValueOf(common::nats::Connection::Connect({.url = nats_.url()}));
  std::unique_ptr<common::nats::JetStream> jetstream_ =
      ValueOf(common::nats::JetStream::Make(*connection_));
};

TEST_F(Erasure, OfAnAccountNothingIsLeftAndOfOthersEverything) {
  Known gone = StreamerWithAPast(game_);
  RememberAccount(gone);
  const Known character = CharacterOf(gone.id);
  gone.all.insert(gone.all.end(), character.all.begin(), character.all.end());
  Known stays = StreamerWithAPast(game_);
  RememberAccount(stays);
  const Known other_character = CharacterOf(stays.id);
  const Stream live = game_.GoLive();
  const Stream ends = game_.GoLiveAgain(*gone.stream);
  gone.all.push_back(*Uuid::Parse(ends.session));
  AwaitQuiet();
  AddTrains(gone);

  // Whatever table there is has something of it, so that a new one cannot be left out here.
  const auto before = traces_.Of(gone.all);
  for (const auto& [table, rows] : traces_.Rows()) {
    static const std::set<std::string> kOfNobody = {"outbox",       "schema_history", "tombstone",
                                                    "pool_segment", "game_pool",      "tip_hour"};
    EXPECT_TRUE(before.contains(table) || kOfNobody.contains(table)) << table;
  }
  const auto others = RowsWithout(gone.all);
  ASSERT_TRUE(Traces::Names(*others.at("streamer").begin(), {stays.id, other_character.id}));

  Tell("account.deleted", {{"accountId", gone.id.ToString()}, {"other", 1}});
  ASSERT_TRUE(Eventually([&] { return Erased("account") == 1; }));
  AwaitQuiet();
  // The log of a shard tells which session changed, until newer ones push it out. Whose that was
  // nobody knows.
  EXPECT_THAT(LastingTraces({gone.id, character.id}), IsEmpty());
  for (const std::string& trace : LastingTraces(gone.all)) EXPECT_THAT(trace, EndsWith("}:log"));
  EXPECT_EQ(RowsWithout({}), others);
  const Census census = ValueOf(PoolCensus(client_, game_.id()).Take());
  EXPECT_EQ(census.wrong, "");
  EXPECT_EQ(census.bits, census.members);
  EXPECT_EQ(census.sessions.size(), 1);
  EXPECT_TRUE(census.sessions.contains(live.session));

  Tell("account.deleted", {{"accountId", gone.id.ToString()}});
  ASSERT_TRUE(Eventually([&] { return Erased("account") == 2; }));
  EXPECT_EQ(RowsWithout({}), others);
}

TEST_F(Erasure, WhatComesLateBringsNothingBack) {
  const Stream ends = game_.GoLive();
  Tell("account.deleted", {{"accountId", ends.account.ToString()}});
  ASSERT_TRUE(Eventually([&] { return Erased("account") == 1; }));

  // A token that is still good.
  try {
    game_.GoLiveAgain(ends);
    ADD_FAILURE() << "a deleted account streams";
  } catch (const std::exception& refused) {
    EXPECT_THAT(refused.what(), HasSubstr("deleted"));
  }
  // An event of the platform side.
  bannou::stream::v1::StreamPlatformSessionStartedEvent started;
  started.set_platform_session_id(Uuid::V4().ToString());
  started.set_account_id(ends.account.ToString());
  const auto event = common::outbox::EventOf(started, Uuid::V4());
  ValueOf(jetstream_->Publish(event.subject, event.payload, {}, ""));
  started.set_account_id(Uuid::V4().ToString());
  const auto other = common::outbox::EventOf(started, Uuid::V4());
  ValueOf(jetstream_->Publish(other.subject, other.payload, {}, ""));
  ASSERT_TRUE(Eventually([&] { return Count("SELECT COUNT(*) FROM platform_session") == 1; }));
  AwaitQuiet();
  EXPECT_THAT(LastingTraces({ends.account}), IsEmpty());
}

TEST_F(Erasure, OfACharacterNothingIsLeftAndItsAccountStays) {
  const Known account = StreamerWithAPast(game_);
  const Known gone = CharacterOf(account.id);
  const Known stays = CharacterOf(account.id);
  AwaitQuiet();
  const auto others = RowsWithout(gone.all);
  Tell("character.deleted", {{"characterId", gone.id.ToString()}});
  ASSERT_TRUE(Eventually([&] { return Erased("character") == 1; }));
  EXPECT_THAT(LastingTraces(gone.all), IsEmpty());
  EXPECT_EQ(RowsWithout({}), others);
  EXPECT_FALSE(traces_.Of({stays.id}).empty());
}

TEST_F(Erasure, OfAGameNothingIsLeftAndAnotherGoesOn) {
  Game other(side_);
  other.Seed(1000);
  Known in_other = StreamerWithAPast(other);
  Known gone = StreamerWithAPast(game_);
  const Stream live = other.GoLive();
  const Stream ends = game_.GoLive();
  AwaitQuiet();
  AddTrains(gone);
  // What it has in the game, but not itself: elsewhere it goes on.
  std::vector<Uuid> in_game = gone.all;
  std::erase(in_game, gone.id);
  in_game.insert(in_game.end(), {game_.id(), *Uuid::Parse(ends.session)});
  Remember(gone, other.id());
  RememberAccount(gone);
  const auto others = RowsWithout(in_game);
  Tell("game-service.deleted", {{"gameServiceId", game_.id().ToString()}});
  // Once more after other instances have forgotten its pool.
  ASSERT_TRUE(Eventually([&] { return Erased("game_service") == 1; }, std::chrono::seconds(40)));
  AwaitQuiet();
  EXPECT_THAT(LastingTraces(in_game), IsEmpty());
  EXPECT_EQ(RowsWithout({}), others);
  EXPECT_TRUE(Traces::Names(*others.at("game_pool").begin(), {other.id()}));

  const Census census = ValueOf(PoolCensus(client_, other.id()).Take());
  EXPECT_EQ(census.wrong, "");
  EXPECT_TRUE(census.sessions.contains(live.session));
  EXPECT_THROW(game_.Seed(10), std::exception);
  EXPECT_THROW(game_.GoLive(), std::exception);
  other.End(live);
}

TEST_F(Erasure, WhatCannotBeReadIsBuried) {
  Tell("account.deleted", {{"accountId", "me"}});
  Tell("character.deleted", {{"accountId", Uuid::V4().ToString()}});
  ValueOf(jetstream_->Publish("game-service.deleted", "no JSON", {}, ""));
  EXPECT_TRUE(Eventually([&] { return ValueOf(jetstream_->LastSequence("DEAD")) == 3; }));
}

// A daemon that is killed at one request after another while it erases.
TEST_F(Erasure, ACrashAnywhereIsGoneOnFrom) {
  Tripwire wire({{.port = common::testing::SharedMariaDb().port()}, {.port = redis_.port()}});
  side_.Stop();
  side_.Set({"MYSQL_ADDR=" + wire.address(0), "REDIS_ADDR=" + wire.address(1)});
  side_.Start();
  constexpr uint64_t kStride = 4;
  uint64_t kills = 0;
  for (uint64_t n = 1;; n += kStride) {
    ASSERT_LT(n, 1000u);
    SCOPED_TRACE("killed after request " + std::to_string(n));
    Game game(side_);
    game.Seed(100);
    const Stream live = game.GoLive();
    Known gone{.id = live.account, .all = {live.account, *Uuid::Parse(live.session)}};
    Remember(gone, game.id());
    RememberAccount(gone);
    // The session's id stays in the log of its shard.
    const std::vector<Uuid> own = {gone.id, gone.all[2], gone.all[3], gone.all[4], gone.all[5]};
    const auto erased = [&] { return LastingTraces(own).empty() && !HasSession(live); };
    wire.Arm(side_.pid(), n, Tripwire::Moment::kAfter);
    Tell("account.deleted", {{"accountId", gone.id.ToString()}});
    ASSERT_TRUE(Eventually([&] { return wire.seen().tripped || erased(); }));
    const bool tripped = wire.Disarm().tripped;
    kills += tripped;
    side_.Kill();
    side_.Start();
    // What was not acknowledged comes again after a while; this does not wait for it.
    Tell("account.deleted", {{"accountId", gone.id.ToString()}});
    ASSERT_TRUE(Eventually(erased, std::chrono::seconds(20))) << *LastingTraces(own).begin();
    const Census census = ValueOf(PoolCensus(client_, game.id()).Take());
    EXPECT_EQ(census.wrong, "");
    EXPECT_EQ(census.bits, 0);
    if (!tripped) break;
  }
  EXPECT_GT(kills, 5u);
}

}  // namespace
}  // namespace story
