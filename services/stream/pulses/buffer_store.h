// The sentiments of platform sessions that wait for their pulse, in Redis (redis/pulses.lua).
//
// Keys of a session, all under `stream:{<session id>}:`, deleted when it ends but for `live`:
//   live     hash, kLiveLife: that the session is here, its flush and its seal, which instance owns
//            it and how many viewers that one tracks; after the end the seal alone, kSealLife
//   entries  list of pulse.h's records, twice the rules' max_hold: what waits
//   pending  hash, likewise but kPendingLife at least: the pulse that is taken out, not confirmed
//   latest   string, kLiveLife: the last published pulse
//   seen:<keyed mark, hex>  empty string, kSeenLife: that something was carried out; left to expire
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/common/redis/redis.h"
#include "services/stream/pulses/pulse.h"

namespace stream::pulses {

// A sentiment waits in here for max_hold at most; more of them than this a session and the oldest
// give way.
inline constexpr int kMaxBuffered = 5000;
inline constexpr std::chrono::hours kLiveLife{72};
// Longer than anybody tries to publish a pulse: it is given up and counted, never just gone.
inline constexpr std::chrono::minutes kPendingLife{5};
// Longer than anybody takes an ended session for a live one.
inline constexpr std::chrono::minutes kSealLife{10};

// A mark outlives the freshness of the message that it was made of.
inline constexpr std::chrono::minutes kSeenLife{15};
// Whoever reads a session is its owner until it was silent for so long.
inline constexpr std::chrono::seconds kOwnerLease{5};

// Entries that go into the buffer in one step.
struct Appending {
  std::vector<Entry> entries;  // by one owner's memory, or with no contributor and nobody tracked
  bool as_owner = true;        // of the session: only the owner tells people apart
  int tracked = 0;             // viewers that the owner tracks
  // Keyed marks of what this is; when one is known already, nothing is done.
  std::vector<std::string> marks = {};
};

// What a flush begins with.
struct Claimed {
  // A pulse that was taken out before and has to be published under its id.
  struct Pending {
    common::Uuid pulse_id;
    std::string payload;
    std::chrono::milliseconds age;
  };
  std::optional<Pending> pending;
  std::vector<Entry> entries;  // oldest first
  int records = 0;             // what they were read from: a malformed record is dropped
  int gave_way = 0;            // how many others found no room, see kMaxBuffered
};

struct Settlement {
  int taken = 0;  // records, from the front
  std::vector<Entry> hold;
  std::chrono::milliseconds interval{};
  std::optional<common::Uuid> pulse_id;
  std::string payload;
};

class BufferStore {
 public:
  // `entry_life` bounds what is buffered in time. `redis` and `functions` outlive it.
  BufferStore(common::redis::Redis& redis, common::redis::Functions& functions,
              std::chrono::milliseconds entry_life)
      : redis_(redis), functions_(functions), entry_life_(entry_life) {}

  // kForeign: another instance owns the session.
  enum class Appended { kDone, kDuplicate, kForeign, kAbsent, kSealed };
  absl::Status Open(const common::Uuid& session);
  absl::StatusOr<Appended> Append(const common::Uuid& session, const Appending& appending);
  // Whether any of these marks is known: a look before anything is done, Append decides.
  absl::StatusOr<bool> Knows(const common::Uuid& session, const std::vector<std::string>& marks);
  // Whether this process owns the session from now on, or still.
  absl::StatusOr<bool> TakeOver(const common::Uuid& session);
  // How many viewers the owner tracks.
  absl::StatusOr<int> TrackedCount(const common::Uuid& session);

  // nullopt when another flushes, none is due (unless `force`), or the session is not here.
  absl::StatusOr<std::optional<Claimed>> Claim(const common::Uuid& session, bool force);
  // ABORTED when the claim was lost meanwhile.
  absl::Status Settle(const common::Uuid& session, const Settlement& settlement);
  // `published`: else the pulse is given up. True for the one call that ended it.
  absl::StatusOr<bool> Confirm(const common::Uuid& session, const common::Uuid& pulse_id,
                               bool published);

  // False when the session is not here.
  absl::StatusOr<bool> Seal(const common::Uuid& session);
  // Leaves the seal, here or not: for kSealLife appends are refused as kSealed.
  absl::Status Delete(const common::Uuid& session);
  absl::StatusOr<std::optional<std::string>> Latest(const common::Uuid& session);

 private:
  static constexpr std::chrono::seconds kLease{10};  // a flush that takes longer is another's

  common::redis::Redis& redis_;
  common::redis::Functions& functions_;
  const std::chrono::milliseconds entry_life_;
  const std::string token_ = common::Uuid::V4().ToString();  // this process
};

}  // namespace stream::pulses
