// The ledger of tips under many hands, and hours that followers pay once.
#include <barrier>
#include <map>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/streaming_economy.h"

namespace streaming::economy {
namespace {

class StreamingLedgerTest : public EconomyTest {};

TEST_F(StreamingLedgerTest, ASessionEarnsOnceHoweverOftenItIsApplied) {
  const StreamerKey streamer = NewStreamer();
  const Uuid session = InsertEnded(streamer, {});
  for (int i = 0; i < 3; ++i) Apply(session);
  EXPECT_EQ(Balance(streamer).balance(), Earned({}));
  const auto tips = Tips(streamer);
  ASSERT_EQ(tips.tips_size(), 1);
  EXPECT_EQ(tips.tips(0).kind(), v1::TIP_KIND_ENGAGEMENT);
  EXPECT_EQ(tips.tips(0).session_id(), session.ToString());
  const auto credits = Sent<v1::CurrencyCreditCommand>();
  ASSERT_EQ(credits.size(), 1u);
  EXPECT_EQ(credits[0].amount(), Earned({}));
  EXPECT_EQ(credits[0].transaction_type(), "Engagement");
  EXPECT_EQ(credits[0].wallet_id(), Balance(streamer).wallet_id());
  const auto wallets = Sent<v1::CurrencyWalletGetOrCreateCommand>();
  ASSERT_EQ(wallets.size(), 1u);
  EXPECT_EQ(wallets[0].wallet_id(), credits[0].wallet_id());
}

TEST_F(StreamingLedgerTest, ASessionWithoutAnAudienceOpensTheAccountAndEarnsNothing) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {.audience = 0}));
  EXPECT_EQ(Balance(streamer).balance(), 0);
  EXPECT_EQ(Tips(streamer).total(), 0);
  EXPECT_EQ(Sent<v1::CurrencyWalletGetOrCreateCommand>().size(), 1u);
}

TEST_F(StreamingLedgerTest, AFailureAfterTheTipsLeavesNothingOfThem) {
  const StreamerKey streamer = NewStreamer();
  const Uuid session = InsertEnded(streamer, {});
  bool fail = true;
  careers::CareerStore failing(mysql_,
                               [&](auto& transaction, const auto& applied) -> absl::StatusOr<News> {
                                 ASSIGN_OR_RETURN(News news, earnings_.Add(transaction, applied));
                                 if (fail) return absl::UnavailableError("cut off");
                                 return news;
                               });
  EXPECT_FALSE(failing.ApplySession(session, kStart).ok());
  EXPECT_EQ(Number("SELECT COUNT(*) FROM tip_account"), 0);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM tip_entry"), 0);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM outbox"), 0);
  fail = false;
  EXPECT_TRUE(failing.ApplySession(session, kStart).ok());
  EXPECT_EQ(Balance(streamer).balance(), Earned({}));
}

TEST_F(StreamingLedgerTest, ASpendIsAnsweredTheSameWheneverItComesAgain) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {.audience = 1000}));
  const int64_t earned = Balance(streamer).balance();
  const Uuid first = Uuid::V4(), second = Uuid::V4();
  const auto answer = Spend(streamer, 10, first);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->balance(), earned - 10);
  EXPECT_EQ(answer->tip().amount(), -10);
  EXPECT_EQ(answer->tip().item_code(), "overlay.neon");
  ASSERT_TRUE(Spend(streamer, 5, second).ok());
  EXPECT_EQ(Spend(streamer, 10, first)->SerializeAsString(), answer->SerializeAsString())
      << "with the balance of then";
  EXPECT_TRUE(
      common::errors::Is(Spend(streamer, 11, first).status(), common::errors::kRequestIdReused));
  EXPECT_TRUE(common::errors::Is(Spend(streamer, 10, first, "overlay.gold").status(),
                                 common::errors::kRequestIdReused));
  EXPECT_TRUE(common::errors::Is(Spend(NewStreamer(), 10, first).status(),
                                 common::errors::kRequestIdReused));
  EXPECT_EQ(Balance(streamer).balance(), earned - 15);
  EXPECT_EQ(Sent<v1::CurrencyDebitCommand>().size(), 2u);
  EXPECT_EQ(Sent<v1::CurrencyDebitCommand>()[0].amount(), 10);
  ExpectBalanced();
}

