// Commands to neighbours over real NATS, MariaDB and HTTP: how a platform gets them, and what its
// answers do.
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/economy.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "embedded/streaming/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/nats/contract.h"
#include "libs/common/runtime/servers.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/http_recorder.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/economy/earnings_store.h"
#include "services/streaming/events/career_news.h"
#include "services/streaming/events/command.h"
#include "services/streaming/neighbours/dispatch_worker.h"
#include "services/streaming/neighbours/neighbour_store.h"

namespace streaming::neighbours {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::http::Response;
using common::testing::Eventually;
using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kCharacter = v1::STREAMER_ENTITY_TYPE_CHARACTER;

constexpr char kSeed[] = "0b5f1d2c-7a34-5c1e-8f60-9d2e4a7b1c03";
constexpr char kOwner[] = "4c9a2f6e-1b7d-4e83-a5c0-3f8d6b2e9a14";
constexpr char kGame[] = "d2f7c8a1-6e4b-4f95-b3a0-8c1d5e7f2a69";
constexpr char kSession[] = "7e3b9d41-2c6f-4a80-9b15-e4d8f0a3c726";
constexpr char kWallet[] = "91d6e0b3-4f28-5a7c-b1e9-6c0f3d8a2b57";
constexpr char kCurrency[] = "2a8c5f90-d3e1-5b46-8e7a-f1c9b0d4e352";

const std::vector<std::string> kRoutes = {"/seed/create",
                                          "/seed/growth/record",
                                          "/collection/entry/grant",
                                          "/currency/credit",
                                          "/currency/debit",
                                          "/currency/wallet/get-or-create",
                                          "/contract/milestone/complete",
                                          "/leaderboard/score/submit",
                                          "/analytics/event/ingest"};

using Platform = common::testing::HttpRecorder;
using Received = Platform::Received;

json BodyOf(const Received& received) { return json::parse(received.body); }
std::string KeyOf(const Received& received) { return received.headers.at("idempotency-key"); }

class Dispatch : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(common::mysql::Migrate(mysql_.options(), migrations::Files()).ok());
    auto streams = common::nats::StreamsOf(*v1::SeedCreateCommand::descriptor()->file());
    for (auto& spec : common::runtime::InboundStreams("INBOUND")) streams.push_back(spec);
    ASSERT_TRUE(jetstream_->Declare(streams).ok());
  }

  void Begin() {
    DispatchWorker::Options options;
    options.client = {.base_url = platform_.url(),
                      .token = common::config::Secret("a-token"),
                      .timeout = milliseconds(1000)};
    options.pause = [this](uint64_t tries, std::optional<std::chrono::seconds> asked) {
      const std::lock_guard lock(mutex_);
      pauses_.push_back(PauseAfter(tries, asked));
      return milliseconds(20);
    };
    worker_ = std::make_unique<DispatchWorker>(mysql_, metrics_, options);
    ASSERT_TRUE(worker_->Start(*jetstream_).ok());
  }
  void End() {
    worker_->Stop();
    worker_ = nullptr;
  }
  void TearDown() override {
    if (worker_) End();
  }

  template <class Message>
  Uuid Tell(Message message, const Uuid& key = Uuid::V4()) {
    Publish(events::MakeCommand(std::move(message), key));
    return key;
  }
  void Publish(const common::outbox::Event& event) {
    auto headers = common::outbox::HeadersOf(event);
    headers.back().second = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    EXPECT_TRUE(
        jetstream_->Publish(event.subject, event.payload, headers, event.event_id.ToString()).ok());
  }
  // What is told of a streamer's first session, which brings a deal to its end, and of an item that
  // is bought then.
  economy::News FirstSession() {
    const careers::StreamerKey key{
        .type = kCharacter, .id = *Uuid::Parse(kOwner), .game_service_id = *Uuid::Parse(kGame)};
    const economy::Sponsorship deal{
        .id = *Uuid::Parse("3d7a1f58-c6b2-4e09-8d14-a95e2b7f0c61"),
        .streamer = key,
        .sponsor = *Uuid::Parse("b84e6c02-5f9d-4a71-90e3-6d1c8f2a7b35"),
        .payment = 500,
        .sponsor_reputation = 2.5,
        .deal = {.status = economy::DealStatus::kActive,
                 .targets = {{.metric = economy::DealMetric::kStreamHours, .target = 10}}}};
    careers::AppliedSession session{.id = *Uuid::Parse(kSession),
                                    .before = {.key = key},
                                    .after = {.key = key},
                                    .result = {.new_followers = 12,
                                               .live_seconds = 45'000,
                                               .peak_audience = 40,
                                               .mean_engagement = 0.6,
                                               .gathering = {.heads = 55}},
                                    .viewer_seconds = 30 * 45'000,
                                    .sponsorship = deal.id,
                                    .ended_at = *common::ParseTime("2026-01-02T03:04:05.678901Z"),
                                    .applied_at = *common::ParseTime("2026-01-02T03:04:06.5Z")};
    session.after.stats = careers::Advance({}, session.result);
    session.after.watch_seconds = 30 * 45'000;
    const careers::Milestone milestones[] = {{careers::MilestoneType::kFollowerCount, 10}};
    const careers::Unlock unlocks[] = {
        {careers::UnlockCategory::kStreamingMilestones, "first_stream"}};
    economy::News news = events::CareerNews(session, milestones, unlocks);
    const economy::Earnings earnings({}, metrics_);
    EXPECT_TRUE(common::mysql::RunTransaction(mysql_, [&](auto& transaction) -> absl::Status {
                  RETURN_IF_ERROR(economy::InsertSponsorship(transaction, deal));
                  ASSIGN_OR_RETURN(const economy::News more, earnings.Add(transaction, session));
                  news.insert(news.end(), more.begin(), more.end());
                  return absl::OkStatus();
                }).ok());
    news.push_back(economy::CommandOf(
        key,
        {.id = Uuid::V5(deal.id, "an item"), .kind = economy::TipKind::kSpend, .amount = -100}));
    return news;
  }
  Uuid TellGrowth(const Uuid& seed, double amount) {
    v1::SeedGrowthRecordCommand growth;
    growth.set_seed_id(seed.ToString());
    growth.set_amount(amount);
    return Tell(growth);
  }
  bool Metric(const std::string& command, const std::string& result, int count) {
    return Eventually([&] {
      return metrics_.Text().find("streaming_neighbour_commands_total{command=\"" + command +
                                  "\",result=\"" + result + "\"} " + std::to_string(count) +
                                  "\n") != std::string::npos;
    });
  }
  uint64_t Buried() { return *jetstream_->LastSequence("DEAD"); }
  Uuid TheirIdOf(const Uuid& ours) { return *FindTheirId(mysql_, ours); }

  common::testing::NatsServer nats_;
  common::metrics::Registry metrics_;
  common::mysql::Pool mysql_{
      {.port = common::testing::SharedMariaDb().port(),
       .user = common::testing::SharedMariaDb().user(),
       .password = common::config::Secret(common::testing::SharedMariaDb().password()),
       .database = common::testing::SharedMariaDb().CreateDatabase()}};
  std::unique_ptr<common::nats::Connection> connection_ =
      *common::nats::Connection::Connect({.url = nats_.url()});
  std::unique_ptr<common::nats::JetStream> jetstream_ =
      *common::nats::JetStream::Make(*connection_);
  Platform platform_{kRoutes};
  std::mutex mutex_;
  std::vector<milliseconds> pauses_;
  std::unique_ptr<DispatchWorker> worker_;
};

