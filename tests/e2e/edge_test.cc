// A daemon under stress, as its callers see it: servers that vanish or fall silent, a stop while
// calls are in flight, and more calls than it can serve.
#include <fstream>

#include <bannou/streaming/v1/pool.pb.h>
#include <bannou/streaming/v1/session.pb.h>
#include <gmock/gmock.h>
#include <grpc/health/v1/health.pb.h>
#include <gtest/gtest.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/load.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {
namespace {

namespace v1 = bannou::streaming::v1;
using common::Uuid;
using common::testing::Eventually;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AnyOf;
using testing::Each;
using testing::Key;

constexpr const char* kPoolStatus =
    "/bannou.streaming.v1.AudiencePoolService/GetAudiencePoolStatus";
constexpr const char* kListSessions =
    "/bannou.streaming.v1.StreamSessionService/ListStreamSessions";
constexpr const char* kSeed = "/bannou.streaming.v1.AudiencePoolService/SeedAudiencePool";

std::string TokenOf(const std::string& role) {
  return MakeToken({.auth_key = common::config::Secret(kAuthKey)}, Uuid::V4(), {role}, {"in_game"});
}

// The servers of these tests, which stop them and start them again.
struct OwnServers {
  common::testing::NatsServer nats;
  common::testing::RedisServer redis;
  common::testing::MariaDbServer mariadb;
};
OwnServers& Own() {
  static OwnServers servers;
  return servers;
}

// A streaming daemon on them, with one seeded game.
class Game {
 public:
  explicit Game(const std::vector<std::string>& settings = {}) {
    daemon_ = std::make_unique<Daemon>("streaming", "STREAMING", settings,
                                       Servers{Own().nats, Own().redis, Own().mariadb});
    v1::SeedAudiencePoolRequest request;
    request.set_game_service_id(game_.ToString());
    request.set_count(1000);
    Load seed(daemon_->grpc_address(), kSeed, TokenOf("admin"), request);
    seed.Start(seconds(10));
    seed.Await();
    EXPECT_THAT(seed.Answers(), Each(Key("OK")));
  }

  Daemon& daemon() { return *daemon_; }
  // A call that needs Redis, and one that needs MySQL.
  Load PoolStatus() const {
    v1::AudiencePoolStatusRequest request;
    request.set_game_service_id(game_.ToString());
    return {daemon_->grpc_address(), kPoolStatus, TokenOf("admin"), request};
  }
  Load ListSessions(const std::string& token = TokenOf("admin")) const {
    v1::ListStreamSessionsRequest request;
    request.set_game_service_id(game_.ToString());
    return {daemon_->grpc_address(), kListSessions, token, request};
  }
  int Probe(const std::string& path) const { return daemon_->Get(path).status; }

