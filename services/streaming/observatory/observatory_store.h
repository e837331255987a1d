// Looks at the live streams for everybody who asks: at most once a second, and only when somebody
// does.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/shared_reads.h"
#include "libs/common/base/time.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/flow_store.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/hype/hype_train.h"
#include "services/streaming/observatory/observatory.h"
#include "services/streaming/pool/pool.h"

namespace streaming::observatory {

class ObservatoryStore {
 public:
  struct Parts {
    common::mysql::Pool& mysql;
    audience::AudienceStore& audience;
    audience::LiveStore& live;
    audience::FlowStore& flows;
  };

  // Keeps the references.
  ObservatoryStore(const Parts& parts, const hype::Settings& hype) : parts_(parts), hype_(hype) {}

  // How things are, or were at most kUsable ago. Within the thread's deadline; the servers' errors.
  // OVERLOADED while kLookersMost wait: RPCs need their threads more.
  absl::StatusOr<std::shared_ptr<const Picture>> Look(common::Time now);

  static constexpr std::chrono::seconds kFresh{1};
  static constexpr std::chrono::seconds kUsable{3};
  static constexpr int kLookersMost = 4;
  // Of all games that are shown, each of which is asked: no less than one game may have.
  static constexpr uint32_t kShardsMost = pool::kMaxShards;

 private:
  absl::StatusOr<Picture> Read(common::Time now);
  absl::Status ReadTotals(Records& records);
  absl::Status ReadStreams(common::Time now, Records& records);
  absl::Status ReadGames(Records& records);

  const Parts parts_;
  const hype::Settings hype_;
  std::atomic<int> lookers_{0};
  common::SharedReads<Picture> pictures_{1, kFresh, kUsable};
};

}  // namespace streaming::observatory
