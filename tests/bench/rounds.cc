// A streaming daemon with 1 000 live streams and a pool of a million members: the CPU time that a
// minute of rounds costs it and each server it stands on.
//
//   bench_rounds [STREAMS [MEMBERS [MINUTES]]]
#include <iostream>

#include <absl/strings/str_format.h>

#include "libs/common/testing/eventually.h"
#include "tests/bench/measure.h"
#include "tests/e2e/game.h"

namespace bench {
namespace {

constexpr double kCoreAim = 0.02;
constexpr double kNatsAim = 0.01;
constexpr int kSeedMax = 100'000;  // members a call
constexpr int kUsualAudience = 250;

struct Party {
  std::string name;
  pid_t pid;
  double begin = 0;
  double Spent() const { return CpuSeconds(pid) - begin; }
};

double Heads(const story::Daemon& daemon) { return daemon.Metric("streaming_audience_heads"); }

void Run(int streams, int members, int minutes) {
  const story::GameSide side({"POOL_GROWTH_FREE_SHARE=0", "IDLE_SESSION_TIMEOUT_SECONDS=604800"});
  story::Game game(side.daemon);
  for (int seeded = 0; seeded < members; seeded += kSeedMax) {
    game.Seed(std::min(kSeedMax, members - seeded));
  }
  for (int i = 0; i < streams; ++i) {
    game.GoLive({.tags = {static_cast<story::v1::AudienceInterest>(1 + i % 10)},
                 .usual_audience = kUsualAudience});
  }
  const auto rounds = [&] { return side.daemon.Metric("streaming_round_duration_seconds_count"); };
  const auto await = [&](double count) {
    Require(common::testing::Eventually([&] { return rounds() >= count; },
                                        std::chrono::minutes(minutes + 4), std::chrono::seconds(1)),
            "no rounds");
  };
  // The first ones bring the audiences to their size.
  const double first = rounds() + 3;
  await(first);
  std::vector<Party> parties = {{"streaming", side.daemon.pid()},
                                {"redis-server", common::testing::SharedRedis().pid()},
                                {"nats-server", common::testing::SharedNats().pid()},
                                {"mariadbd", common::testing::SharedMariaDb().pid()}};
  for (Party& party : parties) party.begin = CpuSeconds(party.pid);
  const auto begin = std::chrono::steady_clock::now();
  const double steps = side.daemon.Metric("streaming_round_steps_total");
  await(first + minutes);
  const double seconds = SecondsSince(begin);
  std::cout << absl::StrFormat(
      "%d streams, %d members, %.0f heads watch; %.0f steps a minute; share of one core:\n",
      streams, members, Heads(side.daemon),
      (side.daemon.Metric("streaming_round_steps_total") - steps) / seconds * 60);
  for (const Party& party : parties) {
    std::cout << absl::StrFormat("  %-14s %6.2f %%\n", party.name, 100 * party.Spent() / seconds);
  }
  std::cout << absl::StrFormat(
      "  aims: streaming and redis-server <= %.0f %%, nats-server <= %.0f %%\n", 100 * kCoreAim,
      100 * kNatsAim);
}

int NumberAt(int argc, char** argv, int at, int otherwise) {
  return argc > at ? std::stoi(argv[at]) : otherwise;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::Run(bench::NumberAt(argc, argv, 1, 1000), bench::NumberAt(argc, argv, 2, 1'000'000),
             bench::NumberAt(argc, argv, 3, 3));
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