// The examples of docs/neighbours.md, by subject.
std::map<std::string, json> Examples() {
  std::ifstream page("docs/neighbours.md");
  std::map<std::string, json> examples;
  std::string subject;
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("### `")) subject = line.substr(5, line.size() - 6);
    if (line == "```" && inside) {
      examples[subject] = json::parse(text);
      inside = false;
    }
    if (inside) text += line;
    if (line == "```json") {
      inside = true;
      text.clear();
    }
  }
  return examples;
}

template <class Message>
void SetOwner(Message& message) {
  message.set_owner_id(kOwner);
  message.set_owner_type(kCharacter);
  message.set_game_service_id(kGame);
}

v1::CurrencyCreditCommand Credit(int64_t amount) {
  v1::CurrencyCreditCommand credit;
  credit.set_wallet_id(kWallet);
  credit.set_currency_definition_id(kCurrency);
  credit.set_amount(amount);
  credit.set_transaction_type("Engagement");
  return credit;
}

TEST_F(Dispatch, APlatformGetsEveryCommandAsThePageShowsIt) {
  std::map<std::string, int> told;
  for (const common::outbox::Event& event : FirstSession()) {
    if (ReadCommand(event.subject, event.payload).message == nullptr) continue;
    Publish(event);
    ++told[event.subject];
  }
  Begin();
  const auto examples = Examples();
  EXPECT_EQ(examples.size(), kRoutes.size());
  for (const auto& [subject, example] : examples) {
    ASSERT_TRUE(Metric(subject, "delivered", told[subject])) << subject;
    std::vector<std::string> bodies;
    for (const Received& received : platform_.On(RouteOf(subject))) {
      bodies.push_back(BodyOf(received).dump());
      EXPECT_EQ(received.headers.at("authorization"), "Bearer a-token");
      EXPECT_THAT(received.headers.at("traceparent"),
                  HasSubstr("0123456789abcdef0123456789abcdef"));
    }
    EXPECT_THAT(bodies, Contains(example.dump())) << subject;
  }
  for (const Received& received : platform_.On("/currency/credit")) {
    EXPECT_EQ(KeyOf(received), BodyOf(received)["idempotencyKey"]);
  }
}

