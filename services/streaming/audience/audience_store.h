// Audiences in Redis: who sits where, and what a session keeps of its audience.
//
// Everything that changes members goes through the Functions of redis/audience.lua, so that the
// bitmap of taken members and the sessions' own arrays always agree. A change names the nonce under
// which its author read the session and is refused when somebody was quicker: read again and decide
// anew.
#pragma once
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "libs/common/redis/redis.h"
#include "services/streaming/audience/audience_keys.h"
#include "services/streaming/audience/party.h"

namespace streaming::audience {

// The refusals of the Functions, as common::redis::ErrorCode gives them; all FAILED_PRECONDITION.
inline constexpr std::string_view kAbsent = "ABSENT";     // no such session
inline constexpr std::string_view kExists = "EXISTS";     // Open: it is open already
inline constexpr std::string_view kSealed = "SEALED";     // it is ending
inline constexpr std::string_view kStaleNonce = "NONCE";  // somebody was quicker
inline constexpr std::string_view kAnswered =
    "ANSWERED";                                    // this request was carried out: ReadAnswer
inline constexpr std::string_view kFull = "FULL";  // a list that must not lose is full
inline constexpr std::string_view kNotLeader = "LEADER";  // somebody else leads the rounds now

// Names a state of a session's membership. 64 random bits, redrawn by every change: a counter would
// come again after a fail-over to a replica that lags.
using Nonce = std::string;

// Fields of a session that its owners encode. Names must not be nonce, members, count, joined,
// sealed, answered, departed_dropped or news_dropped.
using Fields = std::vector<std::pair<std::string, std::string>>;

// News that is told in the same step as the change.
struct Push {
  std::string list = {};  // a key of the same shard
  std::string value = {};
  uint32_t limit = 0;     // of the list's length, above 0
  bool must_fit = false;  // refuse with FULL instead of dropping and counting
};

// What a change does besides moving members.
struct Effects {
  Fields fields = {};
  std::string request_id = {};  // "" = none; else `answer` is kept and a repeat is refused
  std::string answer = {};
  std::string leader = {};  // "" = anybody may; else refused with LEADER unless it leads the rounds
  std::string command = {};  // "" = none; else it goes into the shard's log, as readable text
  std::vector<Push> pushes = {};
};

struct Opening {
  std::vector<Demand> demands = {};
  uint32_t capacity = 0;       // members
  std::string followers = {};  // opaque; ReadFollowers gives them back
  Fields fields = {};
};

// `leaves` and `departures` as EncodeLeavers makes them.
struct AudienceChange {
  Nonce expected = {};
  std::string leaves = {};
  std::string departures = {};
  std::vector<Demand> demands = {};
  uint32_t capacity = 0;  // members, after the change
  Effects effects = {};
};

// A session to which members go.
struct Destination {
  common::Uuid session_id = {};
  Nonce expected = {};
  Fields fields = {};
};

// Members that go over to other sessions of the shard. `movers` as AppendMover makes them, with
// positions in `to`, and a departure for each.
struct Transfer {
  Nonce expected = {};
  std::vector<Destination> to = {};
  std::string movers = {};
  std::string departures = {};
  Effects effects = {};  // of the session they leave
};

struct Changed {
  Nonce nonce = {};                 // of the state that the change made
  std::vector<Party> parties = {};  // who came
};

struct Moved {
  Nonce nonce = {};                   // of the session they left
  std::vector<Nonce> to_nonces = {};  // of the others
  std::vector<Party> parties = {};    // as they are where they went, in order of the movers
};

struct StoredAudience {
  Nonce nonce = {};
  std::vector<Party> parties = {};
  uint32_t count = 0;  // members
  bool sealed = false;
  std::map<std::string, std::string> fields = {};  // all that the session's hash holds
};

// What a session keeps besides its members.
struct AudienceGlimpse {
  bool sealed = false;
  std::vector<Party> joined = {};        // whom its last change brought, also members by now
  std::vector<std::string> fields = {};  // those that were asked for, "" where there is none
};

struct SealedAudience {
  StoredAudience live = {};
  std::vector<DepartedParty> departed = {};
  uint32_t forgotten = 0;  // departed parties beyond what is kept
};

struct Audited {
  uint64_t bits_before = 0;
  uint64_t bits_after = 0;
  uint64_t members = 0;  // above bits_after only if one sits twice
};

// Errors: refusals as above; those of common::redis otherwise; INTERNAL when a stored record is
// malformed. A call that ends UNAVAILABLE may have been carried out: the nonce tells.
class AudienceStore {
 public:
  // Both must outlive this. `functions` is the library redis/audience.lua.
  AudienceStore(common::redis::Redis& redis, common::redis::Functions& functions)
      : redis_(redis), functions_(functions) {}

  absl::StatusOr<Changed> Open(const Shard& shard, const common::Uuid& session_id,
                               const Opening& opening);
  absl::StatusOr<Changed> Apply(const Shard& shard, const common::Uuid& session_id,
                                const AudienceChange& change);
  absl::StatusOr<Moved> Move(const Shard& shard, const common::Uuid& from,
                             const Transfer& transfer);
  // Nothing changes the session from now on. Gives all of it, each time it is called.
  absl::StatusOr<SealedAudience> Seal(const Shard& shard, const common::Uuid& session_id);
  // Frees the members and forgets the session. Returns how many were freed; 0 when it is repeated.
  absl::StatusOr<uint32_t> Release(const Shard& shard, const common::Uuid& session_id);
  // Makes the bitmap what the sessions say. For whoever claims the shard.
  absl::StatusOr<Audited> Audit(const Shard& shard);
  // Deletes all keys of a shard that do not expire by themselves, and the views of its last
  // kForgottenViews rounds. How many there were. For a pool that is gone.
  static constexpr uint32_t kForgottenViews = 1000;
  absl::StatusOr<int64_t> Forget(const Shard& shard);

  // nullopt when the session has no audience.
  absl::StatusOr<std::optional<StoredAudience>> Read(const Shard& shard,
                                                     const common::Uuid& session_id);
  // Likewise for several, in their order, in one round trip.
  absl::StatusOr<std::vector<std::optional<StoredAudience>>> ReadMany(
      std::span<const std::pair<Shard, common::Uuid>> sessions);
  // Some fields of a session, without its members. nullopt when the session has no audience.
  absl::StatusOr<std::optional<AudienceGlimpse>> Glance(
      const Shard& shard, const common::Uuid& session_id,
      std::initializer_list<std::string_view> fields);
  // What Opening::followers was; "" when there were none, or no such session.
  absl::StatusOr<std::string> ReadFollowers(const Shard& shard, const common::Uuid& session_id);
  // The first answer to a request, while it is kept (the session's last 1 024).
  absl::StatusOr<std::optional<std::string>> ReadAnswer(const Shard& shard,
                                                        const common::Uuid& session_id,
                                                        std::string_view request_id);
  absl::StatusOr<std::vector<common::Uuid>> Sessions(const Shard& shard);
  // Members in somebody's audience.
  absl::StatusOr<uint64_t> CountTaken(const Shard& shard);

  // Whether the caller is the one who takes the snapshots of this slice of time.
  absl::StatusOr<bool> ClaimSnapshots(const Shard& shard, int64_t slice, common::Duration ttl);

  // The view of a round: the given one if there was none, else the one that is there.
  absl::StatusOr<std::string> SettleView(const Shard& shard, uint32_t round, std::string_view view,
                                         std::chrono::seconds ttl);

 private:
  common::redis::Redis& redis_;
  common::redis::Functions& functions_;
};

}  // namespace streaming::audience
