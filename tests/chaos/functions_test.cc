// The five audience Functions under several processes that are killed at random, and under a Redis
// that crashes: whatever happens, the taken bits are the members of all sessions, and nobody sits
// twice.
//
// CHAOS_SECONDS sets how long it hammers (default 15), CHAOS_SEED repeats a run's choices; both are
// printed when it fails.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libs/common/redis/redis.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"
#include "services/streaming/audience/audience_store.h"

namespace streaming::audience {
namespace {

using std::chrono::steady_clock;

constexpr uint32_t kSessions = 6;
constexpr uint32_t kRuns = 24;
constexpr uint32_t kCapacity = 400;
constexpr size_t kHammers = 4;
constexpr int kHammerSecondsLimit = 600;  // a hammer that outlives its test ends by itself
constexpr const char* kOperations = "operations";

const Shard kShard{common::Uuid::FromRandomBits(1, 1), 0};

common::Uuid SessionOf(uint32_t number) { return common::Uuid::FromRandomBits(2, number); }

std::string Library() {
  std::ifstream file("services/streaming/redis/audience.lua");
  return {std::istreambuf_iterator<char>(file), {}};
}

common::redis::Options OptionsFor(int port) {
  common::redis::Options options;
  options.port = port;
  options.pool_size = 2;
  return options;
}

// One process' worth of random work, valid, stale and repeated alike.
class Hammer {
 public:
  Hammer(int port, uint64_t seed) : redis_(OptionsFor(port)), random_(seed) {}

  // The status of one random operation; refusals that the state allows are OK.
  absl::Status Strike() {
    const common::Uuid session = SessionOf(Below(kSessions));
    switch (Below(12)) {
      case 0:
      case 1:
        return Accept(
            store_
                .Open(kShard, session,
                      {Demands(), kCapacity, Below(2) == 0 ? "followers" : "", {{"k", "v"}}})
                .status());
      case 2:
        return Accept(store_.Seal(kShard, session).status());
      case 3:
        return Accept(store_.Release(kShard, session).status());
      case 4:
      case 5:
        return Accept(Move(session));
      case 6:
        return Audit();
      case 7:
        return Remember(session);
      default:
        return Accept(Apply(session));
    }
  }

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  static absl::Status Accept(const absl::Status& status) {
    const auto code = common::redis::ErrorCode(status);
    const std::set<std::string_view> expected = {kAbsent, kExists, kSealed, kStaleNonce, kAnswered};
    return code && expected.count(*code) ? absl::OkStatus() : status;
  }

  std::vector<Demand> Demands() {
    std::vector<Demand> demands(Below(5));
    for (Demand& demand : demands) {
      demand.run = Below(kRuns);
      demand.count = static_cast<uint16_t>(Below(3) == 0 ? 0 : Below(90));
      demand.start = static_cast<uint8_t>(Below(pool::kRunLength));
      demand.members = Below(2) == 0 ? kWholeRun : random_();
    }
    return demands;
  }

  // A random part of some parties leaves.
  std::vector<Leave> Leavers(const std::vector<Party>& parties, std::string& departures) {
    std::vector<Leave> leavers;
    for (uint32_t position = 0; position < parties.size(); ++position) {
      const RunMask members = parties[position].members & (Below(3) == 0 ? kWholeRun : random_());
      if (Below(3) != 0 || members == 0) continue;
      leavers.push_back({position, members});
      AppendDeparture(departures, {});
    }
    return leavers;
  }

  // An audit must find nothing to repair, at any moment.
  absl::Status Audit() {
    const auto audited = store_.Audit(kShard);
    if (!audited.ok()) return audited.status();
    if (audited->bits_before == audited->members && audited->bits_after == audited->members) {
      return absl::OkStatus();
    }
    return absl::InternalError("the bitmap and the sessions disagree");
  }

  // Remembers what a session was like, for a change that comes too late.
  absl::Status Remember(const common::Uuid& session) {
    auto live = store_.Read(kShard, session);
    if (live.ok() && *live) stale_[Below(stale_.size())] = {session, **live};
    return live.status();
  }

  absl::Status Apply(common::Uuid session) {
    auto read = store_.Read(kShard, session);
    if (!read.ok()) return read.status();
    StoredAudience live = *read ? **read : StoredAudience{};
    if (Below(8) == 0) std::tie(session, live) = stale_[Below(stale_.size())];
    AudienceChange change{.expected = live.nonce, .demands = Demands(), .capacity = kCapacity};
    for (const Leave& leave : Leavers(live.parties, change.departures)) {
      AppendLeave(change.leaves, leave);
    }
    change.effects.fields = {{"values", std::to_string(Below(1000))}};
    if (Below(2) == 0) change.effects.request_id = std::to_string(Below(3000));
    change.effects.pushes = {{HypePendingKey(kShard), "news", 100}};
    if (Below(4) == 0) change.effects.command = "strike";
    return store_.Apply(kShard, session, change).status();
  }