TEST_F(Dispatch, AmountsAreNumbersHoweverLarge) {
  Tell(Credit(9'007'199'254'740'993));
  Begin();
  ASSERT_TRUE(Eventually([&] { return platform_.On("/currency").size() == 1; }));
  const json amount = BodyOf(platform_.On("/currency")[0])["amount"];
  EXPECT_TRUE(amount.is_number_integer());
  EXPECT_EQ(amount.get<int64_t>(), 9'007'199'254'740'993);
}

TEST_F(Dispatch, ACommandThatFailsComesAgainWithTheSameKeyAndKeepsItsPlace) {
  std::atomic<int> tries = 0;
  platform_.Let("/seed", [&](const Received&) {
    static constexpr int kAnswers[] = {503, 429, 500, 408, 401, 502};
    const int n = tries++;
    if (n >= static_cast<int>(std::size(kAnswers))) return common::http::JsonResponse(200, "{}");
    Response response = common::http::JsonResponse(kAnswers[n], "{}");
    if (kAnswers[n] == 429) response.headers.emplace_back("Retry-After", "90");
    return response;
  });
  const Uuid seed = Uuid::V4();
  const Uuid first = TellGrowth(seed, 1);
  const Uuid second = TellGrowth(seed, 2);
  const Uuid third = TellGrowth(seed, 3);
  Begin();
  ASSERT_TRUE(Metric("seed.growth.record", "delivered", 3));
  std::vector<std::string> keys;
  for (const Received& one : platform_.On("/seed")) keys.push_back(KeyOf(one));
  const std::string again = first.ToString();
  EXPECT_THAT(keys, ElementsAre(again, again, again, again, again, again, again, second.ToString(),
                                third.ToString()));
  EXPECT_THAT(pauses_, ElementsAre(milliseconds(1000), milliseconds(90'000), milliseconds(4000),
                                   milliseconds(8000), milliseconds(16'000), milliseconds(32'000)));
  EXPECT_TRUE(Metric("seed.growth.record", "unavailable", 5));
  EXPECT_TRUE(Metric("seed.growth.record", "failed", 1));
  EXPECT_EQ(Buried(), 0);
}

TEST_F(Dispatch, WhatIsRefusedIsBuriedAndOthersGoOn) {
  platform_.Let("/seed", [](const Received& one) {
    return common::http::JsonResponse(BodyOf(one)["amount"] == 1.0 ? 422 : 200, "{}");
  });
  TellGrowth(Uuid::V4(), 1);
  TellGrowth(Uuid::V4(), 2);
  Begin();
  EXPECT_TRUE(Metric("seed.growth.record", "refused", 1));
  EXPECT_TRUE(Metric("seed.growth.record", "delivered", 1));
  EXPECT_EQ(platform_.On("/seed").size(), 2);
  EXPECT_EQ(Buried(), 1);
}

TEST_F(Dispatch, WhatAlwaysFailsIsBuriedInTheEnd) {
  platform_.Let("/seed", [](const Received& one) {
    return common::http::JsonResponse(BodyOf(one)["amount"] == 1.0 ? 500 : 200, "{}");
  });
  TellGrowth(Uuid::V4(), 1);
  TellGrowth(Uuid::V4(), 2);
  Begin();
  EXPECT_TRUE(Metric("seed.growth.record", "delivered", 1));
  EXPECT_TRUE(Metric("seed.growth.record", "refused", 1));
  EXPECT_EQ(platform_.On("/seed").size(), kFailuresMax + 1);
  EXPECT_EQ(Buried(), 1);
}

TEST_F(Dispatch, WhatCannotBeReadIsBuriedUnsent) {
  ASSERT_TRUE(jetstream_->Publish("seed.create", "no message", {}, "").ok());
  ASSERT_TRUE(jetstream_->Publish("seed.create", "", {}, "").ok());  // has no key
  Begin();
  EXPECT_TRUE(Metric("seed.create", "refused", 2));
  EXPECT_EQ(Buried(), 2);
  EXPECT_TRUE(platform_.On("/").empty());
}

TEST_F(Dispatch, OneThatIsSlowOrSilentHoldsUpNoOther) {
  std::atomic<bool> silent = true;
  platform_.Let("/analytics", [&](const Received&) {
    // Longer than the daemon waits.
    Eventually([&] { return !silent; });
    return common::http::JsonResponse(200, "{}");
  });
  Tell(v1::AnalyticsEventIngestCommand());
  for (int i = 0; i < 20; ++i) TellGrowth(Uuid::V4(), i);
  Begin();
  EXPECT_TRUE(Metric("seed.growth.record", "delivered", 20));
  EXPECT_TRUE(Metric("analytics.event.ingest", "unavailable", 1));
  EXPECT_TRUE(Metric("analytics.event.ingest", "delivered", 0));
  silent = false;
  EXPECT_TRUE(Metric("analytics.event.ingest", "delivered", 1));
}

TEST_F(Dispatch, APlatformThatIsAwayGetsAllOfItWhenItIsBack) {
  platform_.Stop();
  std::vector<std::string> keys;
  for (int i = 0; i < 10; ++i) keys.push_back(TellGrowth(Uuid::V4(), i).ToString());
  Begin();
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex_);
    return pauses_.size() >= 15;  // more than the failures that a command may have
  }));
  platform_.Start();
  EXPECT_TRUE(Metric("seed.growth.record", "delivered", 10));
  std::vector<std::string> received;
  for (const Received& one : platform_.On("/seed")) received.push_back(KeyOf(one));
  EXPECT_EQ(received, keys);
  EXPECT_EQ(Buried(), 0);
}

