#include <atomic>
#include <latch>
#include <limits>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/mysql/lock.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"

namespace common::mysql {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::MariaDbServer;

Options OptionsFor(MariaDbServer& server) {
  Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = config::Secret(server.password());
  options.database = server.CreateDatabase();
  options.pool_size = 4;
  return options;
}

class MysqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pool_
                    .Execute("CREATE TABLE item (id INT PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0)"
                             " ENGINE = InnoDB CHARACTER SET utf8mb4")
                    .ok());
  }

  int64_t Count() { return pool_.Query("SELECT COUNT(*) FROM item")->at(0).Get<int64_t>(0); }

  Options options_ = OptionsFor(testing::SharedMariaDb());
  Pool pool_{options_};
};

TEST_F(MysqlTest, EveryTypeComesBackAsItWent) {
  ASSERT_TRUE(pool_
                  .Execute("CREATE TABLE kinds (i BIGINT, u BIGINT UNSIGNED, d DOUBLE, b BOOL,"
                           " s VARCHAR(50), x MEDIUMBLOB, id BINARY(16), t DATETIME(6), z INT)"
                           " CHARACTER SET utf8mb4")
                  .ok());
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  constexpr double kThird = 1.0 / 3.0;
  const std::string emoji = "🎉 naïve 'quote'; DROP";
  std::string bytes(1 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  const Uuid id = Uuid::V4();
  const Time time = *ParseTime("2026-01-02T03:04:05.678901Z");
  ASSERT_EQ(*pool_.Execute("INSERT INTO kinds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", kLeast, kMost,
                           kThird, true, emoji, bytes, id, time, std::optional<int>()),
            1);
  const auto rows = pool_.Query("SELECT * FROM kinds WHERE id = ?", id);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  const Row& row = rows->front();
  EXPECT_EQ(row.Get<int64_t>(0), kLeast);
  EXPECT_EQ(row.Get<uint64_t>(1), kMost);
  EXPECT_EQ(row.Get<double>(2), kThird);
  EXPECT_TRUE(row.Get<bool>(3));
  EXPECT_EQ(row.Get<std::string>(4), emoji);
  EXPECT_TRUE(row.Get<std::string>(5) == bytes);
  EXPECT_EQ(row.Get<Uuid>(6), id);
  EXPECT_EQ(row.Get<std::optional<Time>>(7), time);
  EXPECT_EQ(row.Get<std::optional<int>>(8), std::nullopt);
}

TEST_F(MysqlTest, AWrongReadIsAnErrorNotAZero) {
  const auto rows = pool_.Query("SELECT NULL, 300, 'text'");
  const Row& row = rows->at(0);
  EXPECT_THROW(row.Get<int>(0), std::logic_error);
  EXPECT_THROW(row.Get<int8_t>(1), std::logic_error);
  EXPECT_THROW(row.Get<Uuid>(2), std::logic_error);
  EXPECT_THROW(row.Get<int>(3), std::logic_error);
}

TEST_F(MysqlTest, SumsAndCountsReadAsNumbers) {
  ASSERT_TRUE(pool_.Execute("INSERT INTO item VALUES (1, 2), (2, 40)").ok());
  const auto rows = pool_.Query("SELECT SUM(n), COUNT(*), AVG(n) FROM item");
  EXPECT_EQ(rows->at(0).Get<int64_t>(0), 42);
  EXPECT_EQ(rows->at(0).Get<uint32_t>(1), 2u);
  EXPECT_EQ(rows->at(0).Get<double>(2), 21.0);
}

TEST_F(MysqlTest, TheSessionIsStrictUtcAndReadCommitted) {
  const auto rows = pool_.Query(
      "SELECT @@time_zone, @@tx_isolation, @@character_set_connection, @@max_statement_time,"
      " @@sql_mode LIKE '%STRICT_ALL_TABLES%'");
  EXPECT_EQ(rows->at(0).Get<std::string>(0), "+00:00");
  EXPECT_EQ(rows->at(0).Get<std::string>(1), "READ-COMMITTED");
  EXPECT_EQ(rows->at(0).Get<std::string>(2), "utf8mb4");
  EXPECT_EQ(rows->at(0).Get<double>(3), 1.5);
  EXPECT_TRUE(rows->at(0).Get<bool>(4));
}

TEST_F(MysqlTest, ErrorsHaveANumberAndQuoteNothing) {
  ASSERT_TRUE(pool_.Execute("INSERT INTO item (id) VALUES (77007)").ok());
  const absl::Status twice = pool_.Execute("INSERT INTO item (id) VALUES (77007)").status();
  EXPECT_EQ(twice.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrorNumber(twice), 1062);
  const absl::Status wrong = pool_.Execute("INSERT INTO secret_table VALUES (77007)").status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorNumber(wrong), 1146);
  for (const absl::Status& status : {twice, wrong}) {
    EXPECT_EQ(status.ToString().find("secret_table"), std::string::npos);
    EXPECT_EQ(status.ToString().find("77007"), std::string::npos);
  }
  EXPECT_EQ(pool_.stats().open, 1u);  // the server's errors do not cost the connection
}

