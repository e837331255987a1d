// Signed chat webhooks a second of CPU time of the server that takes them: the stream daemon, with
// all that it does until a line is in the session's buffer in Redis, beside Twurple's listener and
// a Beast server that only answers. All three get the same kind of load in turn.
//
//   bench_webhooks FOLDER [MESSAGES [CONNECTIONS]]
//
// FOLDER is where npm installed @twurple/eventsub-http; the numbers are those of a round.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <sstream>

#include <absl/strings/str_format.h>

#include "tests/bench/generator.h"
#include "tests/bench/measure.h"
#include "tests/e2e/channel.h"
#include "tests/story/processes.h"

namespace bench {
namespace {

using story::Channel;
using story::PlatformSide;

constexpr size_t kRounds = 5;
constexpr double kTwurpleAim = 3;
constexpr double kBareAim = 0.5;

class BareHttp final : public common::testing::Server {
 public:
  BareHttp() { Start(); }

 private:
  std::vector<std::string> Command() const override {
    return {story::Program("bare_http"), std::to_string(port())};
  }
  std::string_view Question() const override { return "GET / HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "204 No Content"; }
};

class Twurple final : public common::testing::Server {
 public:
  Twurple(std::string folder, std::string broadcaster)
      : folder_(std::move(folder)), broadcaster_(std::move(broadcaster)) {
    Start();
  }
  // Ends it; how many lines its handler got.
  size_t Handled() {
    Stop();
    std::ifstream in(directory() / "log");
    std::string word;
    size_t lines = 0;
    while (in >> word) {
      if (word == "handled") in >> lines;
    }
    return lines;
  }

 private:
  std::vector<std::string> Command() const override {
    return {"node",
            "tests/bench/twurple.mjs",
            folder_,
            std::to_string(port()),
            PlatformSide::kWebhookSecret,
            broadcaster_};
  }
  std::string_view Question() const override { return "GET / HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "200 OK"; }

  const std::string folder_;
  const std::string broadcaster_;
};

// One of those that are compared.
struct Contestant {
  std::string name;
  Listener listener;
  pid_t pid = -1;
  int status = 0;                       // of every answer
  std::function<void()> done = {};      // returns when all is done that was answered
  std::vector<double> rates = {};       // messages a CPU second, by round
  std::vector<double> wall_rates = {};  // messages a second
};

void Load(Contestant& contestant, size_t messages, size_t connections) {
  const auto requests = ChatRequests(contestant.listener, messages);
  const double cpu = CpuSeconds(contestant.pid);
  const auto begin = std::chrono::steady_clock::now();
  const auto statuses = SendAll(contestant.listener.port, requests, connections);
  if (contestant.done) contestant.done();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  contestant.rates.push_back(static_cast<double>(messages) / (CpuSeconds(contestant.pid) - cpu));
  contestant.wall_rates.push_back(static_cast<double>(messages) / wall.count());
  Require(statuses.size() == 1 && statuses.begin()->first == contestant.status,
          contestant.name + " did not take every message");
}

// The stream daemon with a channel that is linked and live.
class StreamSide {
 public:
  // The queue holds a whole round, so that nothing is shed: generator and daemon share the machine,
  // and what is shed costs less. Otherwise the defaults.
  StreamSide() : side_({"CHAT_QUEUE_MAX=1000000", "SENTIMENT_PULSE_INTERVAL_SECONDS=15"}) {
    channel_.Link();
    channel_.GoLive();
    channel_.AwaitQuiet();
  }

  const std::string& broadcaster() const { return channel_.user_id(); }
  Contestant MakeContestant() {
    const std::string link = channel_.Links().value().platforms(0).link_id();
    const int port = std::stoi(side_.http_address.substr(side_.http_address.find(':') + 1));
    return {.name = "stream",
            .listener = {.port = port, .path = "/stream/webhook/twitch/" + link},
            .pid = side_.daemon.pid(),
            .status = 204,
            .done = [this] { AwaitEmptyQueue(); }};
  }
  // That so many lines have reached the buffer, all that came.
  void RequireBuffered(size_t lines) const {
    Require(Metric("stream_webhooks_total{outcome=\"accepted\",platform=\"twitch\"}") >=
                static_cast<double>(lines),
            "stream did not accept every line");
    for (const char* reason : {"buffer_failed", "no_session", "shed"}) {
      Require(Metric(absl::StrFormat("stream_chat_dropped_total{reason=\"%s\"}", reason)) == 0,
              absl::StrFormat("stream dropped chat: %s", reason));
    }
  }