TEST_F(Dispatch, TheirIdsAreLearnedFromAnswersAndUsed) {
  const Uuid theirs = Uuid::V4();
  platform_.Let("/seed/create", [&](const Received&) {
    return common::http::JsonResponse(201, json{{"seedId", theirs.ToString()}}.dump());
  });
  const Uuid wallet_of_theirs = Uuid::V4();
  platform_.Let("/currency/wallet", [&](const Received&) {
    return common::http::JsonResponse(
        200, json{{"wallet", {{"walletId", wallet_of_theirs.ToString()}}}}.dump());
  });
  v1::SeedCreateCommand create;
  create.set_seed_id(kSeed);
  SetOwner(create);
  Tell(create);
  TellGrowth(*Uuid::Parse(kSeed), 1);
  const Uuid unknown = Uuid::V4();
  TellGrowth(unknown, 2);
  v1::CurrencyWalletGetOrCreateCommand wallet;
  wallet.set_wallet_id(kWallet);
  SetOwner(wallet);
  Tell(wallet);
  Tell(Credit(5));
  Begin();
  ASSERT_TRUE(Metric("seed.growth.record", "delivered", 2));
  ASSERT_TRUE(Metric("currency.credit", "delivered", 1));
  const auto growth = platform_.On("/seed/growth");
  EXPECT_EQ(BodyOf(growth[0])["seedId"], theirs.ToString());
  EXPECT_EQ(BodyOf(growth[1])["seedId"], unknown.ToString());
  EXPECT_EQ(BodyOf(platform_.On("/currency/credit")[0])["walletId"], wallet_of_theirs.ToString());
  EXPECT_EQ(TheirIdOf(*Uuid::Parse(kSeed)), theirs);
  EXPECT_EQ(TheirIdOf(unknown), unknown);
  const Uuid ours[] = {unknown, *Uuid::Parse(kWallet), *Uuid::Parse(kSeed)};
  EXPECT_THAT(*FindTheirIds(mysql_, ours), ElementsAre(unknown, wallet_of_theirs, theirs));
  EXPECT_TRUE(FindTheirIds(mysql_, {})->empty());
  const std::vector<Uuid> many(kTheirIdsMax + 1);
  EXPECT_TRUE(absl::IsInvalidArgument(FindTheirIds(mysql_, many).status()));
}