  // To some of the others, in any order.
  absl::Status Move(const common::Uuid& from) {
    auto source = store_.Read(kShard, from);
    if (!source.ok() || !*source) return source.status();
    Transfer transfer{.expected = (*source)->nonce};
    for (uint32_t i = 0; i < kSessions; ++i) {
      const common::Uuid to = SessionOf((i + Below(2)) % kSessions);
      const bool named =
          std::any_of(transfer.to.begin(), transfer.to.end(),
                      [&](const Destination& other) { return other.session_id == to; });
      if (to == from || named || Below(2) == 0) continue;
      auto target = store_.Read(kShard, to);
      if (!target.ok()) return target.status();
      if (*target) transfer.to.push_back({to, (*target)->nonce, {{"moved", "in"}}});
    }
    if (transfer.to.empty()) return absl::OkStatus();
    for (const Leave& leave : Leavers((*source)->parties, transfer.departures)) {
      AppendMover(transfer.movers, leave, Below(static_cast<uint32_t>(transfer.to.size())),
                  {.round = 7});
    }
    return store_.Move(kShard, from, transfer).status();
  }

  common::redis::Redis redis_;
  common::redis::Functions functions_{redis_, Library()};
  AudienceStore store_{redis_, functions_};
  std::mt19937_64 random_;
  std::array<std::pair<common::Uuid, StoredAudience>, 8> stale_;
};

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The body of a hammer process, which the test below starts from this same binary.
TEST(FunctionsChaos, DISABLED_Hammer) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int port = static_cast<int>(NumberFrom("HAMMER_PORT", 0));
  ASSERT_NE(port, 0) << "started by FunctionsChaos.BitsAreMembers only";
  common::redis::Redis redis(OptionsFor(port));
  Hammer hammer(port, NumberFrom("HAMMER_SEED", 0));
  const auto end = steady_clock::now() + std::chrono::seconds(kHammerSecondsLimit);
  while (steady_clock::now() < end) {
    const absl::Status status = hammer.Strike();
    if (absl::IsUnavailable(status)) {
      common::testing::Eventually([&] { return redis.Command({"PING"}).ok(); });
      continue;
    }
    ASSERT_TRUE(status.ok()) << status;
    redis.Command({"INCR", kOperations}).IgnoreError();
  }
}

pid_t StartHammer(int port, uint64_t seed) {
  std::vector<std::string> environment = {"HAMMER_PORT=" + std::to_string(port),
                                          "HAMMER_SEED=" + std::to_string(seed)};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  std::vector<std::string> arguments = {"hammer", "--gtest_filter=FunctionsChaos.DISABLED_Hammer",
                                        "--gtest_also_run_disabled_tests", "--gtest_brief=1"};
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, pointers(arguments).data(),
                        pointers(environment).data()),
            0);
  return pid;
}

// Kills the process. It must still have been at work: a hammer ends only on a wrong answer.
void Kill(pid_t pid) {
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0) << "a hammer met an answer that it must not";
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
}

struct Census {
  uint64_t bits = 0;
  uint64_t members = 0;  // in all sessions, counted one by one
};

// The whole shard at one instant, under load: MULTI makes it one.
Census Count(common::redis::Redis& redis) {
  std::vector<std::vector<std::string>> commands = {{"MULTI"}, {"GET", TakenKey(kShard)}};
  for (uint32_t i = 0; i < kSessions; ++i) {
    commands.push_back({"HMGET", SessionKey(kShard, SessionOf(i)), "members", "count"});
  }
  commands.push_back({"EXEC"});
  const auto replies = redis.Pipeline(commands, {.idempotent = true});
  EXPECT_TRUE(replies.ok()) << replies.status();
  if (!replies.ok()) return {};
  const common::redis::Reply& instant = replies->back();

  Census census;
  const std::string_view taken = instant[0].text();
  for (const char byte : taken) census.bits += std::popcount(static_cast<uint8_t>(byte));
  std::set<uint32_t> seen;
  for (size_t i = 1; i < instant.size(); ++i) {
    const auto parties = DecodeParties(instant[i][0].text());
    EXPECT_TRUE(parties.ok());
    uint64_t count = 0;
    for (const Party& party : *parties) {
      EXPECT_NE(party.members, 0u);
      ForEachPlace(party.members, [&](uint32_t place) {
        const uint32_t member = party.run * pool::kRunLength + place;
        EXPECT_TRUE(seen.insert(member).second) << "member " << member << " sits twice";
        const bool bit = member / 8 < taken.size() &&
                         (static_cast<uint8_t>(taken[member / 8]) & (0x80 >> member % 8)) != 0;
        EXPECT_TRUE(bit) << "member " << member << " is not marked as taken";
        ++count;
      });
    }
    EXPECT_EQ(std::to_string(count), instant[i][1].is_nil() ? "0" : instant[i][1].text());
    census.members += count;
  }
  EXPECT_EQ(census.bits, census.members);
  return census;
}

