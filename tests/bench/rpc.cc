// Calls a second of the streaming daemon's busiest RPCs beside a gRPC server that does nothing but
// answer with as many bytes: same library, same client, same requests, 32 calls in flight. Slices
// of both alternate, so that whatever else the machine does hits both.
//
//   bench_rpc [PAIRS [SECONDS]]
#include <iostream>
#include <set>

#include <absl/strings/str_format.h>

#include "tests/bench/measure.h"
#include "tests/bench/rpc_load.h"
#include "tests/e2e/game.h"

namespace bench {
namespace {

using story::v1::ReactionEventType;

constexpr size_t kStreams = 20;     // in the game that is browsed
constexpr size_t kSessions = 32;    // of each size: one for each call in flight
constexpr int kManyViewers = 5000;  // as many as a session may have
constexpr int kFewViewers = 50;
constexpr int kPoolOfMany = 20'000;
constexpr int kCapacityDraw = 1'000'000;  // an audience that nobody would miss

constexpr double kBrowseAim = 0.6;
constexpr double kStatusAim = 0.45;
constexpr double kReactAim = 0.3;
constexpr double kManyAim = 2;

class BareGrpc final : public common::testing::Server {
 public:
  explicit BareGrpc(std::set<size_t> sizes) : sizes_(std::move(sizes)) { Start(); }

 private:
  std::vector<std::string> Command() const override {
    std::vector<std::string> command = {story::Program("bare_grpc"), std::to_string(port())};
    for (const size_t size : sizes_) command.push_back(std::to_string(size));
    return command;
  }
  // The preface of HTTP/2 with empty settings; the server's own settings come first.
  std::string_view Question() const override {
    using namespace std::string_view_literals;
    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"sv;
  }
  std::string_view Answer() const override {
    using namespace std::string_view_literals;
    return "\4\0\0\0\0\0"sv;
  }

  const std::set<size_t> sizes_;
};

// Games with one session each, all of whose pool wants to watch it.
struct Crowd {
  std::vector<std::unique_ptr<story::Game>> games;
  std::vector<story::Stream> streams;