TEST_F(StreamingLedgerTest, ARefusedSpendChangesNothingAndMaySucceedLater) {
  const StreamerKey streamer = NewStreamer();
  const Uuid request = Uuid::V4();
  EXPECT_TRUE(common::errors::Is(Spend(streamer, 1, request).status(), kTipBalanceTooLow));
  EXPECT_EQ(Number("SELECT COUNT(*) FROM tip_account"), 0);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM outbox"), 0);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM request_answer"), 0);
  Apply(InsertEnded(streamer, {}));
  EXPECT_TRUE(common::errors::Is(Spend(streamer, Earned({}) + 1).status(), kTipBalanceTooLow));
  EXPECT_TRUE(Spend(streamer, 1, request).ok());
  EXPECT_EQ(Balance(streamer).balance(), Earned({}) - 1);
  EXPECT_EQ(Spend(streamer, Earned({}) - 1)->balance(), 0) << "to the last one";
}

TEST_F(StreamingLedgerTest, TheDatabaseItselfRefusesToOverdraw) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {}));
  EXPECT_FALSE(mysql_.Execute("UPDATE tip_account SET total_spent = total_earned + 1").ok());
  EXPECT_TRUE(mysql_.Execute("UPDATE tip_account SET total_spent = total_earned").ok());
}

TEST_F(StreamingLedgerTest, OneRequestThatComesManyTimesAtOnceIsOneSpend) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {.audience = 1000}));
  const int64_t earned = Balance(streamer).balance();
  for (int round = 1; round <= 10; ++round) {
    const Uuid request = Uuid::V4();
    std::vector<std::string> answers(8);
    std::barrier start(8);
    {
      std::vector<std::jthread> threads;
      for (std::string& answer : answers) {
        threads.emplace_back([&] {
          start.arrive_and_wait();
          const auto spent = Spend(streamer, 7, request);
          EXPECT_TRUE(spent.ok()) << spent.status();
          if (spent.ok()) answer = spent->SerializeAsString();
        });
      }
    }
    EXPECT_THAT(answers, ::testing::Each(answers[0]));
    EXPECT_EQ(Balance(streamer).balance(), earned - 7 * round);
  }
  ExpectBalanced();
}

