// Hype trains in the record, and the way there from Redis.
//
// Trains change in Redis, in the Function that changes the session; the same call appends the
// transition to the pending list of the game shard. The relay makes each transition a row and an
// event in one transaction, and only then takes it off the list. The row's key makes both happen
// once, however often and by however many relays a transition is read.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/mysql/transaction.h"
#include "libs/common/redis/redis.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::hype {

// A transition whose train has its id.
struct NamedTransition {
  common::Uuid hype_id;
  PendingTransition pending;
};

// A train that the record holds to be running.
struct OpenTrain {
  common::Uuid id;
  audience::LiveKey session;
};

struct TrainSummary {
  common::Uuid id;
  common::Uuid session;
  uint8_t peak_level = 1;
  common::Time started_at;
  std::optional<common::Time> completed_at;  // absent while it runs
  std::string trigger;
};

// Which trains; absent = any.
struct HistoryQuery {
  common::Uuid streamer;
  std::optional<uint8_t> streamer_type;  // bannou.streaming.v1.StreamerEntityType
  std::optional<common::Uuid> game;
  int32_t limit = 10;
  int32_t offset = 0;
};

class HypeStore {
 public:
  // Keeps the references.
  HypeStore(common::redis::Redis& redis, common::mysql::Pool& mysql,
            common::metrics::Registry& metrics);

  // Relays all that waits in these shards, the transitions of a session in order, and returns how
  // many of them were news. Ends with the first error; what was not relayed stays in the lists.
  // Safe from any number of threads and instances.
  absl::StatusOr<int> Relay(const std::vector<audience::Shard>& shards);

  // Trains without an end, oldest first, at most kOpenTrainsMax.
  absl::StatusOr<std::vector<OpenTrain>> ListOpen();

  // Completes a train that the record holds to be running and Redis does not know any more.
  // Without effect when it is completed already.
  absl::Status CompleteLost(const OpenTrain& train, common::Time now);

  // A streamer's trains, newest first. STREAMER_TYPE_AMBIGUOUS when several types have the id and
  // the query names none.
  absl::StatusOr<std::vector<TrainSummary>> History(const HistoryQuery& query);

  static constexpr size_t kOpenTrainsMax = 10000;

 private:
  absl::StatusOr<int> RelayEntries(const std::string& key, const std::vector<std::string>& entries);
  // Transitions of one session, in order, in one transaction. Returns how many were news.
  absl::StatusOr<int> Record(std::span<const NamedTransition> transitions);
  // The streamer's type; 0 when it never streamed.
  absl::StatusOr<uint8_t> TypeOf(const common::Uuid& streamer);

  common::redis::Redis& redis_;
  common::mysql::Pool& mysql_;
  common::metrics::Counter& relayed_;
  common::metrics::Counter& dropped_;
};

}  // namespace streaming::hype