int64_t Operations(common::redis::Redis& redis) {
  const auto reply = redis.Command({"GET", kOperations}, {.idempotent = true});
  return reply.ok() ? std::atoll(std::string(reply->text()).c_str()) : -1;
}

TEST(FunctionsChaos, BitsAreMembers) {
  const uint64_t seed = NumberFrom("CHAOS_SEED", std::random_device()());
  const auto length = std::chrono::seconds(NumberFrom("CHAOS_SECONDS", 15));
  SCOPED_TRACE("CHAOS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  common::testing::RedisServer server;
  common::redis::Redis redis(OptionsFor(server.port()));
  common::redis::Functions functions(redis, Library());
  ASSERT_TRUE(functions.Load().ok());

  std::vector<pid_t> hammers;
  for (size_t i = 0; i < kHammers; ++i) hammers.push_back(StartHammer(server.port(), random()));
  uint64_t most_members = 0;
  uint32_t kills = 0;
  const auto end = steady_clock::now() + length;
  for (uint32_t step = 1; steady_clock::now() < end && !HasFailure(); ++step) {
    const int64_t before = Operations(redis);
    EXPECT_TRUE(common::testing::Eventually([&] { return Operations(redis) > before + 100; }))
        << "the hammers do nothing";
    most_members = std::max(most_members, Count(redis).members);
    pid_t& victim = hammers[random() % kHammers];
    Kill(victim);
    ++kills;
    Count(redis);
    if (step % 10 == 0) {
      server.Kill();
      server.Start();
      Count(redis);
    }
    victim = StartHammer(server.port(), random());
  }
  for (const pid_t hammer : hammers) Kill(hammer);
  EXPECT_GT(most_members, 0u);
  RecordProperty("operations", std::to_string(Operations(redis)));
  RecordProperty("kills", std::to_string(kills));

  // The dead have left nothing behind that cannot be put in order.
  AudienceStore store(redis, functions);
  const Census last = Count(redis);
  const auto audited = store.Audit(kShard);
  ASSERT_TRUE(audited.ok()) << audited.status();
  EXPECT_EQ(audited->bits_before, last.bits);
  EXPECT_EQ(audited->bits_after, last.bits);
  EXPECT_EQ(audited->members, last.members);
  for (uint32_t i = 0; i < kSessions; ++i) {
    EXPECT_TRUE(store.Release(kShard, SessionOf(i)).ok());
    EXPECT_EQ(store.Release(kShard, SessionOf(i)).value_or(1), 0u);
  }
  EXPECT_EQ(Count(redis).bits, 0u);
  EXPECT_TRUE(store.Sessions(kShard)->empty());
}

// The bitmap may be wrong after Redis came back from a copy; the audit makes it right.
TEST(FunctionsChaos, AuditRepairsTheBitmap) {
  common::testing::RedisServer server;
  common::redis::Redis redis(OptionsFor(server.port()));
  common::redis::Functions functions(redis, Library());
  ASSERT_TRUE(functions.Load().ok());
  AudienceStore store(redis, functions);
  const Demand demand{.run = 3, .count = 40};
  ASSERT_TRUE(store.Open(kShard, SessionOf(0), {{demand}, kCapacity, {}, {}}).ok());
  ASSERT_TRUE(redis.Command({"SETBIT", TakenKey(kShard), "900", "1"}).ok());
  ASSERT_TRUE(redis.Command({"SETBIT", TakenKey(kShard), "192", "0"}).ok());
  const auto audited = store.Audit(kShard);
  ASSERT_TRUE(audited.ok());
  EXPECT_EQ(audited->bits_before, 40u);
  EXPECT_EQ(audited->bits_after, 40u);
  EXPECT_EQ(Count(redis).members, 40u);
}

}  // namespace
}  // namespace streaming::audience
