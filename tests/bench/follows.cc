// What the end of a session with 5 000 attendees costs in MySQL, by how many members know its
// streamer: millions of relations must not make it dearer.
//
//   bench_follows [RELATIONS…]
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include <absl/strings/str_format.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/follows/follow_store.h"
#include "services/streaming/pool/pool.h"
#include "tests/bench/measure.h"

namespace bench {
namespace {

using namespace streaming;  // NOLINT: its folders are what this file is about
using common::Uuid;
using common::mysql::Transaction;
using std::chrono::steady_clock;

constexpr uint32_t kAttendees = 5000;
constexpr int kRepeats = 9;
constexpr uint32_t kFirstOrdinal = 1'000'000;  // the relations' last session: no follow lapses

common::mysql::Options OptionsFor(common::testing::MariaDbServer& server) {
  common::mysql::Options options;
  options.host = server.host();
  options.port = server.port();
  options.user = server.user();
  options.password = common::config::Secret(server.password());
  options.database = server.CreateDatabase();
  Require(common::mysql::Migrate(options, migrations::Files()).ok(), "no schema");
  return options;
}

class Bench {
 public:
  // Until so many members know the streamer: a third of them follow.
  void Grow(uint32_t relations) {
    constexpr uint32_t kStep = 10'000;
    for (; relations_ < relations; relations_ += kStep) {
      const auto grown = mysql_.Execute(
          "INSERT INTO attendance (streamer_type, streamer_id, game_service_id, member,"
          " last_session_ordinal, attended, interested_run, loyalty, followed_since, lapse_ordinal)"
          " SELECT ?, ?, ?, ? + seq, ?, 3, 3, 0.5, IF(seq % 3 = 0, NOW(6), NULL),"
          " IF(seq % 3 = 0, ?, NULL) FROM seq_0_to_9999",
          int{streamer_.type}, streamer_.id, streamer_.game_service_id, relations_, kFirstOrdinal,
          2 * kFirstOrdinal);
      Require(grown.ok(), std::string(grown.status().message()));
    }
  }

  // Milliseconds of the transaction, the median of some ends.
  double End() {
    std::vector<double> all;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      const auto audience = Audience();
      const auto begin = steady_clock::now();
      const auto ended = common::mysql::RunTransaction(mysql_, [&](Transaction& transaction) {
        return follows_
            .RecordSession(transaction, {.streamer = streamer_,
                                         .session_id = Uuid::V4(),
                                         .ordinal = ++ordinal_,
                                         .now = common::Now(),
                                         .attendees = audience,
                                         .pool = pool_})
            .status();
      });
      Require(ended.ok(), std::string(ended.message()));
      all.push_back(1000 * SecondsSince(begin));
    }
    return Median(all);
  }

 private:
  // Half of some runs among those who know the streamer: a check-out goes run by run.
  std::vector<follows::Attendee> Audience() {
    constexpr uint32_t kOfRun = pool::kRunLength / 2;
    std::vector<follows::Attendee> audience;
    std::uniform_int_distribution<uint32_t> run(0, relations_ / pool::kRunLength - 1);
    while (audience.size() < kAttendees) {
      const uint32_t first = run(random_) * pool::kRunLength;
      for (uint32_t i = 0; i < kOfRun; ++i) {
        audience.push_back({.member = first + 2 * i, .mean_interest = 0.5});
      }
    }
    return audience;
  }

  // As a server for millions of rows has it: the index pages that an end touches are in memory.
  common::testing::MariaDbServer server_{
      {"--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M"}};
  common::mysql::Pool mysql_{OptionsFor(server_)};
  follows::FollowStore follows_{mysql_, follows::Settings{}};
  const pool::Pool pool_{{.seed = 1, .size = pool::kMaxPoolSize}};
  const careers::StreamerKey streamer_{.type = careers::v1::STREAMER_ENTITY_TYPE_ACTOR,
                                       .id = Uuid::V4(),
                                       .game_service_id = Uuid::V4()};
  uint32_t relations_ = 0;
  uint32_t ordinal_ = kFirstOrdinal;
  std::mt19937 random_{42};
};

void Run(std::vector<uint32_t> sizes) {
  std::ranges::sort(sizes);
  Bench bench;
  std::cout << absl::StrFormat("%12s %18s %10s\n", "relations", "ms a session end", "times");
  double first = 0;
  for (const uint32_t size : sizes) {
    bench.Grow(size);
    bench.End();  // warms up
    const double ms = bench.End();
    if (first == 0) first = ms;
    std::cout << absl::StrFormat("%12d %18.0f %10.2f", size, ms, ms / first) << std::endl;
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  std::vector<uint32_t> sizes;
  for (int i = 1; i < argc; ++i) {
    sizes.push_back(static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  }
  bench::Run(sizes.empty() ? std::vector<uint32_t>{100'000, 1'000'000, 4'000'000} : sizes);
}
