// What an audience of 5 000 costs: Redis' time for its check-out and check-in beside a script that
// goes bit by bit, the rules' time for its step, and whole steps a second with a real Redis.
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include <absl/strings/str_format.h>

#include "embedded/streaming/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/check_out.h"
#include "services/streaming/audience/round_worker.h"
#include "services/streaming/audience/session_view.h"
#include "tests/bench/measure.h"

namespace bench {
namespace {

using namespace streaming;  // NOLINT: its folders are what this file is about
using audience::LiveKey;
using audience::LiveSession;
using audience::Party;
using common::Uuid;
using std::chrono::steady_clock;

constexpr uint32_t kHeads = 5000;
constexpr int kRepeats = 21;
constexpr double kCheckOutAimMs = 1;
constexpr double kStepAimNs = 15;
constexpr double kStepsAim = 500;

std::string Library(const std::string& name) {
  std::ifstream file("services/streaming/redis/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T Must(absl::StatusOr<T> value) {
  Require(value.ok(), std::string(value.status().message()));
  return *std::move(value);
}
void Must(const absl::Status& status) { Require(status.ok(), std::string(status.message())); }

// The script that knows no runs: each wish takes the first free member from a place on.
constexpr char kBitByBit[] = R"(
  local taken = 0
  for i = 1, #ARGV do
    local member = tonumber(ARGV[i])
    while redis.call('GETBIT', KEYS[1], member) == 1 do member = member + 1 end
    redis.call('SETBIT', KEYS[1], member, 1)
    taken = taken + 1
  end
  return taken)";

// Redis' own time for what happens in `body`, in ms.
template <class F>
double RedisMs(common::redis::Redis& redis, const std::string& command, F&& body) {
  Must(redis.Command({"CONFIG", "RESETSTAT"}).status());
  body();
  const auto stats = Must(redis.Command({"INFO", "commandstats"}));
  const std::string text(stats.text());
  const size_t at = text.find("cmdstat_" + command + ":calls=1,usec=");
  Require(at != std::string::npos, "the command was not called once");
  return std::stod(text.substr(text.find("usec=", at) + 5)) / 1000;
}

struct CheckOutTimes {
  std::vector<double> out;
  std::vector<double> in;
  std::vector<double> bits;
};

// A pool of this size, half of which sits somewhere at random.
CheckOutTimes MeasureCheckOut(uint32_t size) {
  common::testing::RedisServer server;
  common::redis::Redis redis({.port = server.port()});
  common::redis::Functions functions(redis, Library("audience.lua"));
  Must(functions.Load());
  audience::AudienceStore store(redis, functions);
  const pool::Pool pool({.seed = 9, .size = size});
  const audience::Shard shard{Uuid::V4(), 0};
  std::mt19937_64 random(4);
  CheckOutTimes times;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    std::string half(size / 8, '\0');
    for (char& byte : half) byte = static_cast<char>(random());
    Must(redis.Command({"SET", audience::TakenKey(shard), half}).status());
    audience::CheckOut wish{.capacity_heads = kHeads, .key = random()};
    for (uint32_t i = 0; i < kHeads; ++i) ++wish.wanted_heads[random() % pool::kArchetypes];
    for (size_t a = 0; a < pool::kArchetypes; ++a) {
      wish.free_heads[a] = pool.HeadsOf(0, static_cast<uint8_t>(a)) / 2;
    }
    const Uuid session = Uuid::V4();
    const audience::Opening opening{.demands = audience::PlanCheckOut(pool, 0, wish),
                                    .capacity = kHeads};
    audience::Changed opened;
    times.out.push_back(
        RedisMs(redis, "fcall", [&] { opened = Must(store.Open(shard, session, opening)); }));
    Require(audience::HeadsOf(pool, opened.parties) > kHeads * 0.95, "too few were found");
    times.in.push_back(
        RedisMs(redis, "fcall", [&] { Must(store.Release(shard, session).status()); }));
    std::vector<std::vector<std::string>> commands = {
        {"EVAL", kBitByBit, "1", audience::TakenKey(shard)}};
    for (uint32_t i = 0; i < kHeads; ++i) {
      commands[0].push_back(std::to_string(random() % (size - 1000)));
    }
    times.bits.push_back(RedisMs(redis, "eval", [&] { Must(redis.Pipeline(commands).status()); }));
  }
  return times;
}

void CheckOut() {
  std::cout << "Redis' time for 5 000 members of a half-full pool, median of " << kRepeats << ":\n"
            << absl::StrFormat("  %9s %14s %14s %14s\n", "pool", "check-out ms", "check-in ms",
                               "bit by bit ms");
  for (const uint32_t size : {50'000u, 100'000u, 1'000'000u, 4'000'000u}) {
    const CheckOutTimes times = MeasureCheckOut(size);
    std::cout << absl::StrFormat("  %9u %14.2f %14.2f %14.2f   (aim: check-out <= %.0f)\n", size,
                                 Median(times.out), Median(times.in), Median(times.bits),
                                 kCheckOutAimMs);
  }
}

// A game in which one stream has an audience of 5 000 and others compete.
class Scene {
 public:
  Scene() {
    for (uint32_t s = 0; s < 20; ++s) {
      audience::SessionView& session = view_.sessions.emplace_back();
      session.session_id = Uuid::FromRandomBits(s, s);
      session.draw = 5000;
      session.crowd = kHeads;
      session.age_minutes = 60;
      const auto attractions =
          audience::Attractions({}, pool_.archetypes(), {.reputation = 0.03f * s});
      for (size_t a = 0; a < pool::kArchetypes; ++a) {
        session.attraction[a] = static_cast<uint8_t>(attractions[a] * 255);
      }
    }
    view_.round = 100;
    view_.pool_heads = pool_.spec().size;
    view_.free_heads.fill(pool_.spec().size / pool::kArchetypes / 2);
    field_ = audience::Survey(view_);
    audience_ = audience::NewAudience(view_.sessions[0], 99);
    uint32_t heads = 0;
    std::mt19937_64 random(5);
    while (heads < kHeads) {
      const Party party{.run = static_cast<uint32_t>(random() % pool_.runs()),
                        .members = random() & random() & random(),
                        .joining = {.round = 99 - static_cast<uint32_t>(random() % 90)}};
      parties_.push_back(party);
      heads += audience::CountOf(party.members);
    }
  }