 private:
  const Uuid game_ = Uuid::V4();
  std::unique_ptr<Daemon> daemon_;
};

// A few at a time, so that none finds the queue full.
std::map<std::string, int> Ask(Load& calls, int count, seconds deadline) {
  for (int i = 0; i < count; ++i) {
    calls.Start(deadline);
    calls.Await(8);
  }
  calls.Await();
  return calls.Answers();
}

// Without a restart, and for every call from some moment on.
void ExpectRecovery(Game& game) {
  const auto all_well = [&] {
    Load status = game.PoolStatus();
    Load sessions = game.ListSessions();
    return Ask(status, 40, seconds(10)).size() == 1 && status.Answers().contains("OK") &&
           Ask(sessions, 40, seconds(10)).size() == 1 && sessions.Answers().contains("OK");
  };
  EXPECT_TRUE(Eventually(all_well));
  EXPECT_TRUE(Eventually([&] { return game.Probe("/readyz") == 200; }));
}

// While `server` is down the calls that need it must be told so, and soon: well before the two
// seconds of the slowest time-out have passed twice.
void ExpectUnavailable(Game& game, Load& calls, common::testing::Server& server) {
  for (const bool silent : {false, true}) {
    SCOPED_TRACE(silent);
    silent ? server.Pause() : server.Stop();
    for (int i = 0; i < 40; ++i) calls.Start(seconds(4));
    calls.Await();
    EXPECT_THAT(calls.Answers(), Each(Key("UNAVAILABLE DEPENDENCY_UNAVAILABLE")));
    EXPECT_TRUE(Eventually([&] { return game.Probe("/readyz") == 503; }));
    EXPECT_EQ(game.Probe("/healthz"), 200);
    silent ? server.Resume() : server.Start();
    ExpectRecovery(game);
  }
}

TEST(Edge, ADatabaseThatIsDownOrSilentIsToldAtOnceAndComesBackWithoutARestart) {
  Game game;
  Load calls = game.ListSessions();
  ExpectUnavailable(game, calls, Own().mariadb);
}

TEST(Edge, ARedisThatIsDownOrSilentIsToldAtOnceAndComesBackWithoutARestart) {
  Game game;
  Load calls = game.PoolStatus();
  ExpectUnavailable(game, calls, Own().redis);
}

TEST(Edge, WithoutNatsCallsGoOnAndTheDaemonIsNotReady) {
  Game game;
  for (const bool silent : {false, true}) {
    SCOPED_TRACE(silent);
    silent ? Own().nats.Pause() : Own().nats.Stop();
    EXPECT_TRUE(Eventually([&] { return game.Probe("/readyz") == 503; }));
    Load calls = game.PoolStatus();
    EXPECT_THAT(Ask(calls, 40, seconds(10)), Each(Key("OK")));
    silent ? Own().nats.Resume() : Own().nats.Start();
    ExpectRecovery(game);
  }
}

// A Health.Watch, the longest stream that there is.
class Watch {
 public:
  explicit Watch(const std::string& address)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())) {
    stream_ = stub_.PrepareCall(&context_, "/grpc.health.v1.Health/Watch", &queue_);
    stream_->StartCall(nullptr);
    Next();
    const grpc::Slice empty;
    stream_->WriteLast(grpc::ByteBuffer(&empty, 1), {}, nullptr);
    Next();
  }
  ~Watch() {
    context_.TryCancel();
    queue_.Shutdown();
    while (Next()) {
    }
  }

  // The next status; nullopt when the stream has ended.
  std::optional<int> Read() {
    grpc::ByteBuffer bytes;
    stream_->Read(&bytes, nullptr);
    if (!Next()) return std::nullopt;
    grpc::health::v1::HealthCheckResponse response;
    grpc::ProtoBufferReader reader(&bytes);
    EXPECT_TRUE(response.ParseFromZeroCopyStream(&reader));
    return response.status();
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

TEST(Edge, AStopAnswersWhatIsInFlightTellsTheOthersAndEndsOpenStreams) {
  Game game({"DRAIN_DELAY_MS=300"});
  Watch watch(game.daemon().grpc_address());
  EXPECT_EQ(watch.Read(), grpc::health::v1::HealthCheckResponse::SERVING);
  Load calls = game.PoolStatus();
  std::atomic<bool> stop = false;
  // Always some in flight, so that the stop meets calls at every stage.
  std::thread caller([&] {
    while (!stop) {
      calls.Start(seconds(10));
      calls.Await(16);
    }
  });
  EXPECT_TRUE(Eventually([&] { return calls.Answers()["OK"] > 100; }));
  game.daemon().Stop();
  stop = true;
  caller.join();
  calls.Await();
  EXPECT_EQ(game.daemon().exit_code(), 0);
  // A call that arrives in the instant in which gRPC shuts down is cancelled by it.
  EXPECT_THAT(calls.Answers(),
              Each(Key(AnyOf("OK", "UNAVAILABLE DRAINING", "UNAVAILABLE ", "CANCELLED "))));
  EXPECT_EQ(watch.Read(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch.Read(), std::nullopt);
  EXPECT_THAT(game.daemon().Log(), testing::HasSubstr("\"all_answered\":true"));
}

TEST(Edge, AnAccountIsLimitedOverAllInstancesTogether) {
  const std::vector<std::string> settings = {"RATE_LIMIT_PER_SECOND=1", "RATE_LIMIT_BURST=20"};
  Game one(settings);
  Game other(settings);
  const std::string player = TokenOf("user");
  Load here = one.ListSessions(player);
  Load there = other.ListSessions(player);
  const auto begun = std::chrono::steady_clock::now();
  Ask(here, 60, seconds(10));
  Ask(there, 60, seconds(10));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
  for (Load* load : {&here, &there}) {
    EXPECT_THAT(load->Answers(), Each(Key(AnyOf("OK", "RESOURCE_EXHAUSTED RATE_LIMITED"))));
  }
  const int passed = here.Answers()["OK"] + there.Answers()["OK"];
  EXPECT_GE(passed, 15) << "a lease may hold back a few";
  EXPECT_LE(passed, 20 + elapsed.count() + 1);
  Load server = one.ListSessions(TokenOf("service"));
  EXPECT_THAT(Ask(server, 60, seconds(10)), Each(Key("OK")));
}

size_t ResidentBytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  size_t total = 0;
  size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Edge, MoreCallsThanItCanServeAreRefusedInBoundedMemory) {
  Game game({"THREADS=2", "QUEUE_MAX=16"});
  const size_t before = ResidentBytes(game.daemon().pid());
  // Both threads wait for a silent server most of the time.
  Own().redis.Pause();
  Load calls = game.PoolStatus();
  constexpr int kCalls = 20'000;
  for (int i = 0; i < kCalls; ++i) {
    calls.Start(seconds(60));
    calls.Await(500);
  }
  calls.Await();
  Own().redis.Resume();
  const auto answers = calls.Answers();
  EXPECT_THAT(answers, Each(Key(AnyOf("OK", "UNAVAILABLE DEPENDENCY_UNAVAILABLE",
                                      "RESOURCE_EXHAUSTED OVERLOADED"))));
  EXPECT_TRUE(answers.contains("RESOURCE_EXHAUSTED OVERLOADED"));
  EXPECT_LT(ResidentBytes(game.daemon().pid()), before + (64u << 20));
  ExpectRecovery(game);
}

}  // namespace
}  // namespace story
