// How long a pulse takes from its publication to its effect on a session in Redis, through a
// streaming daemon with real servers; beside it a message that somebody takes from JetStream and
// writes to Redis, which is the least that any such daemon would do.
//
//   bench_pulses [SESSIONS [PULSES_A_SECOND [SECONDS]]]
#include <algorithm>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

#include <absl/strings/str_format.h>

#include "libs/common/nats/consumer.h"
#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "services/streaming/audience/audience_keys.h"
#include "tests/bench/measure.h"
#include "tests/e2e/game.h"
#include "tests/e2e/real_crowd.h"

namespace bench {
namespace {

using common::Uuid;
using common::testing::Eventually;
using common::testing::SharedNats;
using std::chrono::steady_clock;
using story::ValueOf;

constexpr double kAimMs = 50;
constexpr int kEntries = 20;
constexpr int kTracked = 5;  // of the entries
constexpr int kMembers = 20'000;
constexpr int kUsualAudience = 250;
// How exactly a change is seen.
constexpr std::chrono::microseconds kLook{250};

common::redis::Redis MakeRedis() {
  return common::redis::Redis({.port = common::testing::SharedRedis().port()});
}

// Fields of Redis that are to change, and how long each took.
class Stopwatch {
 public:
  Stopwatch()
      : looking_([this](const std::stop_token& end) {
          const auto look = [&] {
            Look();
            return end.stop_requested();
          };
          Eventually(look, std::chrono::hours(1), kLook);
        }) {}

  // What the field holds now; before whatever is to change it.
  std::string Read(const std::string& key, const std::string& field) {
    return std::string(ValueOf(redis_.Command({"HGET", key, field})).text());
  }
  // The field held `before` at `begin`; the milliseconds until it holds something else go to `all`.
  void Await(const std::string& key, const std::string& field, std::string before,
             steady_clock::time_point begin, std::vector<double>& all) {
    const std::lock_guard lock(mutex_);
    waits_.push_back({{"HGET", key, field}, std::move(before), begin, &all});
  }
  bool Idle() const {
    const std::lock_guard lock(mutex_);
    return waits_.empty();
  }
  bool AwaitsNone(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::none_of(waits_, [&](const Wait& wait) { return wait.command[1] == key; });
  }

 private:
  struct Wait {
    std::vector<std::string> command;
    std::string before;
    steady_clock::time_point begin;
    std::vector<double>* all;
  };