 private:
  double Metric(const std::string& sample) const { return side_.daemon.Metric(sample); }
  void AwaitEmptyQueue() const {
    Require(common::testing::Eventually([&] { return Metric("stream_chat_queue_depth") == 0; }),
            "stream's queue of chat does not empty");
  }

  PlatformSide side_;
  Channel channel_{side_};
};

void PrintRow(const Contestant& contestant, const std::string& comparison) {
  const auto [low, high] = std::minmax_element(contestant.rates.begin(), contestant.rates.end());
  std::cout << absl::StrFormat("%-24s %9.0f  %7.0f–%-7.0f %9.0f  %s\n", contestant.name,
                               Median(contestant.rates), *low, *high, Median(contestant.wall_rates),
                               comparison);
}

std::string Against(const Contestant& ours, const Contestant& theirs, double aim) {
  const double ratio = Median(ours.rates) / Median(theirs.rates);
  return absl::StrFormat("stream is %.2f times that, aim %.1f: %s", ratio, aim,
                         ratio >= aim ? "met" : "MISSED");
}

void Run(const std::string& folder, size_t messages, size_t connections) {
  StreamSide stream_side;
  Twurple twurple_side(folder, stream_side.broadcaster());
  BareHttp bare_side;
  const std::string& channel = stream_side.broadcaster();
  Contestant stream = stream_side.MakeContestant();
  Contestant twurple{.name = "Twurple",
                     .listener = {.port = twurple_side.port(),
                                  .path = "/event/channel.chat.message." + channel + "." + channel},
                     .pid = twurple_side.pid(),
                     .status = 202};
  Contestant bare{.name = "bare Beast, 204",
                  .listener = {.port = bare_side.port(), .path = "/"},
                  .pid = bare_side.pid(),
                  .status = 204};
  std::vector<double> redis;
  for (size_t round = 0; round <= kRounds; ++round) {
    for (Contestant* contestant : {&stream, &twurple, &bare}) {
      contestant->listener.secret = common::config::Secret(PlatformSide::kWebhookSecret);
      contestant->listener.broadcaster = {.id = channel, .login = "bench", .display_name = "Bench"};
      const pid_t redis_pid = common::testing::SharedRedis().pid();
      const double before = CpuSeconds(redis_pid);
      Load(*contestant, messages, connections);
      if (contestant == &stream) {
        redis.push_back(1e6 * (CpuSeconds(redis_pid) - before) / static_cast<double>(messages));
      }
      // The first round warms everybody up; above all a JIT compiler.
      if (round == 0) contestant->rates.clear(), contestant->wall_rates.clear();
    }
  }
  stream_side.RequireBuffered(messages * (kRounds + 1));
  Require(twurple_side.Handled() == messages * (kRounds + 1), "Twurple did not handle every line");

  std::cout << absl::StrFormat("%d rounds of %d messages over %d connections, median\n", kRounds,
                               messages, connections)
            << "server                    msg/CPU s   lowest–highest      msg/s\n";
  PrintRow(stream, absl::StrFormat("Redis besides: %.1f µs of CPU a message", Median(redis)));
  PrintRow(twurple, Against(stream, twurple, kTwurpleAim));
  PrintRow(bare, Against(stream, bare, kBareAim));
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::cerr << "usage: bench_webhooks FOLDER [MESSAGES [CONNECTIONS]]\n";
    return 2;
  }
  try {
    bench::Run(argv[1], argc > 2 ? std::stoul(argv[2]) : 20'000,
               argc > 3 ? std::stoul(argv[3]) : 64);
  } catch (const std::exception& error) {
    std::cerr << "bench_webhooks: " << error.what() << "\n";
    return 1;
  }
}
