// A streaming daemon with 1 000 live streams and a pool of a million members: the CPU time that a
// minute of rounds costs it and each server it stands on, and what there is to be kept.
//
//   bench_rounds [STREAMS [MEMBERS [MINUTES]]]
#include <iostream>

#include <absl/strings/str_format.h>

#include "libs/common/nats/handles.h"
#include "libs/common/nats/jetstream.h"
#include "libs/common/redis/redis.h"
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

using story::ValueOf;

// What the daemon and the servers keep, in bytes.
struct Kept {
  double daemon = 0;
  double redis = 0;
};

Kept Weigh(const story::Daemon& daemon) {
  common::redis::Redis redis({.port = common::testing::SharedRedis().port()});
  const auto info = ValueOf(redis.Command({"INFO", "memory"}));
  const std::string_view text = info.text();
  constexpr std::string_view kUsed = "used_memory:";
  const size_t at = text.find(kUsed) + kUsed.size();
  return {.daemon = daemon.Metric("process_resident_memory_bytes"),
          .redis = std::stod(std::string(text.substr(at, text.find('\r', at) - at)))};
}

// Rows of a table and what one takes with its indexes.
void TellRows(common::mysql::Connection& database, const std::string& table) {
  ValueOf(database.Query("ANALYZE TABLE " + table));
  const auto size = ValueOf(database.Query(
      "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = "
      "DATABASE() AND table_name = ?",
      table));
  const auto rows = ValueOf(database.Query("SELECT COUNT(*) FROM " + table));
  const auto count = rows[0].Get<double>(0);
  std::cout << absl::StrFormat("  mysql: %-12s %8.0f rows of %4.0f bytes\n", table, count,
                               size[0].Get<double>(0) / std::max(1.0, count));
}

// Messages of a JetStream stream and what one takes.
void TellMessages(const std::string& stream) {
  const auto connection =
      ValueOf(common::nats::Connection::Connect({.url = common::testing::SharedNats().url()}));
  const auto jetstream = ValueOf(common::nats::JetStream::Make(*connection));
  jsStreamInfo* raw = nullptr;
  Require(js_GetStreamInfo(&raw, jetstream->handle(), stream.c_str(), nullptr, nullptr) == NATS_OK,
          "no stream " + stream);
  const common::nats::StreamInfoHandle info(raw);
  const auto count = static_cast<double>(info->State.Msgs);
  std::cout << absl::StrFormat("  nats: %-12s %8.0f messages of %.0f bytes\n", stream, count,
                               static_cast<double>(info->State.Bytes) / std::max(1.0, count));
}

// What so many sessions leave when they end.
void TellRecord(const story::Daemon& daemon, story::Game& game,
                const std::vector<story::Stream>& streams) {
  constexpr size_t kEndedMost = 200;
  const auto database = story::OpenDatabase(daemon.database());
  for (size_t i = 0; i < std::min(kEndedMost, streams.size()); ++i) game.End(streams[i]);
  const auto told = [&] {
    return ValueOf(database->Query("SELECT (SELECT COUNT(*) FROM outbox) +"
                                   " (SELECT COUNT(*) FROM session WHERE status = 4 AND"
                                   " career_applied = 0)"))[0]
               .Get<int>(0) == 0;
  };
  Require(common::testing::Eventually(told, std::chrono::minutes(2)), "ends are not told");
  for (const char* table : {"session", "streamer", "attendance", "milestone"}) {
    TellRows(*database, table);
  }
  for (const char* stream : {"STREAMING", "AUDIENCE", "COMMANDS"}) TellMessages(stream);
}

double Heads(const story::Daemon& daemon) { return daemon.Metric("streaming_audience_heads"); }

void Run(int streams, int members, int minutes) {
  const story::GameSide side({"POOL_GROWTH_FREE_SHARE=0", "IDLE_SESSION_TIMEOUT_SECONDS=604800"});
  story::Game game(side.daemon);
  for (int seeded = 0; seeded < members; seeded += kSeedMax) {
    game.Seed(std::min(kSeedMax, members - seeded));
  }
  const Kept before = Weigh(side.daemon);
  std::vector<story::Stream> live;
  live.reserve(streams);
  for (int i = 0; i < streams; ++i) {
    live.push_back(game.GoLive({.tags = {static_cast<story::v1::AudienceInterest>(1 + i % 10)},
                                .usual_audience = kUsualAudience}));
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
  const Kept after = Weigh(side.daemon);
  std::cout << absl::StrFormat(
      "kept:\n  streaming: %.1f MB before the streams, %.1f MB with them\n"
      "  redis: %.1f MB before, %.1f MB with them: %.1f KB a stream, %.0f bytes a head\n",
      before.daemon / 1e6, after.daemon / 1e6, before.redis / 1e6, after.redis / 1e6,
      (after.redis - before.redis) / 1e3 / streams,
      (after.redis - before.redis) / Heads(side.daemon));
  TellRecord(side.daemon, game, live);
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
