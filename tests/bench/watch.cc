// What watchers cost a streaming daemon: the CPU time of events on their way to two thousand of
// them, beside that of the same reports with nobody watching, and the memory of a watch.
//
//   bench_watch [WATCHERS [REPORTS]]
#include <fstream>
#include <iostream>
#include <memory>

#include <absl/strings/str_format.h>

#include "libs/common/testing/eventually.h"
#include "tests/bench/measure.h"
#include "tests/e2e/game.h"
#include "tests/story/watching.h"

namespace bench {
namespace {

using common::testing::Eventually;
using story::Watching;

constexpr int kChannels = 4;
constexpr int kBurst = 10;  // reports at once

double ResidentBytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class Bench {
 public:
  Bench() {
    Report(20);  // warms up
  }

  // CPU seconds of the daemon for so many reports, until everybody has seen them.
  double Report(int reports) {
    const double begin = CpuSeconds(side_.daemon.pid());
    // Who is too slow for a burst loses reactions, and none shall be lost here.
    for (int told = 0; told < reports; told += kBurst) {
      const size_t all = Reactions() + kBurst * watching_.size();
      for (int i = 0; i < kBurst; ++i) {
        game_.ServerTells(stream_, story::v1::REACTION_EVENT_TYPE_DISCOVERY, 0.9f);
      }
      Require(Eventually([&] { return Reactions() >= all; }, std::chrono::seconds(60)),
              "somebody missed a reaction");
    }
    return CpuSeconds(side_.daemon.pid()) - begin;
  }

  void Watch(int watchers) {
    const std::string token =
        "Bearer " + story::Sign(story::Claims(common::Uuid::V4(), {"service"}, {}));
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    for (int i = 0; i < kChannels; ++i) {
      channels.push_back(story::OwnChannel(side_.daemon.grpc_address()));
    }
    for (int i = 0; i < watchers; ++i) {
      watching_.push_back(
          std::make_unique<Watching>(channels[i % kChannels], token, stream_.session));
      // No more at once than may wait for a thread.
      if (i % 100 == 99) Require(watching_.back()->Has(Watching::Event::kAudienceUpdate), "slow");
    }
    Require(Eventually([&] { return Open() == watchers; }), "not all watch");
  }

  size_t Seen() const {
    size_t seen = 0;
    for (const auto& one : watching_) seen += one->Count();
    return seen;
  }
  double Memory() const { return ResidentBytes(side_.daemon.pid()); }

 private:
  double Open() const { return side_.daemon.Metric("streaming_watchers"); }
  size_t Reactions() const {
    size_t seen = 0;
    for (const auto& one : watching_) seen += one->Count(Watching::Event::kAudienceReaction);
    return seen;
  }

  const story::GameSide side_{{"MAX_WATCHERS=20000"}};
  story::Game game_{side_.daemon};
  const int members_ = game_.Seed(2000);
  const story::Stream stream_ = game_.GoLive({.usual_audience = 60});
  std::vector<std::unique_ptr<Watching>> watching_;
};

void Run(int watchers, int reports) {
  Bench bench;
  const double alone = bench.Report(reports);
  const double memory = bench.Memory();
  bench.Watch(watchers);
  const double each = (bench.Memory() - memory) / watchers;
  const size_t before = bench.Seen();
  const double watched = bench.Report(reports);
  const double sent = static_cast<double>(bench.Seen() - before);
  std::cout << absl::StrFormat(
      "%d watchers, %d reports: %.0f events sent, %.0f a CPU second of the daemon beyond the "
      "%.2f ms that a report costs alone; %.1f KiB of memory a watch\n",
      watchers, reports, sent, sent / (watched - alone), 1e3 * alone / reports, each / 1024);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::Run(argc > 1 ? std::stoi(argv[1]) : 2000, argc > 2 ? std::stoi(argv[2]) : 200);
} catch (const std::exception& error) {
  std::cerr << "bench_watch: " << error.what() << "\n";
  return 1;
}
