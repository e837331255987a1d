// The daemons as processes: what one costs that has nothing to do, and how long one takes to be
// ready, beside a bare gRPC server of the same library. Default settings, real servers.
//
//   bench_process idle [SECONDS]
//   bench_process start [TIMES]
#include <fstream>
#include <functional>
#include <iostream>
#include <map>

#include <absl/strings/str_format.h>

#include "libs/common/testing/eventually.h"
#include "tests/bench/measure.h"
#include "tests/story/processes.h"

namespace bench {
namespace {

using common::testing::SharedMariaDb;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kMegabytesAim = 64;
constexpr double kReadyAim = 1;  // seconds
constexpr double kMegabyte = 1e6;

// A gRPC server that echoes; ready when it greets, as HTTP/2 has it.
class Bare final : public common::testing::Server {
 public:
  Bare() { Start(); }

 private:
  std::vector<std::string> Command() const override {
    return {story::Program("bare_grpc"), std::to_string(port()), "0"};
  }
  std::string_view Question() const override { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; }
  std::string_view Answer() const override { return ""; }
};

// Nothing but what it does not start without.
std::vector<std::string> StreamSettings() {
  std::vector<std::string> settings;
  settings.push_back("HTTP_ADDR=" + story::Local(0));
  settings.push_back("TOKEN_ENCRYPTION_KEY=" +
                     common::crypto::Base64Encode(story::PlatformSide::kEncryptionKey));
  return settings;
}

struct Daemons {
  Daemons()
      : stream("stream", "STREAM", StreamSettings()), streaming("streaming", "STREAMING", {}) {}
  story::Daemon stream;
  story::Daemon streaming;
};

// "name: value kB" lines of a file of /proc, as bytes.
std::map<std::string, double> Sizes(const std::string& path) {
  std::map<std::string, double> sizes;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    sizes[line.substr(0, colon)] = 1024 * std::strtod(line.c_str() + colon + 1, nullptr);
  }
  return sizes;
}

void Idle(int length) {
  const Daemons daemons;
  const Bare bare;
  const std::vector<std::pair<std::string, pid_t>> processes = {
      {"stream", daemons.stream.pid()},
      {"streaming", daemons.streaming.pid()},
      {"bare gRPC", bare.pid()}};
  const auto pass = [](seconds time) {
    const auto end = steady_clock::now() + time;
    common::testing::Eventually([&] { return steady_clock::now() >= end; }, time + seconds(1),
                                std::chrono::milliseconds(100));
  };
  pass(seconds(10));  // what a start leaves to be done later
  std::map<std::string, double> before;
  for (const auto& [name, pid] : processes) before[name] = CpuSeconds(pid);
  pass(seconds(length));
  std::cout << absl::StrFormat("%-10s %8s %8s %8s %8s %10s\n", "", "RSS MB", "PSS MB", "heap MB",
                               "threads", "CPU s/min");
  for (const auto& [name, pid] : processes) {
    const std::string folder = "/proc/" + std::to_string(pid);
    auto rollup = Sizes(folder + "/smaps_rollup");
    std::cout << absl::StrFormat("%-10s %8.1f %8.1f %8.1f %8.0f %10.2f\n", name,
                                 rollup["Rss"] / kMegabyte, rollup["Pss"] / kMegabyte,
                                 rollup["Anonymous"] / kMegabyte,
                                 Sizes(folder + "/status")["Threads"] / 1024,
                                 60 * (CpuSeconds(pid) - before[name]) / length);
  }
  std::cout << absl::StrFormat("aim: a daemon <= %d MB\n", kMegabytesAim);
}

double SecondsToStart(common::testing::Server& server) {
  server.Kill();
  const auto begin = steady_clock::now();
  server.Start();
  return SecondsSince(begin);
}

void Tell(const std::string& what, int times, const std::function<double()>& start) {
  std::vector<double> all;
  all.reserve(times);
  for (int i = 0; i < times; ++i) all.push_back(start());
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  std::cout << absl::StrFormat("%-28s %6.3f s (%.3f to %.3f)\n", what, Median(all), *least, *most);
}

void Start(int times) {
  Daemons daemons;
  for (story::Daemon* daemon : {&daemons.stream, &daemons.streaming}) {
    const std::string name = daemon == &daemons.stream ? "stream" : "streaming";
    Tell(name + ", empty database", times, [&] {
      daemon->Kill();
      SharedMariaDb().Run("DROP DATABASE " + daemon->database());
      SharedMariaDb().Run("CREATE DATABASE " + daemon->database());
      return SecondsToStart(*daemon);
    });
    Tell(name + ", as it was left", times, [&] { return SecondsToStart(*daemon); });
  }
  Bare bare;
  Tell("bare gRPC", times, [&] { return SecondsToStart(bare); });
  std::cout << absl::StrFormat("aim: a daemon <= %.0f s\n", kReadyAim);
}

void Run(const std::string& row, int number) {
  Require(row == "idle" || row == "start", "usage: bench_process idle|start [NUMBER]");
  if (row == "idle") return Idle(number > 0 ? number : 60);
  Start(number > 0 ? number : 9);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::Run(argc > 1 ? argv[1] : "", argc > 2 ? std::stoi(argv[2]) : 0);
} catch (const std::exception& error) {
  std::cerr << "bench_process: " << error.what() << '\n';
  return 1;
}