  void Look() {
    const std::lock_guard lock(mutex_);
    if (waits_.empty()) return;
    std::vector<std::vector<std::string>> commands;
    for (const Wait& wait : waits_) commands.push_back(wait.command);
    const auto replies = ValueOf(redis_.Pipeline(commands));
    const auto now = steady_clock::now();
    for (size_t i = waits_.size(); i-- > 0;) {
      if (replies[i].text() == waits_[i].before) continue;
      waits_[i].all->push_back(
          std::chrono::duration<double, std::milli>(now - waits_[i].begin).count());
      waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  common::redis::Redis redis_ = MakeRedis();
  mutable std::mutex mutex_;
  std::vector<Wait> waits_;
  std::jthread looking_;
};

// The least: a durable consumer, shared as the daemon's is, and one write a message.
class Bare {
 public:
  Bare() {
    const std::vector<common::nats::StreamSpec> streams = {
        {.name = "BARE",
         .subjects = {kSubject},
         .storage = common::nats::StreamSpec::Storage::kMemory}};
    Require(jetstream_->Declare(streams).ok(), "no stream");
    consumer_ = ValueOf(
        common::nats::PullConsumer::Open(*jetstream_, {.stream = "BARE", .durable = "bench_bare"}));
    taking_ = std::jthread([this](const std::stop_token& end) { Take(end); });
  }

  static constexpr const char* kKey = "bench:bare";
  static constexpr const char* kField = "mood";
  void Send(const std::string& payload) {
    const std::string id = Uuid::V4().ToString();
    ValueOf(jetstream_->Publish(kSubject, payload, {}, id));
  }

 private:
  static constexpr const char* kSubject = "bench.bare";

  void Take(const std::stop_token& end) {
    common::redis::Redis redis = MakeRedis();
    int count = 0;
    while (!end.stop_requested()) {
      auto messages = ValueOf(consumer_->Fetch(64, std::chrono::seconds(1)));
      for (auto& message : messages) {
        ValueOf(redis.Command({"HSET", kKey, kField, std::to_string(++count)}));
        Require(message.Ack().ok(), "no acknowledgement");
      }
    }
  }

  const std::unique_ptr<common::nats::Connection> connection_ =
      ValueOf(common::nats::Connection::Connect({.url = SharedNats().url()}));
  const std::unique_ptr<common::nats::JetStream> jetstream_ =
      ValueOf(common::nats::JetStream::Make(*connection_));
  std::unique_ptr<common::nats::PullConsumer> consumer_;
  std::jthread taking_;
};

struct Fed {
  story::Stream stream;
  std::string channel;
  std::string key;  // of the session in Redis
};

void AwaitTime(steady_clock::time_point due) {
  Eventually([&] { return steady_clock::now() >= due; }, std::chrono::minutes(1),
             std::chrono::microseconds(50));
}

class Bench {
 public:
  explicit Bench(int sessions) {
    game_.Seed(kMembers);
    for (int i = 0; i < sessions; ++i) {
      Fed one{.stream = game_.GoLive({.usual_audience = kUsualAudience}), .channel = {}, .key = {}};
      one.channel = crowd_.GoLive(one.stream.account);
      one.key = streaming::audience::SessionKey({.game_service_id = game_.id()},
                                                *Uuid::Parse(one.stream.session));
      fed_.push_back(std::move(one));
    }
    // Warms up, and waits until every channel is known.
    for (const Fed& one : fed_) crowd_.Send(PulseFor(one));
    AwaitApplied(sessions);
  }

  void Run(int per_second, int seconds) {
    const auto interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second;
    const int pulses = per_second * seconds;
    const double applied = Applied();
    const double cpu = CpuSeconds(side_.daemon.pid());
    auto due = steady_clock::now();
    for (int i = 0; i < pulses; ++i) {
      SendPulse(fed_[static_cast<size_t>(i) % fed_.size()], due += interval / 2);
      SendBare(due += interval / 2);
    }
    Require(Eventually([&] { return watch_.Idle(); }, std::chrono::seconds(60)), "a pulse is lost");
    AwaitApplied(applied + pulses);
    Print(pulses, seconds, CpuSeconds(side_.daemon.pid()) - cpu);
  }

 private:
  // Twenty feelings, some of them of viewers who speak again and again.
  story::RealCrowd::Pulse PulseFor(const Fed& one) {
    auto pulse = story::RealCrowd::PulseOf(one.channel, one.stream.session);
    for (int i = 0; i < kEntries; ++i) {
      story::RealCrowd::Feel(pulse,
                             static_cast<bannou::stream::v1::SentimentCategory>(1 + random_() % 8),
                             static_cast<float>(1 + random_() % 20) / 20);
      if (i >= kTracked) continue;
      auto& entry = *pulse.mutable_sentiments(i);
      entry.set_tracking_id(absl::StrFormat("%s%02d", one.channel.substr(0, 34), i));
      entry.set_viewer_type(bannou::stream::v1::TRACKED_VIEWER_TYPE_SUBSCRIBER);
    }
    return pulse;
  }
  // At `due`, or as soon after it as possible: then it counts from there all the same.
  void SendPulse(const Fed& one, steady_clock::time_point due) {
    Require(Eventually([&] { return watch_.AwaitsNone(one.key); }), "a pulse is lost");
    const auto pulse = PulseFor(one);
    AwaitTime(due);
    watch_.Await(one.key, "mood", watch_.Read(one.key, "mood"), due, blended_);
    crowd_.Send(pulse);
  }
  void SendBare(steady_clock::time_point due) {
    Require(Eventually([&] { return watch_.AwaitsNone(Bare::kKey); }), "a message is lost");
    const std::string payload = PulseFor(fed_[0]).SerializeAsString();
    AwaitTime(due);
    watch_.Await(Bare::kKey, Bare::kField, watch_.Read(Bare::kKey, Bare::kField), due, written_);
    bare_.Send(payload);
  }

  double Applied() const {
    return side_.daemon.Metric("streaming_pulses_total{outcome=\"applied\"}");
  }
  void AwaitApplied(double count) {
    Require(Eventually([&] { return Applied() >= count; }, std::chrono::seconds(60)),
            "not all pulses were applied");
  }

  void Print(int pulses, int seconds, double cpu) {
    const auto at = [](std::vector<double> all, double share) {
      std::sort(all.begin(), all.end());
      return all[static_cast<size_t>(share * static_cast<double>(all.size() - 1))];
    };
    std::cout << absl::StrFormat(
        "%d sessions, %.0f pulses a second of %d feelings, %d s; ms from publication to Redis:\n"
        "  %-18s %8s %8s %8s\n",
        fed_.size(), static_cast<double>(pulses) / seconds, kEntries, seconds, "", "p50", "p99",
        "most");
    for (const auto& [name, all] : {std::pair{"streaming", &blended_}, {"bare", &written_}}) {
      std::cout << absl::StrFormat("  %-18s %8.2f %8.2f %8.2f\n", name, at(*all, 0.5),
                                   at(*all, 0.99), at(*all, 1));
    }
    std::cout << absl::StrFormat("  %-18s %8.2f %8.2f\n", "times bare",
                                 at(blended_, 0.5) / at(written_, 0.5),
                                 at(blended_, 0.99) / at(written_, 0.99));
    std::cout << absl::StrFormat("  aim: p99 <= %.0f ms; %.0f us of CPU a pulse\n", kAimMs,
                                 1e6 * cpu / pulses);
  }

  const story::GameSide side_;
  story::Game game_{side_.daemon};
  story::RealCrowd crowd_{SharedNats().url()};
  std::vector<Fed> fed_;
  std::mt19937_64 random_{50};
  Bare bare_;
  Stopwatch watch_;
  std::vector<double> blended_;
  std::vector<double> written_;
};

int NumberAt(int argc, char** argv, int at, int otherwise) {
  return argc > at ? std::stoi(argv[at]) : otherwise;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::Bench bench(bench::NumberAt(argc, argv, 1, 50));
  bench.Run(bench::NumberAt(argc, argv, 2, 100), bench::NumberAt(argc, argv, 3, 30));
} catch (const std::exception& error) {
  std::cerr << "bench_pulses: " << error.what() << "\n";
  return 1;
}
