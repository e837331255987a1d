// Raids: a streamer sends the audience to another stream of the game.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/audience/flow.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/sessions/session.h"

namespace streaming::sessions {

// How a raid went, in heads.
struct Raided {
  uint32_t moved = 0;
  uint32_t from_heads = 0;  // that each has now
  uint32_t to_heads = 0;
};

class SessionRaid {
 public:
  struct Options {
    audience::RoundSettings round;
    std::chrono::seconds cool_down{600};  // between two raids that a session sends out
    // Told of every raid that brought somebody; `shard` is that of the session it came to. May be
    // empty.
    std::function<void(const audience::Shard& shard, const audience::Flow& raid)> moved;
  };

  // Keeps the references.
  SessionRaid(common::mysql::Pool& mysql, audience::LiveStore& live,
              common::metrics::Registry& metrics, const Options& options);

  // About half of the audience goes over, as far as there is room, and the world is told. Two
  // sessions of one shard exchange the very members; otherwise as many of the same kinds go home
  // here and come there, as a shard's members do not leave it. That takes two steps: when the other
  // session ends between them, nobody comes and the answer says so; after a crash between them the
  // repeat of a `request` goes on.
  //
  // A `request` that was carried out before gets its first answer. RAID_TARGET_INVALID,
  // RAID_TARGET_PAUSED, RAID_COOLDOWN, SESSION_NOT_LIVE, CONFLICT.
  absl::StatusOr<Raided> Send(const Session& from, const Session& to, common::Time now,
                              const std::optional<audience::Request>& request);

 private:
  absl::StatusOr<Raided> Cross(const Session& from, const Session& to, common::Time now,
                               const std::optional<audience::Request>& request);
  absl::StatusOr<Raided> SendHomeAndCall(const Session& from, const Session& to, common::Time now,
                                         const audience::Request& request);
  absl::StatusOr<audience::Applied> SendHome(const Session& from, const Session& to,
                                             const audience::LiveSession& target, common::Time now,
                                             const audience::Request& request);
  absl::Status MayRaid(const audience::LiveSession& from, const audience::LiveSession& to,
                       common::Time now) const;
  std::vector<audience::Leave> Raiders(const audience::LiveSession& from,
                                       const audience::LiveSession& to, uint64_t key,
                                       common::Time now) const;
  void Count(const Session& from, const Session& to, uint32_t heads, common::Time now);
  absl::Status Tell(const Session& from, const Session& to, const Raided& raided, common::Time now,
                    const std::optional<audience::Request>& request);

  common::mysql::Pool& mysql_;
  audience::LiveStore& live_;
  const Options options_;
  common::metrics::Counter& raids_;
  common::metrics::Counter& moved_;
};

}  // namespace streaming::sessions
