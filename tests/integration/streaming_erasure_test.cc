// How deletions meet what is stored at the same time, and how they go through large tables.
#include <future>
#include <thread>

#include <bannou/streaming/v1/session.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/errors/errors.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/blending/platform_session_store.h"
#include "services/streaming/careers/career_store.h"
#include "services/streaming/careers/streamer_store.h"
#include "services/streaming/economy/tip_ledger_store.h"
#include "services/streaming/errors.h"
#include "services/streaming/neighbours/neighbour_store.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/privacy/erasure_store.h"
#include "services/streaming/privacy/tombstone_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::privacy {
namespace {

namespace v1 = bannou::streaming::v1;
using careers::StreamerKey;
using common::Uuid;
using common::mysql::Transaction;
using common::testing::SharedMariaDb;

bool IsDeleted(const absl::Status& status) { return common::errors::Is(status, kEntityDeleted); }

class StreamingErasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    ASSERT_TRUE(pools_.Seed(game_, 100, {}, std::nullopt, now_).ok());
  }

  absl::StatusOr<sessions::Session> Create(const Uuid& account) {
    return sessions_.Create({.game = game_,
                             .streamer_type = sessions::StreamerType::kAccount,
                             .streamer = account,
                             .request_digest = std::string(32, 'x')},
                            {.account = account}, now_);
  }
  absl::Status Lock(const Uuid& account) {
    return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
      return careers::LockStreamer(transaction, KeyOf(account), now_).status();
    });
  }
  StreamerKey KeyOf(const Uuid& account) const {
    return {.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = account, .game_service_id = game_};
  }
  int Count(const std::string& table) {
    return mysql_.Query("SELECT COUNT(*) FROM " + table)->at(0).Get<int>(0);
  }
  void Bury(Kind kind, const Uuid& id) {
    ASSERT_TRUE(privacy::Bury(mysql_, {.kind = kind, .id = id}, now_).ok());
  }

  const common::Time now_ = common::Now();
  const Uuid game_ = Uuid::V4();
  common::mysql::Pool mysql_{{.port = SharedMariaDb().port(),
                              .user = SharedMariaDb().user(),
                              .password = common::config::Secret(SharedMariaDb().password()),
                              .database = SharedMariaDb().CreateDatabase()}};
  pool::PoolStore pools_{mysql_};
  sessions::SessionStore sessions_{mysql_};
  blending::PlatformSessionStore platform_sessions_{mysql_};
  ErasureStore erasure_{mysql_};
};

TEST_F(StreamingErasureTest, NothingIsStoredForWhoIsDeleted) {
  const Uuid gone = Uuid::V4();
  const Uuid stays = Uuid::V4();
  Bury(Kind::kAccount, gone);
  EXPECT_TRUE(IsDeleted(Create(gone).status()));
  EXPECT_TRUE(IsDeleted(Lock(gone)));
  EXPECT_TRUE(platform_sessions_.RecordStarted({.id = Uuid::V4(), .account = gone}, now_).ok());
  EXPECT_TRUE(platform_sessions_.RecordEnded({.id = Uuid::V4(), .account = gone}, now_).ok());
  EXPECT_TRUE(neighbours::Learn(mysql_, {.ours = Uuid::V4(), .theirs = gone, .owner = gone}).ok());
  for (const char* table : {"session", "streamer", "platform_session", "neighbour_id", "outbox"}) {
    EXPECT_EQ(Count(table), 0) << table;
  }
  EXPECT_TRUE(Create(stays).ok());
  EXPECT_TRUE(Lock(stays).ok());
  EXPECT_TRUE(platform_sessions_.RecordStarted({.id = Uuid::V4(), .account = stays}, now_).ok());
  EXPECT_TRUE(neighbours::Learn(mysql_, {.ours = Uuid::V4(), .theirs = gone, .owner = stays}).ok());
  for (const char* table : {"session", "streamer", "platform_session", "neighbour_id"}) {
    EXPECT_EQ(Count(table), 1) << table;
  }
}

TEST_F(StreamingErasureTest, NothingIsStoredInAGameThatIsDeleted) {
  Bury(Kind::kGameService, game_);
  EXPECT_TRUE(IsDeleted(Create(Uuid::V4()).status()));
  EXPECT_TRUE(IsDeleted(Lock(Uuid::V4())));
  EXPECT_TRUE(IsDeleted(pools_.Seed(game_, 5, {}, std::nullopt, now_).status()));
  EXPECT_TRUE(pools_.Seed(Uuid::V4(), 5, {}, std::nullopt, now_).ok());
}

// The same id means different things.
TEST_F(StreamingErasureTest, ACharacterIsNoAccount) {
  const Uuid account = Uuid::V4();
  Bury(Kind::kCharacter, account);
  EXPECT_TRUE(Create(account).ok());
}

