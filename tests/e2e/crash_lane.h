// A daemon behind a tripwire, a caller of it who repeats what got no answer, and what must be true
// in the end, wherever the daemon was killed.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <bannou/streaming/v1/events.pb.h>

#include "libs/common/testing/eventually.h"
#include "tests/e2e/pool_census.h"
#include "tests/e2e/tripwire.h"
#include "tests/story/client.h"
#include "tests/story/processes.h"

namespace story {

namespace v1 = bannou::streaming::v1;

// A streamer, who has one session, and what the caller knows of it.
struct Life {
  common::Uuid streamer = common::Uuid::V4();
  common::Uuid create_request = common::Uuid::V4();
  common::Uuid game_session = common::Uuid::V4();
  std::vector<common::Uuid> reactions = {};  // request ids
  std::string session = {};
  // The answers that came, in the order of the calls.
  std::vector<std::string> acknowledged = {};
};

// An event of the JetStream stream STREAMING, in the stream's order.
struct StoredEvent {
  std::string subject;
  std::string payload;
};

// Servers of its own but for MariaDB, so that lanes do not meet. Lives in one thread.
class CrashLane {
 public:
  CrashLane();

  using Detail = absl::StatusOr<v1::StreamSessionDetail>;
  Detail Create(const Life& life);
  Detail Start(const Life& life);
  Detail Status(const Life& life);
  absl::StatusOr<v1::StreamSessionSummary> End(const Life& life);
  // A world first, told by a game server under the life's i-th reaction id.
  absl::StatusOr<v1::AudienceReactionResult> React(const Life& life, size_t i);

  // Another service says that the life's game session is over.
  void TellGameOver(const Life& life);

  // The first answer of a daemon that is there, whatever it says.
  template <class Call>
  static auto Insist(Call call) {
    auto answer = call();
    common::testing::Eventually(
        [&] {
          if (IsAnswer(answer.status())) return true;
          answer = call();
          return IsAnswer(answer.status());
        },
        kPatience, std::chrono::milliseconds(10));
    return answer;
  }

  // What makes and ends lives.
  Life NewLife();  // nothing was called yet
  Life NewPending();
  Life NewLive();

  // Does `act` once with the daemon killed at the n-th request to its servers since, and starts it
  // again. False when `act` got through before that.
  bool KillAt(uint64_t n, Tripwire::Moment moment, const std::function<void()>& act);
  bool tripped() const { return wire_.seen().tripped; }
  void Restart();

  // Whether everything that must follow a session's end did, for this session.
  bool IsAllTold(const Life& life);
  bool HasEnded(const Life& life);
  bool IsOutboxEmpty() { return Count("outbox") == 0; }
  // Whether a train of this life was recorded, and none runs any more.
  bool HadItsTrain(const Life& life);

  // Whoever is in an audience, as it lies in Redis; throws when the law is broken.
  Census TakeCensus();
  // As if Redis had lost the session.
  void LoseAudience(const Life& life);

  // Ends every life that is left and then looks whether all is as it must be.
  void ExpectAllToBeWell(const std::vector<Life>& lives);

  static constexpr std::chrono::seconds kPatience{30};

 private:
  static bool IsAnswer(const absl::Status& status);
  int Count(const std::string& what);
  void Connect();
  std::vector<StoredEvent> Stored();
  void ExpectSessionEventsOnce(const std::vector<Life>& lives,
                               const std::vector<StoredEvent>& events);
  void ExpectTrainsInOrder(const std::vector<StoredEvent>& events);
  void ExpectCareersOnce();

  const common::Uuid game_ = common::Uuid::V4();
  common::testing::RedisServer redis_;
  common::testing::NatsServer nats_;
  Tripwire wire_;
  Daemon daemon_;
  const Stack stack_;
  std::unique_ptr<Stubs> stubs_;
  const Caller server_;
  const std::unique_ptr<common::mysql::Connection> database_;
  common::redis::Redis client_;
  PoolCensus census_;
};

}  // namespace story
