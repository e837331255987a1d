// Many who react at once to one session, at two instances: every contribution counts once, and each
// turn of a train is told once.
#include <atomic>
#include <cmath>
#include <mutex>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/game.h"
#include "tests/e2e/hype_ledger.h"
#include "tests/story/wire.h"

namespace story {
namespace {

using common::testing::Eventually;

// What docs/tuning.md says of trains.
constexpr double kStartThreshold = 0.8;
double CostOf(int level) { return std::pow(1.35, level - 1); }

class HypeConcurrency : public testing::Test {
 protected:
  static constexpr int kClients = 8;

  Stream GoLive() {
    game_.Seed(3000);
    // The game's first steps are done, and the next ones come in a quarter of an hour: nothing but
    // what is told moves the train.
    EXPECT_TRUE(Eventually([&] {
      constexpr char kLed[] = "streaming_round_shards_led";
      return one_.Metric(kLed) + other_.Metric(kLed) > 0;
    }));
    return game_.GoLive({.usual_audience = 400});
  }

  static std::vector<std::string> Settings(std::vector<std::string> more = {}) {
    more.insert(more.end(),
                {"AUDIENCE_CHECK_IN_INTERVAL_SECONDS=3600",
                 "HIGH_LOAD_CHECK_IN_INTERVAL_SECONDS=3600", "HYPE_TRAIN_COOLDOWN_SECONDS=0"});
    return more;
  }

  v1::TriggerReactionRequest Wish(float significance) const {
    v1::TriggerReactionRequest request;
    request.set_session_id(stream_.session);
    request.set_event_type(v1::REACTION_EVENT_TYPE_CUSTOM_EVENT);
    request.set_significance(significance);
    request.set_request_id(common::Uuid::V4().ToString());
    return request;
  }
  v1::AudienceReactionResult Tell(int instance, const v1::TriggerReactionRequest& request) const {
    return wires_[instance % 2].Call(request, server_).As<v1::AudienceReactionResult>();
  }

  // What all answers say, of each request once.
  struct Told {
    double contributed = 0;
    int triggered = 0;
  };

  // Each client tells of `each` moments, now of one for the first time and now of one that somebody
  // told of before; some are told to both instances at the same time.
  Told TellAtOnce(int each, float significance) {
    std::mutex mutex;
    Told told;
    std::vector<std::pair<v1::TriggerReactionRequest, std::string>> known;
    const auto repeat = [&](int client, std::mt19937& random) {
      std::unique_lock lock(mutex);
      if (known.empty()) return;
      const auto [request, answer] = known[random() % known.size()];
      lock.unlock();
      EXPECT_EQ(Tell(client, request).SerializeAsString(), answer) << "a replay";
    };
    const auto client = [&](int number) {
      std::mt19937 random(static_cast<uint32_t>(number));
      for (int i = 0; i < each; ++i) {
        const auto request = Wish(significance);
        v1::AudienceReactionResult twin;
        std::jthread second;
        if (random() % 3 == 0) second = std::jthread([&] { twin = Tell(number + 1, request); });
        const bool twice = second.joinable();
        const auto answer = Tell(number, request);
        if (twice) {
          second.join();
          EXPECT_EQ(twin.SerializeAsString(), answer.SerializeAsString());
        }
        {
          const std::lock_guard lock(mutex);
          told.contributed += answer.hype_contribution();
          told.triggered += answer.triggered_hype_train();
          known.emplace_back(request, answer.SerializeAsString());
        }
        if (random() % 2 == 0) repeat(number, random);
      }
    };
    std::vector<std::jthread> clients;
    clients.reserve(kClients);
    for (int number = 0; number < kClients; ++number) clients.emplace_back(client, number);
    clients.clear();
    return told;
  }

  // The record's trains, in the words of the ledger.
  Trains Recorded() const {
    Trains trains;
    for (const auto& row : ValueOf(database_->Query(
             "SELECT t.hype_id, t.kind, t.level, h.peak_level FROM hype_transition t JOIN "
             "hype_train h ON h.id = t.hype_id WHERE h.session_id = ?",
             *common::Uuid::Parse(stream_.session)))) {
      TrainNews& train = trains[row.Get<common::Uuid>(0).ToString()];
      const int kind = row.Get<int>(1);
      if (kind == 1) ++train.triggered;
      if (kind == 2) train.levels.insert(row.Get<int>(2));
      if (kind == 3) train.completed.insert(row.Get<int>(3));
    }
    return trains;
  }

  static void ExpectWellFormed(const TrainNews& train) {
    EXPECT_EQ(train.triggered, 1);
    EXPECT_LE(train.completed.size(), 1u);
    int expected = 2;  // a train is at level 1 when it begins
    for (const int level : train.levels) EXPECT_EQ(level, expected++);
    for (const int peak : train.completed) EXPECT_EQ(peak, expected - 1);
  }

  Daemon one_{"streaming", "STREAMING", Settings()};
  Daemon other_{"streaming", "STREAMING", Settings({"MYSQL_DATABASE=" + one_.database()})};
  const std::array<Wire, 2> wires_{Wire(one_.grpc_address(), one_.grpc_address()),
                                   Wire(other_.grpc_address(), other_.grpc_address())};
  const std::string server_ = "Bearer " + Sign(Claims(common::Uuid::V4(), {"service"}, {}));
  const std::unique_ptr<common::mysql::Connection> database_ = OpenDatabase(one_.database());
  Game game_{one_};
  const Stream stream_ = GoLive();
};

TEST_F(HypeConcurrency, WhatIsAnsweredIsWhatTheTrainHas) {
  HypeLedger ledger(stream_.session);
  const Told told = TellAtOnce(6, 0.25f);
  EXPECT_EQ(told.triggered, 1);
  const auto status = game_.Hype(stream_);
  ASSERT_TRUE(status.is_active()) << told.contributed << " were contributed";
  double sum = kStartThreshold + status.progress() * CostOf(status.current_level());
  for (int level = 1; level < status.current_level(); ++level) sum += CostOf(level);
  EXPECT_NEAR(told.contributed, sum, 1e-4);
  EXPECT_GT(status.current_level(), 1);

  ASSERT_TRUE(Eventually([&] {
    const Trains& trains = ledger.Read();
    return trains.size() == 1 &&
           static_cast<int>(trains.begin()->second.levels.size()) == status.current_level() - 1;
  }));
  const Trains trains = ledger.Read();
  ExpectWellFormed(trains.begin()->second);
  EXPECT_TRUE(trains.begin()->second.completed.empty());
  EXPECT_EQ(Recorded(), trains);
}

TEST_F(HypeConcurrency, EveryTurnOfEveryTrainIsToldOnce) {
  HypeLedger ledger(stream_.session);
  const Told told = TellAtOnce(12, 1);
  const auto summary = game_.End(stream_);  // and with it the last train
  EXPECT_GT(told.triggered, 1);
  EXPECT_EQ(summary.hype_trains_triggered(), told.triggered);
  ASSERT_TRUE(Eventually([&] {
    const Trains& trains = ledger.Read();
    return trains.size() == static_cast<size_t>(told.triggered) &&
           std::ranges::all_of(trains, [](const auto& t) { return !t.second.completed.empty(); });
  }));
  const Trains trains = ledger.Read();
  for (const auto& [id, train] : trains) ExpectWellFormed(train);
  EXPECT_EQ(Recorded(), trains);
}

}  // namespace
}  // namespace story