// A session that still has to end makes the streamer's row, which is erased after it.
TEST_F(StreamingErasureTest, ASessionThatIsThereStillEntersTheCareer) {
  const Uuid account = Uuid::V4();
  const auto session = Create(account);
  ASSERT_TRUE(session.ok());
  Bury(Kind::kAccount, account);
  EXPECT_TRUE(Lock(account).ok());
  ASSERT_TRUE(sessions_.Cancel(session->key.session, sessions::EndReason::kError, now_).ok());
  const auto found = erasure_.SessionsOfOwner(account);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1);
  EXPECT_TRUE(found->front().ended);
  ASSERT_TRUE(erasure_.DeleteSessions(*found).ok());
  EXPECT_TRUE(*erasure_.EraseStreamer({.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = account}));
  EXPECT_EQ(Count("session"), 0);
  EXPECT_EQ(Count("streamer"), 0);
  EXPECT_TRUE(IsDeleted(Lock(account)));
}

TEST_F(StreamingErasureTest, ASessionGoesWithItsTrainsAndNobodyElsesAreRead) {
  ASSERT_TRUE(mysql_
                  .Execute("INSERT INTO hype_train (id, session_id, trigger_event, peak_level, "
                           "started_at) SELECT UNHEX(MD5(seq)), UNHEX(MD5(-seq)), 'x', 1, ? "
                           "FROM seq_1_to_2000",
                           now_)
                  .ok());
  ASSERT_TRUE(mysql_
                  .Execute("INSERT INTO hype_transition (hype_id, kind, level) "
                           "SELECT id, 1, seq FROM hype_train JOIN seq_1_to_3")
                  .ok());
  const auto session = Create(Uuid::V4());
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(
      mysql_
          .Execute("UPDATE hype_train SET session_id = ? ORDER BY id LIMIT 2", session->key.session)
          .ok());
  int64_t rows_read = 0;
  const auto work = [&](Transaction& transaction) -> absl::Status {
    const auto read = [&] {
      int64_t sum = 0;
      const auto rows = transaction.Query("SHOW SESSION STATUS LIKE 'Handler_read%'");
      for (const auto& row : *rows) sum += row.Get<int64_t>(1);
      return sum;
    };
    rows_read = -read();
    RETURN_IF_ERROR(sessions::SessionStore::Delete(transaction, session->key.session));
    rows_read += read();
    return absl::OkStatus();
  };
  ASSERT_TRUE(common::mysql::RunTransaction(mysql_, work).ok());
  EXPECT_LT(rows_read, 60);
  EXPECT_EQ(Count("session"), 0);
  EXPECT_EQ(Count("hype_train"), 1998);
  EXPECT_EQ(Count("hype_transition"), 3 * 1998);
}

// A career finds a session that ended, and the session is erased before it is applied.
TEST_F(StreamingErasureTest, ASessionThatGoesBeforeItIsAppliedLeavesNoStreamer) {
  const Uuid account = Uuid::V4();
  const auto session = Create(account);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(mysql_
                  .Execute("UPDATE session SET status = ?, active = NULL, started_at = ?, "
                           "ended_at = ?",
                           static_cast<int>(v1::STREAM_SESSION_STATUS_ENDED), now_, now_)
                  .ok());
  careers::CareerStore careers(mysql_);
  std::future<absl::StatusOr<int>> applying;
  const auto erase = [&](Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(sessions::SessionStore::Delete(transaction, session->key.session));
    applying = std::async(std::launch::async,
                          [&] { return careers.ApplySession(session->key.session, now_); });
    // InnoDB looks anew at most every 100 ms.
    EXPECT_TRUE(common::testing::Eventually(
        [&] { return Count("information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") > 0; },
        std::chrono::seconds(10), std::chrono::milliseconds(150)));
    return absl::OkStatus();
  };
  ASSERT_TRUE(common::mysql::RunTransaction(mysql_, erase).ok());
  EXPECT_EQ(applying.get().value_or(-1), 0);
  EXPECT_EQ(Count("session"), 0);
  EXPECT_EQ(Count("streamer"), 0);
}

TEST_F(StreamingErasureTest, WhoAskedBeforeTheTombstoneIsWaitedFor) {
  const Uuid account = Uuid::V4();
  std::promise<void> asked;
  std::promise<void> buried;
  auto storing = std::async(std::launch::async, [&] {
    return common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) -> absl::Status {
      const auto locked = careers::LockStreamer(transaction, KeyOf(account), now_).status();
      asked.set_value();
      buried.get_future().wait();
      return locked;
    });
  });
  asked.get_future().wait();
  Bury(Kind::kAccount, account);
  auto erasing = std::async(std::launch::async, [&] {
    return erasure_.EraseStreamer({.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = account});
  });
  // The streamer's row is there, and nobody but its maker sees it.
  EXPECT_EQ(Count("streamer"), 0);
  // InnoDB looks anew at most every 100 ms.
  EXPECT_TRUE(common::testing::Eventually(
      [&] { return Count("information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'") > 0; },
      std::chrono::seconds(10), std::chrono::milliseconds(150)));
  buried.set_value();
  EXPECT_TRUE(storing.get().ok());
  const auto erased = erasing.get();
  ASSERT_TRUE(erased.ok());
  EXPECT_TRUE(*erased);
  EXPECT_EQ(Count("streamer"), 0);
}