  Crowd(const story::Daemon& daemon, int pool) {
    for (size_t i = 0; i < kSessions; ++i) {
      games.push_back(std::make_unique<story::Game>(daemon));
      games.back()->Seed(pool);
      streams.push_back(games.back()->GoLive({.usual_audience = kCapacityDraw}));
    }
  }
  double Heads() const {
    double heads = 0;
    for (size_t i = 0; i < streams.size(); ++i) {
      heads += games[i]->Status(streams[i]).audience_count();
    }
    return heads / static_cast<double>(streams.size());
  }
};

std::string Token(const std::vector<std::string>& roles, const std::vector<std::string>& states) {
  return story::Sign(story::Claims(common::Uuid::V4(), roles, states));
}

std::string React(const story::Stream& stream) {
  story::v1::TriggerReactionRequest request;
  request.set_session_id(stream.session);
  request.set_event_type(story::v1::REACTION_EVENT_TYPE_CUSTOM_EVENT);
  request.set_significance(0.1f);
  return request.SerializeAsString();
}

// What of the CPU a call costs each process, in microseconds.
struct Cost {
  std::string name;
  pid_t pid;
  double seconds = 0;
};

struct Row {
  std::string name;
  Target ours;
  double aim;
  Target echo = {};
  std::vector<double> rates = {};
  std::vector<double> echo_rates = {};
  std::vector<double> ratios = {};
  std::vector<Cost> costs = {};
  double calls = 0;
};

void Measure(Row& row, double seconds, bool counts) {
  const double echo = CallsPerSecond(row.echo, seconds);
  std::vector<double> before;
  for (const Cost& cost : row.costs) before.push_back(CpuSeconds(cost.pid));
  const auto begin = std::chrono::steady_clock::now();
  const double ours = CallsPerSecond(row.ours, seconds);
  if (!counts) return;
  row.calls += ours * SecondsSince(begin);
  for (size_t i = 0; i < before.size(); ++i) {
    row.costs[i].seconds += CpuSeconds(row.costs[i].pid) - before[i];
  }
  row.echo_rates.push_back(echo);
  row.rates.push_back(ours);
  row.ratios.push_back(ours / echo);
}

void Print(const Row& row) {
  std::cout << absl::StrFormat("%-28s %7.0f %9.0f   %.2f (%.2f to %.2f)  aim %.2f  ", row.name,
                               Median(row.rates), Median(row.echo_rates), Median(row.ratios),
                               *std::min_element(row.ratios.begin(), row.ratios.end()),
                               *std::max_element(row.ratios.begin(), row.ratios.end()), row.aim);
  for (const Cost& cost : row.costs) {
    std::cout << absl::StrFormat(" %s %.0f", cost.name, 1e6 * cost.seconds / row.calls);
  }
  std::cout << "\n";
}

std::vector<Row> RowsOf(const story::GameSide& side, const story::Game& browsed, const Crowd& many,
                        const Crowd& few) {
  const std::string address = side.daemon.grpc_address();
  const std::string player = Token({"user"}, {"in_game"});
  const std::string server = Token({"service"}, {});
  story::v1::BrowseStreamsRequest browse;
  browse.set_game_service_id(browsed.id().ToString());
  story::v1::StreamSessionStatusRequest status;
  status.set_session_id(many.streams[0].session);
  const auto reacting = [&](const Crowd& crowd, size_t sessions) {
    Target target{.address = address,
                  .method = "/bannou.streaming.v1.AudienceService/TriggerAudienceReaction",
                  .token = server};
    for (size_t i = 0; i < sessions; ++i) target.requests.push_back(React(crowd.streams[i]));
    return target;
  };
  const std::string sessions = "/bannou.streaming.v1.StreamSessionService/";
  return {
      {.name = "browse, 20 streams",
       .ours = {address, sessions + "BrowseStreams", player, {browse.SerializeAsString()}},
       .aim = kBrowseAim},
      {.name = "status, 5000 viewers",
       .ours = {address, sessions + "GetStreamSessionStatus", player, {status.SerializeAsString()}},
       .aim = kStatusAim},
      {.name = "react, 5000, 32 sessions", .ours = reacting(many, kSessions), .aim = kReactAim},
      {.name = "react, 5000, one session", .ours = reacting(many, 1), .aim = kReactAim},
      {.name = "react, 50, 32 sessions", .ours = reacting(few, kSessions), .aim = kReactAim},
      {.name = "react, 50, one session", .ours = reacting(few, 1), .aim = kReactAim}};
}

void Run(size_t pairs, double seconds) {
  const story::GameSide side({"POOL_GROWTH_FREE_SHARE=0", "IDLE_SESSION_TIMEOUT_SECONDS=604800"});
  story::Game browsed(side.daemon);
  browsed.Seed(kPoolOfMany);
  for (size_t i = 0; i < kStreams; ++i) browsed.GoLive({.usual_audience = 100});
  const Crowd many(side.daemon, kPoolOfMany);
  const Crowd few(side.daemon, kFewViewers);
  std::vector<Row> rows = RowsOf(side, browsed, many, few);
  std::vector<size_t> sizes;
  for (const Row& row : rows) sizes.push_back(Answer(row.ours).size());
  const BareGrpc bare({sizes.begin(), sizes.end()});
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].echo = rows[i].ours;
    rows[i].echo.address = bare.address();
    rows[i].echo.method = "/bench.Echo/" + std::to_string(sizes[i]);
    rows[i].costs = {{"streaming", side.daemon.pid()},
                     {"redis", common::testing::SharedRedis().pid()},
                     {"mariadb", common::testing::SharedMariaDb().pid()},
                     {"client", getpid()}};
  }
  std::cout << absl::StrFormat("audiences of %.0f and %.0f heads at first\n", many.Heads(),
                               few.Heads());
  // Row by row within a pair, so that 5 000 viewers and 50 are as near to each other as the echo.
  for (size_t pair = 0; pair <= pairs; ++pair) {
    for (Row& row : rows) Measure(row, seconds, pair > 0);
  }
  std::cout << absl::StrFormat("audiences of %.0f and %.0f heads at last\n", many.Heads(),
                               few.Heads());
  std::cout << "                             calls/s   the echo  ours is (of all pairs)  CPU us\n";
  for (const Row& row : rows) Print(row);
  for (size_t i = 2; i < 4; ++i) {
    std::vector<double> costs;
    for (size_t pair = 0; pair < pairs; ++pair) {
      costs.push_back(rows[i + 2].rates[pair] / rows[i].rates[pair]);
    }
    std::cout << absl::StrFormat("%s cost %.2f times those of 50  aim at most %.0f\n", rows[i].name,
                                 Median(costs), kManyAim);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::Run(argc > 1 ? std::stoul(argv[1]) : 9, argc > 2 ? std::stod(argv[2]) : 1);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