// A crash after the answer was stored and before the command was acknowledged.
TEST_F(Dispatch, WhatMakesASeedOrAWalletComesAgainAsItWas) {
  for (const char* route : {"/seed/create", "/currency/wallet"}) {
    platform_.Let(route, [](const Received&) {
      const std::string theirs = Uuid::V5(Uuid(), "theirs").ToString();
      return common::http::JsonResponse(200, json{{"seedId", theirs}, {"walletId", theirs}}.dump());
    });
  }
  v1::SeedCreateCommand create;
  create.set_seed_id(kSeed);
  SetOwner(create);
  v1::CurrencyWalletGetOrCreateCommand wallet;
  wallet.set_wallet_id(kWallet);
  SetOwner(wallet);
  for (int i = 0; i < 2; ++i) {
    Tell(create);
    Tell(wallet);
  }
  Begin();
  ASSERT_TRUE(Metric("seed.create", "delivered", 2));
  ASSERT_TRUE(Metric("currency.wallet.get-or-create", "delivered", 2));
  EXPECT_NE(TheirIdOf(*Uuid::Parse(kSeed)), *Uuid::Parse(kSeed));
  EXPECT_NE(TheirIdOf(*Uuid::Parse(kWallet)), *Uuid::Parse(kWallet));
  for (const Received& one : platform_.On("/seed")) EXPECT_EQ(BodyOf(one)["seedId"], kSeed);
  for (const Received& one : platform_.On("/currency")) EXPECT_EQ(BodyOf(one)["walletId"], kWallet);
}

// Nobody's deletion would find it.
TEST_F(Dispatch, AnIdIsKeptOnlyWithWhoseItIs) {
  const Uuid theirs = Uuid::V4();
  platform_.Let("/", [&](const Received&) {
    return common::http::JsonResponse(200, json{{"seedId", theirs.ToString()},
                                                {"walletId", theirs.ToString()},
                                                {"contractId", theirs.ToString()}}
                                               .dump());
  });
  const economy::Sponsorship deal{
      .id = Uuid::V4(),
      .streamer = {.type = kCharacter, .id = *Uuid::Parse(kOwner), .game_service_id = Uuid::V4()},
      .sponsor = Uuid::V4()};
  ASSERT_TRUE(common::mysql::RunTransaction(mysql_, [&](auto& transaction) {
                return economy::InsertSponsorship(transaction, deal);
              }).ok());
  TellGrowth(*Uuid::Parse(kSeed), 1);
  Tell(Credit(5));
  const auto tell_contract = [&](const Uuid& contract, const Uuid& sponsorship) {
    v1::ContractMilestoneCompleteCommand command;
    command.set_contract_id(contract.ToString());
    (*command.mutable_evidence())["sponsorship_id"] = sponsorship.ToString();
    Tell(command);
  };
  const Uuid contract = economy::ContractId(deal.id);
  const Uuid erased = Uuid::V4();
  tell_contract(economy::ContractId(erased), erased);
  tell_contract(Uuid::V4(), deal.id);  // another one's
  tell_contract(contract, deal.id);
  Begin();
  ASSERT_TRUE(Metric("seed.growth.record", "delivered", 1));
  ASSERT_TRUE(Metric("currency.credit", "delivered", 1));
  ASSERT_TRUE(Metric("contract.milestone.complete", "delivered", 3));
  const auto rows = mysql_.Query("SELECT ours, owner_id, game_service_id FROM neighbour_id");
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 1);
  EXPECT_EQ(rows->at(0).Get<Uuid>(0), contract);
  EXPECT_EQ(rows->at(0).Get<Uuid>(1), deal.streamer.id);
  EXPECT_EQ(rows->at(0).Get<Uuid>(2), deal.streamer.game_service_id);
  EXPECT_EQ(TheirIdOf(contract), theirs);
}