  // ns a member of the audience, for all that the rules do in a round.
  double StepNs() const {
    const auto begin = steady_clock::now();
    size_t changes = 0;
    constexpr int kRounds = 400;
    for (int i = 0; i < kRounds; ++i) {
      audience::View view = view_;
      view.round += static_cast<uint32_t>(i);
      audience::Audience audience = audience_;
      for (uint32_t cohort = 0; cohort < view.cohorts; ++cohort) {
        const auto step = audience::StepSession({.seed = 3}, pool_, view, field_, 0, audience,
                                                parties_, {}, cohort);
        changes += step.leavers.size();
        audience = step.audience;
        changes +=
            audience::MoversOf({.seed = 3}, pool_, view, field_, 0, audience, parties_, cohort)
                .size();
      }
    }
    Require(changes > 0, "nobody moves");
    return SecondsSince(begin) / kRounds / kHeads * 1e9;
  }

 private:
  const pool::Pool pool_{{.seed = 6, .size = 200'000}};
  audience::View view_;
  audience::Field field_;
  audience::Audience audience_;
  std::vector<Party> parties_;
};

void Step() {
  std::vector<double> times;
  const Scene scene;
  for (int i = 0; i < 5; ++i) times.push_back(scene.StepNs());
  std::cout << absl::StrFormat(
      "Rules of a round for an audience of 5 000, four cohorts: %.1f ns a member (aim <= %.0f)\n",
      Median(times), kStepAimNs);
}

// Whole steps: read from Redis, decide, write back, queue the news.
void Steps() {
  auto& maria = common::testing::SharedMariaDb();
  common::mysql::Pool mysql({.host = maria.host(),
                             .port = maria.port(),
                             .user = maria.user(),
                             .password = common::config::Secret(maria.password()),
                             .database = maria.CreateDatabase()});
  Must(common::mysql::Migrate(mysql.options(), migrations::Files()));
  common::testing::RedisServer server;
  common::redis::Redis redis({.port = server.port()});
  common::redis::Functions functions(redis, Library("audience.lua"));
  common::redis::Functions round_functions(redis, Library("rounds.lua"));
  common::metrics::Registry metrics;
  pool::PoolStore pools(mysql);
  audience::AudienceStore store(redis, functions);
  audience::NewsQueue news(metrics);
  audience::LiveStore live(store, pools, news, metrics, {.max_heads = 6000});
  audience::RoundStore rounds(redis, round_functions, store, live, pools, {});
  const Uuid game = Uuid::V4();
  Must(pools.Seed(game, 1'000'000, {}, std::nullopt, common::Now()).status());
  constexpr uint32_t kSessions = 50;
  for (uint32_t i = 0; i < kSessions; ++i) {
    audience::Change first;
    first.state.started_at = common::Now() - std::chrono::hours(1);
    first.state.draw = kHeads;
    first.audience.interest.fill(0.6f);
    first.wanted_heads.fill(kHeads / pool::kArchetypes + 1);
    first.free_heads.fill(1'000'000 / pool::kArchetypes / 2);
    Must(live.Open({.game = game, .session = Uuid::V4()}, common::Now(), first).status());
  }
  audience::RoundWorker worker(rounds, live, pools, metrics, common::Now,
                               {.interval = std::chrono::hours(1)});
  const std::string key = audience::RoundsKey({game, 0});
  std::vector<double> rates;
  for (int round = 0; round < 12; ++round) {
    Must(redis.Command({"HSET", key, "due", "0"}).status());
    news.Take(audience::NewsQueue::kLimit);
    const auto begin = steady_clock::now();
    const uint32_t steps = Must(worker.RunOnce());
    if (round >= 2) rates.push_back(steps / SecondsSince(begin));
  }
  std::cout << absl::StrFormat(
      "Steps of audiences of 5 000 on a real Redis, one a cohort: %.0f a second (aim >= %.0f)\n",
      Median(rates), kStepsAim);
}

}  // namespace
}  // namespace bench

int main() try {
  bench::CheckOut();
  bench::Step();
  bench::Steps();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