TEST_F(MysqlTest, AStatementThatTakesTooLongIsEndedByTheServer) {
  Options options = options_;
  options.statement_timeout = seconds(1);
  Pool pool(options);
  for (const char* sql :
       {"SELECT SLEEP(5)",
        "SELECT 1 FROM seq_1_to_9999999 a, seq_1_to_9999999 b WHERE a.seq + b.seq < 1",
        "SELECT seq, REPEAT('x', 20000), SLEEP(0.1) FROM seq_1_to_100"}) {
    // The last has sent rows by then: what arrived must not pass for the whole.
    EXPECT_EQ(pool.Query(sql).status().code(), absl::StatusCode::kDeadlineExceeded) << sql;
  }
  EXPECT_TRUE(pool.Query("SELECT 1").ok());
}

TEST_F(MysqlTest, TheCallersDeadlineLimitsTheStatement) {
  Options options = options_;
  options.statement_timeout = seconds(60);
  Pool pool(options);
  {
    const DeadlineScope scope(milliseconds(100));
    EXPECT_EQ(pool.Query("SELECT SLEEP(30)").status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  const auto limit = pool.Query("SELECT CAST(@@max_statement_time AS DOUBLE)");
  ASSERT_TRUE(limit.ok()) << limit.status();
  EXPECT_EQ(limit->at(0).Get<double>(0), 60) << "the next borrower has the options' limit";
}

TEST_F(MysqlTest, AnExhaustedPoolRefusesAfterABoundedWait) {
  Options options = options_;
  options.pool_size = 1;
  options.acquire_timeout = milliseconds(20);
  Pool pool(options);
  {
    const auto held = pool.Borrow();
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(pool.Query("SELECT 1").status().code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(pool.Query("SELECT 1").ok());
}

TEST_F(MysqlTest, ServerWithoutTlsIsRefusedWhenTlsIsAskedFor) {
  Options options = options_;
  options.tls_ca = "/etc/ssl/certs/ca-certificates.crt";
  EXPECT_EQ(Pool(options).Query("SELECT 1").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(MysqlTest, ATransactionIsAllOrNothing) {
  const auto insert_two = [](const absl::Status& outcome) {
    return [outcome](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.Execute("INSERT INTO item (id) VALUES (1)").status());
      RETURN_IF_ERROR(tx.Execute("INSERT INTO item (id) VALUES (2)").status());
      return outcome;
    };
  };
  EXPECT_EQ(RunTransaction(pool_, insert_two(absl::AbortedError("own"))),
            absl::AbortedError("own"));
  EXPECT_EQ(Count(), 0);
  EXPECT_TRUE(absl::IsInternal(RunTransaction(pool_, [](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.Execute("INSERT INTO item (id) VALUES (1)").status());
    throw std::runtime_error("bug");
  })));
  EXPECT_EQ(Count(), 0);
  EXPECT_TRUE(RunTransaction(pool_, insert_two(absl::OkStatus())).ok());
  EXPECT_EQ(Count(), 2);
}

TEST_F(MysqlTest, ADuplicateKeyLeavesTheTransactionUsable) {
  EXPECT_TRUE(RunTransaction(pool_, [](Transaction& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.Execute("INSERT INTO item (id) VALUES (1)").status());
                const auto twice = tx.Execute("INSERT INTO item (id) VALUES (1)");
                EXPECT_TRUE(absl::IsAlreadyExists(twice.status()));
                return tx.Execute("INSERT INTO item (id) VALUES (2)").status();
              }).ok());
  EXPECT_EQ(Count(), 2);
}

// Two transactions take the same two rows in opposite order and wait for each other once.
TEST_F(MysqlTest, ADeadlockIsRepeatedAndBothSucceed) {
  ASSERT_TRUE(pool_.Execute("INSERT INTO item (id) VALUES (1), (2)").ok());
  std::latch both_hold_one(2);
  std::atomic<int> runs = 0;
  const auto move = [&](int first, int second) {
    bool met = false;
    return RunTransaction(pool_, [&](Transaction& tx) -> absl::Status {
      ++runs;
      RETURN_IF_ERROR(tx.Execute("UPDATE item SET n = n + 1 WHERE id = ?", first).status());
      if (!std::exchange(met, true)) both_hold_one.arrive_and_wait();
      return tx.Execute("UPDATE item SET n = n + 1 WHERE id = ?", second).status();
    });
  };
  absl::Status other;
  std::thread thread([&] { other = move(2, 1); });
  EXPECT_TRUE(move(1, 2).ok());
  thread.join();
  EXPECT_TRUE(other.ok()) << other;
  EXPECT_EQ(runs, 3);
  const auto rows = pool_.Query("SELECT n FROM item");
  EXPECT_EQ(rows->at(0).Get<int>(0), 2);
  EXPECT_EQ(rows->at(1).Get<int>(0), 2);
}

TEST_F(MysqlTest, EndlessCollisionsEndUnavailable) {
  ASSERT_TRUE(pool_.Execute("INSERT INTO item (id) VALUES (1)").ok());
  int runs = 0;
  const absl::Status status = RunTransaction(pool_, [&](Transaction& tx) -> absl::Status {
    ++runs;
    EXPECT_TRUE(RunTransaction(pool_, [&](Transaction& holder) -> absl::Status {
                  RETURN_IF_ERROR(
                      holder.Query("SELECT n FROM item WHERE id = 1 FOR UPDATE").status());
                  const auto wait = tx.Query("SELECT n FROM item WHERE id = 1 FOR UPDATE NOWAIT");
                  EXPECT_TRUE(absl::IsAborted(wait.status()));
                  return absl::OkStatus();
                }).ok());
    return absl::OkStatus();  // forgetting the error does not commit
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(runs, kTransactionAttempts);
}

TEST_F(MysqlTest, ANamedLockHasOneHolderADatabase) {
  auto first = NamedLock::Acquire(pool_, "work", seconds(0));
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_TRUE((*first)->Held());
  EXPECT_FALSE(NamedLock::Acquire(pool_, "work", seconds(0))->has_value());
  Pool elsewhere(OptionsFor(testing::SharedMariaDb()));
  EXPECT_TRUE(NamedLock::Acquire(elsewhere, "work", seconds(0))->has_value());
  first->reset();
  EXPECT_TRUE(NamedLock::Acquire(pool_, "work", seconds(0))->has_value());
}

TEST(MysqlRestartTest, APoolRecoversAndALockIsLost) {
  MariaDbServer server;
  Pool pool(OptionsFor(server));
  ASSERT_TRUE(pool.Execute("CREATE TABLE item (id INT PRIMARY KEY)").ok());
  auto lock = NamedLock::Acquire(pool, "work", seconds(0));
  ASSERT_TRUE(lock.ok() && lock->has_value());
  ASSERT_TRUE(pool.Query("SELECT 1").ok());
  server.Kill();
  EXPECT_TRUE(absl::IsUnavailable(pool.Query("SELECT 1").status()));
  EXPECT_FALSE((*lock)->Held());
  server.Start();
  EXPECT_TRUE(pool.Query("SELECT 1").ok());
  const auto insert = [](Transaction& tx) {
    return tx.Execute("INSERT INTO item VALUES (1)").status();
  };
  server.Stop();
  server.Start();
  EXPECT_TRUE(
      RunTransaction(pool, insert).ok());  // on a connection that was lost while it lay idle
  server.Stop();
  server.Start();
  EXPECT_EQ(pool.Query("SELECT id FROM item")->size(), 1u);
}

TEST(MysqlRestartTest, AnAnswerCutOffHalfwayIsNotTakenForTheWhole) {
  MariaDbServer server;
  for (const char* sql : {"SELECT seq, REPEAT('x', 20000), SLEEP(0.05) FROM seq_1_to_100",
                          "SELECT 1 FROM seq_1_to_9999999 a, seq_1_to_9999999 b"
                          " WHERE a.seq + b.seq < 1"}) {
    Pool pool(OptionsFor(server));
    const auto connection = pool.Borrow();
    ASSERT_TRUE(connection.ok());
    absl::StatusOr<Rows> rows;
    std::thread reader([&] { rows = (*connection)->Query(sql); });
    const auto running = [&] {
      return pool.Query(
                     "SELECT 1 FROM information_schema.processlist WHERE info LIKE ?"
                     " AND time_ms > 300 AND id <> CONNECTION_ID()",
                     "SELECT%seq_1%")
                 ->size() == 1;
    };
    EXPECT_TRUE(testing::Eventually(running));
    server.Kill();
    reader.join();
    EXPECT_TRUE(absl::IsUnavailable(rows.status())) << sql;
    server.Start();
  }
}

class MigrationsTest : public ::testing::Test {
 protected:
  absl::Status Run(std::vector<embed::File> files) { return Migrate(pool_.options(), files); }
  int64_t Versions() {
    return pool_.Query("SELECT COUNT(*) FROM schema_history")->at(0).Get<int64_t>(0);
  }

  const embed::File first_{"V001__items.sql",
                           "-- What it is for; said here.\n"
                           "CREATE TABLE item (\n"
                           "  id INT PRIMARY KEY, note VARCHAR(9) DEFAULT 'a; b'\n"
                           ") CHARACTER SET utf8mb4;\n"
                           "INSERT INTO item VALUES (1, 'x;y');\n"
                           "INSERT INTO item (id) VALUES (2);\n"
                           "-- the end\n"};
  const embed::File second_{"V002__more.sql", "INSERT INTO item (id) VALUES (3);"};
  Pool pool_{OptionsFor(testing::SharedMariaDb())};
};

TEST_F(MigrationsTest, AppliesEachFileOnce) {
  ASSERT_TRUE(Run({first_}).ok());
  ASSERT_TRUE(Run({first_}).ok());
  const absl::Status both = Run({second_, first_});
  ASSERT_TRUE(both.ok()) << both;
  EXPECT_EQ(Versions(), 2);
  const auto rows = pool_.Query("SELECT note FROM item ORDER BY id");
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ(rows->at(0).Get<std::string>(0), "x;y");
  EXPECT_EQ(rows->at(1).Get<std::string>(0), "a; b");
}

TEST_F(MigrationsTest, RefusesDivergence) {
  ASSERT_TRUE(Run({first_, second_}).ok());
  const embed::File edited{second_.name, "INSERT INTO item (id) VALUES (4);"};
  EXPECT_TRUE(absl::IsFailedPrecondition(Run({first_, edited})));
  EXPECT_TRUE(absl::IsFailedPrecondition(Run({first_})));
  EXPECT_EQ(pool_.Query("SELECT 1 FROM item")->size(), 3u);
}

// Old and new instances side by side, and an old one that is started again.
TEST_F(MigrationsTest, AnOlderProgramServesOnANewerSchemaThatSuitsIt) {
  const embed::File third{"V003__third.sql",
                          "-- What it is for.\n-- Suits programs since: V001\nDO 0;"};
  const embed::File fourth{"V004__fourth.sql",
                           "-- What it is for.\n-- Suits programs since: V002\nDO 0;"};
  ASSERT_TRUE(Run({first_}).ok());
  ASSERT_TRUE(Run({first_, second_, third, fourth}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Run({first_}))) << "of the second file nothing is said";
  EXPECT_TRUE(Run({first_, second_}).ok());
  EXPECT_TRUE(Run({first_, second_, third}).ok());
  EXPECT_EQ(Versions(), 4);
  const embed::File edited{second_.name, "INSERT INTO item (id) VALUES (4);"};
  EXPECT_TRUE(absl::IsFailedPrecondition(Run({first_, edited})));
}

// As releases before wrote the history.
TEST_F(MigrationsTest, AHistoryThatSaysNothingOfOlderProgramsSuitsNone) {
  ASSERT_TRUE(Run({first_, second_}).ok());
  ASSERT_TRUE(pool_.Execute("ALTER TABLE schema_history DROP COLUMN suits").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Run({first_})));
  EXPECT_TRUE(Run({first_, second_}).ok());
  EXPECT_EQ(Versions(), 2);
}

TEST_F(MigrationsTest, RefusesGapsDoublesAndOddNames) {
  const embed::File third{"V003__late.sql", "SELECT 1;"};
  for (const auto& files : std::vector<std::vector<embed::File>>{
           {first_, third}, {first_, first_}, {{"create.sql", "DO 0;"}}, {{"V1_x.sql", "DO 0;"}}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Run(files)));
  }
}

TEST_F(MigrationsTest, AFailedFileIsNotRecorded) {
  EXPECT_FALSE(Run({first_, {"V002__bad.sql", "INSERT INTO absent VALUES (1);"}}).ok());
  EXPECT_EQ(Versions(), 1);
  EXPECT_TRUE(Run({first_, second_}).ok());
}

// As after a crash between two of its statements, each of which commits by itself.
TEST_F(MigrationsTest, AFileThatIsHalfAppliedIsFinished) {
  ASSERT_TRUE(Run({first_}).ok());
  const embed::File whole{"V002__columns.sql",
                          "ALTER TABLE item ADD COLUMN a INT NULL;\n"
                          "CREATE INDEX item_a ON item (a);\n"
                          "ALTER TABLE item DROP COLUMN note;\n"
                          "ALTER TABLE item ADD COLUMN b INT NULL;\n"};
  const auto connection = pool_.Borrow();
  for (const char* done :
       {"ALTER TABLE item ADD COLUMN a INT NULL", "CREATE INDEX item_a ON item (a)",
        "ALTER TABLE item DROP COLUMN note"}) {
    ASSERT_TRUE((*connection)->Run(done).ok());
  }
  const absl::Status finished = Run({first_, whole});
  EXPECT_TRUE(finished.ok()) << finished;
  EXPECT_TRUE(pool_.Query("SELECT a, b FROM item").ok());
  EXPECT_EQ(Versions(), 2);
}

TEST_F(MigrationsTest, InstancesThatStartTogetherApplyEachFileOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] { failed += Run({first_, second_}).ok() ? 0 : 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(Versions(), 2);
}

}  // namespace
}  // namespace common::mysql