TEST_F(Dispatch, AnIdThatIsKnownMayChangeByAnyAnswer) {
  ASSERT_TRUE(
      Learn(mysql_,
            {.ours = *Uuid::Parse(kSeed), .theirs = Uuid::V4(), .owner = *Uuid::Parse(kOwner)})
          .ok());
  const Uuid theirs = Uuid::V4();
  platform_.Let("/seed", [&](const Received&) {
    return common::http::JsonResponse(200, json{{"seedId", theirs.ToString()}}.dump());
  });
  TellGrowth(*Uuid::Parse(kSeed), 1);
  Begin();
  ASSERT_TRUE(Metric("seed.growth.record", "delivered", 1));
  EXPECT_EQ(TheirIdOf(*Uuid::Parse(kSeed)), theirs);
}

TEST_F(Dispatch, AnswersThatSayNothingTeachNothing) {
  static const std::string kBodies[] = {"",
                                        "garbage",
                                        "[]",
                                        "{\"seedId\":7}",
                                        "{\"seedId\":\"me\"}",
                                        "{\"seedId\":null}",
                                        "{\"walletId\":\"91d6e0b3-4f28-5a7c-b1e9-6c0f3d8a2b57\"}",
                                        "{\"a\":[{\"seedId\":1}]}",
                                        std::string(30'000, '['),
                                        std::string("{\"seedId\":\"\xff\xfe\"}")};
  std::atomic<size_t> next = 0;
  platform_.Let("/seed", [&](const Received&) {
    return common::http::JsonResponse(200, kBodies[next++ % std::size(kBodies)]);
  });
  for (size_t i = 0; i < std::size(kBodies); ++i) {
    v1::SeedCreateCommand create;
    create.set_seed_id(Uuid::V4().ToString());
    Tell(create);
  }
  Begin();
  EXPECT_TRUE(Metric("seed.create", "delivered", std::size(kBodies)));
  EXPECT_EQ(mysql_.Query("SELECT COUNT(*) FROM neighbour_id")->at(0).Get<int>(0), 0);
}

TEST_F(Dispatch, AHugeAnswerIsAFailure) {
  platform_.Let("/seed", [](const Received& one) {
    const std::string body(BodyOf(one)["amount"] == 1.0 ? 1 << 20 : 2, ' ');
    return common::http::JsonResponse(200, body);
  });
  TellGrowth(Uuid::V4(), 1);
  TellGrowth(Uuid::V4(), 2);
  Begin();
  EXPECT_TRUE(Metric("seed.growth.record", "delivered", 1));
  EXPECT_EQ(Buried(), 1);
}

TEST_F(Dispatch, ASecondInstanceSharesTheWorkAndNothingIsOutOfOrder) {
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) keys.push_back(TellGrowth(Uuid::V4(), i).ToString());
  common::metrics::Registry metrics;
  DispatchWorker::Options options;
  options.client = {.base_url = platform_.url(), .timeout = milliseconds(1000)};
  DispatchWorker other(mysql_, metrics, options);
  ASSERT_TRUE(other.Start(*jetstream_).ok());
  Begin();
  EXPECT_TRUE(Eventually([&] { return platform_.On("/seed").size() >= 200; }));
  std::vector<std::string> received;
  for (const Received& one : platform_.On("/seed")) received.push_back(KeyOf(one));
  EXPECT_EQ(received, keys);
  other.Stop();
}

}  // namespace
}  // namespace streaming::neighbours