// Spenders and earners on few accounts at once, with replays and refusals.
TEST_F(StreamingLedgerTest, ManyHandsNeverOverdrawAndLoseNothing) {
  constexpr int kThreads = 8, kSteps = 60;
  const std::vector<StreamerKey> streamers = {NewStreamer(), NewStreamer()};
  std::vector<std::map<std::string, int64_t>> spent(kThreads);  // by entry
  std::vector<int64_t> refused(kThreads);
  std::barrier start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (size_t self = 0; self < kThreads; ++self) {
      threads.emplace_back([&, self] {
        std::mt19937 random(static_cast<uint32_t>(self));
        const auto upto = [&](int most) {
          return std::uniform_int_distribution<int>(0, most)(random);
        };
        std::map<Uuid, std::pair<int64_t, std::string>> answers;
        start.arrive_and_wait();
        for (int step = 0; step < kSteps; ++step) {
          const StreamerKey& streamer = streamers[static_cast<size_t>(upto(1))];
          if (self % 2 == 0 && upto(2) == 0) {
            Apply(InsertEnded(streamer, {.audience = 1.0 + upto(30)}));
            continue;
          }
          const Uuid request = Uuid::V4();
          const int64_t amount = 1 + upto(40);
          const auto answer = Spend(streamer, amount, request);
          if (!answer.ok()) {
            EXPECT_TRUE(common::errors::Is(answer.status(), kTipBalanceTooLow)) << answer.status();
            ++refused[self];
            continue;
          }
          EXPECT_GE(answer->balance(), 0);
          EXPECT_TRUE(spent[self].emplace(answer->tip().tip_id(), amount).second);
          if (upto(1) == 0) {
            EXPECT_EQ(Spend(streamer, amount, request)->SerializeAsString(),
                      answer->SerializeAsString());
          }
        }
      });
    }
  }
  int64_t acknowledged = 0, entries = 0, refusals = 0;
  for (size_t self = 0; self < kThreads; ++self) {
    refusals += refused[self];
    for (const auto& [id, amount] : spent[self]) {
      const auto rows = mysql_.Query("SELECT amount FROM tip_entry WHERE id = ?", *Uuid::Parse(id));
      ASSERT_EQ(rows->size(), 1u) << "every acknowledged spend is there, once";
      EXPECT_EQ(rows->at(0).Get<int64_t>(0), -amount);
      acknowledged += amount;
      ++entries;
    }
  }
  EXPECT_GT(entries, 0);
  EXPECT_GT(refusals, 0) << "the test must reach the bottom";
  int64_t total_spent = 0, debited = 0, credited = 0, earned = 0;
  for (const StreamerKey& streamer : streamers) {
    total_spent += Balance(streamer).total_spent();
    earned += Balance(streamer).total_earned();
  }
  for (const auto& debit : Sent<v1::CurrencyDebitCommand>()) debited += debit.amount();
  for (const auto& credit : Sent<v1::CurrencyCreditCommand>()) credited += credit.amount();
  EXPECT_EQ(total_spent, acknowledged);
  EXPECT_EQ(debited, acknowledged);
  EXPECT_EQ(credited, earned);
  EXPECT_EQ(Sent<v1::CurrencyWalletGetOrCreateCommand>().size(), streamers.size());
  ExpectBalanced();
}

TEST_F(StreamingLedgerTest, TheLedgerIsPagedNewestFirst) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {.audience = 5000}));
  for (int i = 1; i <= 24; ++i) ASSERT_TRUE(Spend(streamer, i).ok());
  std::vector<int64_t> amounts;
  for (int offset = 0; offset < 40; offset += 10) {
    const auto page = Tips(streamer, 10, offset);
    EXPECT_EQ(page.total(), 25);
    for (const auto& tip : page.tips()) amounts.push_back(tip.amount());
  }
  ASSERT_EQ(amounts.size(), 25u);
  for (int i = 1; i <= 24; ++i) EXPECT_EQ(amounts[static_cast<size_t>(24 - i)], -i);
  EXPECT_GT(amounts.back(), 0);
}

TEST_F(StreamingLedgerTest, AnswersAreForgottenAfterADayAndNotBefore) {
  const StreamerKey streamer = NewStreamer();
  Apply(InsertEnded(streamer, {}));
  ASSERT_TRUE(Spend(streamer, 1, Uuid::V4()).ok());
  Time now = kStart + kAnswerLife - minutes(1);
  EconomyWorker worker(mysql_, metrics_, {.clock = [&now] { return now; }});
  EXPECT_TRUE(worker.Step().status.ok());
  EXPECT_EQ(Number("SELECT COUNT(*) FROM request_answer"), 1);
  now += minutes(2);
  EXPECT_TRUE(worker.Step().status.ok());
  EXPECT_EQ(Number("SELECT COUNT(*) FROM request_answer"), 0);
}

// --- Followers. ----------------------------------------------------------------------------------

