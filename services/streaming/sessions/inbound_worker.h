// Ends sessions that other services know to be over: `game-session.ended`, `.deleted` and
// `.cancelled`, and `session.disconnected`.
//
// A message is acknowledged when nothing is left to do for it, so that a crash anywhere goes on
// with its next delivery. A disconnect waits for its grace in the JetStream stream and nowhere
// else.
#pragma once
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/sessions/life_store.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

class InboundWorker {
 public:
  struct Parts {
    SessionStore& sessions;
    SessionLife& life;
    audience::LiveStore& live;
  };
  struct Options {
    std::string stream = "INBOUND";  // the JetStream stream that has the subjects
    // From a disconnect to the end of the sessions.
    common::Duration grace = std::chrono::minutes(2);
    common::Clock clock = common::Now;
  };

  // Keeps the references.
  InboundWorker(const Parts& parts, common::metrics::Registry& metrics, Options options);

  // UNAVAILABLE when NATS is away; may then be called again.
  absl::Status Start(common::nats::JetStream& jetstream);
  void Stop();

  static constexpr uint32_t kBatch = 100;       // sessions read at once
  static constexpr uint32_t kBatchesMax = 100;  // for one message
  // Disconnects that wait for their grace at once; beyond them they wait before they are read.
  static constexpr int64_t kWaitingMax = 100'000;

 private:
  absl::Status OnGameSession(common::nats::Message& message);
  absl::Status OnDisconnect(common::nats::Message& message);

  absl::Status EndGameSession(const common::Uuid& game_session);
  absl::Status EndAbandoned(const common::Uuid& account, common::Time disconnected);
  // Whether it did end.
  absl::StatusOr<bool> EndIfAbandoned(const Session& session, common::Time disconnected);
  absl::StatusOr<bool> IsLiveAbandoned(const audience::LiveKey& key, common::Time disconnected);

  const Parts parts_;
  const Options options_;
  common::metrics::Counter& game_sessions_ended_;
  common::metrics::Counter& disconnected_ended_;
  common::metrics::Counter& went_on_;
  common::nats::ConsumerLoop game_sessions_;
  common::nats::ConsumerLoop disconnects_;
};

}  // namespace streaming::sessions