TEST_F(StreamingErasureTest, IdsOfNeighboursGoAlsoWithoutAnOwner) {
  const Uuid gone = Uuid::V4();
  const Uuid stays = Uuid::V4();
  for (const Uuid& account : {gone, stays}) {
    ASSERT_TRUE(Lock(account).ok());
    for (const Uuid& ours : {careers::SeedId(KeyOf(account)), economy::WalletId(KeyOf(account))}) {
      ASSERT_TRUE(
          mysql_.Execute("INSERT INTO neighbour_id (ours, theirs) VALUES (?, ?)", ours, Uuid::V4())
              .ok());
    }
  }
  EXPECT_TRUE(*erasure_.EraseStreamer({.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = gone}));
  const auto left = mysql_.Query("SELECT COUNT(*) FROM neighbour_id WHERE ours IN (?, ?)",
                                 careers::SeedId(KeyOf(stays)), economy::WalletId(KeyOf(stays)));
  EXPECT_EQ(left->at(0).Get<int>(0), 2);
  EXPECT_EQ(Count("neighbour_id"), 2);
}

TEST_F(StreamingErasureTest, ALargeFollowingGoesInSteps) {
  const Uuid account = Uuid::V4();
  ASSERT_TRUE(Lock(account).ok());
  constexpr int kFollowers = 3 * ErasureStore::kRowsBatch + 1;
  ASSERT_TRUE(mysql_
                  .Execute("INSERT INTO attendance (streamer_type, streamer_id, game_service_id, "
                           "member, last_session_ordinal, attended, interested_run, loyalty) "
                           "SELECT ?, ?, ?, seq, 1, 1, 1, 0.5 FROM seq_1_to_3001",
                           static_cast<int>(v1::STREAMER_ENTITY_TYPE_ACCOUNT), account, game_)
                  .ok());
  ASSERT_EQ(Count("attendance"), kFollowers);
  const StreamerScope scope{.type = v1::STREAMER_ENTITY_TYPE_ACCOUNT, .id = account};
  for (int left = kFollowers - ErasureStore::kRowsBatch; left > 0;
       left -= ErasureStore::kRowsBatch) {
    EXPECT_FALSE(*erasure_.EraseStreamer(scope));
    EXPECT_EQ(Count("attendance"), left);
    EXPECT_EQ(Count("streamer"), 1);
  }
  EXPECT_TRUE(*erasure_.EraseStreamer(scope));
  EXPECT_EQ(Count("attendance"), 0);
  EXPECT_EQ(Count("streamer"), 0);
  EXPECT_TRUE(*erasure_.EraseStreamer(scope));
}

TEST_F(StreamingErasureTest, ACharacterIsItsAccountsUntilNothingOfItIsLeft) {
  const Uuid account = Uuid::V4(), character = Uuid::V4();
  ASSERT_TRUE(mysql_.Execute("INSERT INTO character_owner VALUES (?, ?)", character, account).ok());
  ASSERT_TRUE(mysql_
                  .Execute("INSERT INTO request_answer (request_id, streamer_id, request_digest, "
                           "answer, created_at) SELECT UNHEX(MD5(seq)), ?, REPEAT('x', 32), 'y', "
                           "? FROM seq_1_to_1001",
                           character, now_)
                  .ok());
  EXPECT_FALSE(*erasure_.EraseCharacter(character));
  EXPECT_EQ(Count("request_answer"), 1);
  EXPECT_EQ(erasure_.CharactersOf(account)->size(), 1u) << "whoever goes on has to find it";
  EXPECT_TRUE(*erasure_.EraseCharacter(character));
  EXPECT_EQ(Count("request_answer"), 0);
  EXPECT_TRUE(erasure_.CharactersOf(account)->empty());
}

TEST_F(StreamingErasureTest, TombstonesHaveALifeAndNameNobody) {
  const Uuid account = Uuid::V4();
  Bury(Kind::kAccount, account);
  const auto rows = mysql_.Query("SELECT mark FROM tombstone");
  EXPECT_EQ(rows->at(0).Get<std::string>(0).find(account.ToBytes()), std::string::npos);
  ASSERT_TRUE(privacy::Bury(mysql_, {.kind = Kind::kAccount, .id = Uuid::V4()},
                            now_ + kTombstoneLife + std::chrono::seconds(1))
                  .ok());
  EXPECT_EQ(Count("tombstone"), 1);
  EXPECT_TRUE(Create(account).ok());
}

}  // namespace
}  // namespace streaming::privacy