class FollowerTipsTest : public EconomyTest {
 protected:
  StreamerKey WithFollowers(uint32_t followers, Time streamed_at) {
    const StreamerKey streamer = NewStreamer();
    Apply(InsertEnded(streamer, {.audience = 0}), streamed_at);
    EXPECT_TRUE(mysql_
                    .Execute("UPDATE streamer SET followers = ? WHERE streamer_id = ?", followers,
                             streamer.id)
                    .ok());
    return streamer;
  }
  // All that is due, by so many at once.
  void PayAll(int instances) {
    std::barrier start(instances);
    std::vector<std::jthread> threads;
    for (int i = 0; i < instances; ++i) {
      threads.emplace_back([&] {
        EconomyWorker worker(mysql_, metrics_, {.clock = [this] { return now_; }});
        start.arrive_and_wait();
        for (int pages = 0; pages < 1000; ++pages) {
          const auto outcome = worker.Step();
          EXPECT_TRUE(outcome.status.ok()) << outcome.status;
          if (outcome.pause == EconomyWorker::kInterval) return;
        }
        ADD_FAILURE() << "it never ends";
      });
    }
  }
  int64_t Given() { return Number("SELECT COUNT(*) FROM tip_entry WHERE kind = 2"); }

  Time now_ = kStart;
};

TEST_F(FollowerTipsTest, GiveOnceAnHourHoweverManyInstancesPay) {
  std::vector<StreamerKey> streamers;
  for (uint32_t i = 0; i < 230; ++i) streamers.push_back(WithFollowers(i, kStart));
  PayAll(1);
  EXPECT_EQ(Given(), 0) << "the hours before the first look are not owed";
  now_ += hours(1);
  PayAll(4);
  EXPECT_EQ(Given(), 230 - 25);
  PayAll(4);
  EXPECT_EQ(Given(), 230 - 25);
  for (uint32_t i = 0; i < 230; ++i) {
    ASSERT_EQ(Balance(streamers[i]).balance(), FollowerTips({}, i)) << i;
  }
  EXPECT_EQ(Sent<v1::CurrencyCreditCommand>().size(), 230u - 25u);
  ExpectBalanced();
}

TEST_F(FollowerTipsTest, MissedHoursAreMadeUpForADay) {
  const StreamerKey streamer = WithFollowers(100, kStart);
  PayAll(1);
  now_ += hours(3);
  PayAll(2);
  EXPECT_EQ(Given(), 3);
  now_ += hours(100);
  PayAll(2);
  EXPECT_EQ(Given(), 3 + kCatchUpHours);
  EXPECT_EQ(Balance(streamer).balance(), 2 * (3 + kCatchUpHours));
}

TEST_F(FollowerTipsTest, HowFarTheyAreBehindIsMeasured) {
  WithFollowers(100, kStart);
  EconomyWorker worker(mysql_, metrics_, {.clock = [this] { return now_; }});
  const auto behind = [&](int hours) {
    return metrics_.Text().find("streaming_tips_behind_seconds " + std::to_string(hours * 3600) +
                                "\n") != std::string::npos;
  };
  EXPECT_TRUE(worker.Step().status.ok());
  now_ += hours(3);
  for (const int left : {2, 1, 0, 0}) {
    EXPECT_TRUE(worker.Step().status.ok());
    EXPECT_TRUE(behind(left)) << left << " " << metrics_.Text();
  }
}

TEST_F(FollowerTipsTest, OnlyThoseWhoStreamedOfLateAreGivenTips) {
  const StreamerKey active = WithFollowers(100, kStart - hours(24) * 13);
  const StreamerKey gone = WithFollowers(100, kStart - hours(24) * 15);
  PayAll(1);
  now_ += hours(1);
  PayAll(1);
  EXPECT_EQ(Balance(active).balance(), 2);
  EXPECT_EQ(Balance(gone).balance(), 0);
}

TEST_F(FollowerTipsTest, AnHourThatWasPaidIsNotPaidAgainByOneWhoHasLostCount) {
  WithFollowers(100, kStart);
  PayAll(1);
  now_ += hours(2);
  PayAll(1);
  ASSERT_TRUE(mysql_.Execute("UPDATE tip_hour SET hour = hour - 2").ok());
  PayAll(1);
  EXPECT_EQ(Given(), 2);
}

}  // namespace
}  // namespace streaming::economy
