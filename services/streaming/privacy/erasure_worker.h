// Erases accounts, characters and game services that were deleted elsewhere: `account.deleted`,
// `character.deleted` and `game-service.deleted` (docs/privacy.md).
//
// A message is acknowledged when nothing is left, so that a crash anywhere goes on with its next
// delivery. One delivery works for a bounded time, and the message waits in the stream in between.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/careers/leaderboard_store.h"
#include "services/streaming/privacy/erasure_store.h"
#include "services/streaming/privacy/tombstone_store.h"
#include "services/streaming/sessions/life_store.h"

namespace streaming::privacy {

class ErasureWorker {
 public:
  struct Parts {
    common::mysql::Pool& mysql;
    ErasureStore& erasure;
    sessions::SessionLife& life;
    audience::LiveStore& live;
    audience::AudienceStore& audience;
    careers::LeaderboardStore& leaderboards;
  };
  struct Options {
    std::string stream = "INBOUND";  // the JetStream stream that has the subjects
    common::Duration budget = std::chrono::seconds(2);  // of one delivery
    // Until no instance has a deleted game's pool in its cache any more.
    common::Duration settle = pool::PoolStore::kCacheLife + std::chrono::seconds(1);
    common::Clock clock = common::Now;
  };

  // Keeps the references.
  ErasureWorker(const Parts& parts, common::metrics::Registry& metrics, Options options);

  // UNAVAILABLE when NATS is away; may then be called again.
  absl::Status Start(common::nats::JetStream& jetstream);
  void Stop();

 private:
  // One of the three kinds: the event that tells of its deletions, and who listens.
  struct Subject {
    // `event` has one field, the id. `what` names the kind in metrics and consumers.
    Subject(ErasureWorker& worker, Kind deleted, const google::protobuf::Message& event,
            const char* what, common::metrics::Registry& metrics);

    const Kind kind;
    const google::protobuf::Message& event;
    common::metrics::Counter& erased;
    common::nats::ConsumerLoop loop;
  };
  // How far a delivery got: nullopt: nothing is left, else when to go on.
  using Rest = std::optional<common::Duration>;

  absl::Status Process(Subject& subject, common::nats::Message& message);
  absl::StatusOr<Rest> Erase(const Entity& entity);
  absl::StatusOr<Rest> EraseAccount(const common::Uuid& account, common::Time until);
  absl::StatusOr<Rest> EraseCharacter(const common::Uuid& character, common::Time until);
  absl::StatusOr<Rest> EraseGame(const common::Uuid& game, common::Time until);

  // Ends a session that has not, and sends away whoever is left of its audience.
  absl::Status SendHome(const FoundSession& session);
  using ReadSessions = std::function<absl::StatusOr<std::vector<FoundSession>>()>;
  absl::StatusOr<Rest> EraseSessions(const ReadSessions& read, common::Time until);
  absl::StatusOr<Rest> EraseStreamer(const StreamerScope& streamer, common::Time until);
  // Repeats a step until it says that nothing is left.
  absl::StatusOr<Rest> Repeat(const std::function<absl::StatusOr<bool>()>& step,
                              common::Time until);

  const Parts parts_;
  const Options options_;
  Subject accounts_;
  Subject characters_;
  Subject games_;
};

}  // namespace streaming::privacy
