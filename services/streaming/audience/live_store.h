// The only way to a live session: load it, change it by a rule, end it.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/recently_used.h"
#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/news_store.h"
#include "services/streaming/audience/passage.h"
#include "services/streaming/pool/pool_store.h"

namespace streaming::audience {

// A caller's own name for a change, so that a retry of it changes nothing.
struct Request {
  common::Uuid id;
  std::string digest;  // of the request's content, 32 bytes
};

// What an update did.
struct Applied {
  LiveSession session;  // as it is now
  std::vector<Party> joined;
  std::vector<Party> left;
  uint32_t joined_heads = 0;
  uint32_t left_heads = 0;
  std::string answer;  // Change::answer, of the first time when it is a replay
  // Whether this request was carried out before. Then nothing was changed now; `joined` and
  // `joined_heads` are those of then, `left` is empty.
  bool replayed = false;
};

// What can be told of a session without loading its audience.
struct Glimpse {
  uint32_t heads = 0;
  LiveState state;  // whose peak_heads are at least `heads`
};

// A session that nothing changes any more, with everybody who was ever in its audience.
struct Sealed {
  LiveSession session;
  std::vector<DepartedParty> departed;
};

class LiveStore {
 public:
  struct Options {
    uint32_t max_heads = 5000;  // of one session
  };
  using Rule = std::function<absl::StatusOr<Change>(const LiveSession&)>;

  // Keeps the references.
  LiveStore(AudienceStore& audience, pool::PoolStore& pools, NewsQueue& news,
            common::metrics::Registry& metrics, Options options);

  // SESSION_NOT_LIVE when the session is not open. A sealed one is still read.
  absl::StatusOr<LiveSession> Load(const LiveKey& key);
  // Likewise several at once, at most kLoadManyMost (else INVALID_ARGUMENT), in the order of
  // `keys`; nullopt for one that is not open. One round trip.
  static constexpr size_t kLoadManyMost = 64;
  absl::StatusOr<std::vector<std::optional<LiveSession>>> LoadMany(std::span<const LiveKey> keys);
  // SESSION_NOT_LIVE when the session is not open, or sealed. Costs the same whatever the audience.
  absl::StatusOr<Glimpse> Glance(const LiveKey& key);

  // Loads the session, accrues its counters up to `now`, asks the rule, and carries its change out
  // at once or not at all. The rule must be pure: it is asked again when the session has changed in
  // between, up to kAttempts times (then CONFLICT). What the rule refuses with is returned as it
  // is. A `request` that was carried out before is answered without asking the rule, and with
  // REQUEST_ID_REUSED when its digest was another. SESSION_NOT_LIVE when the session is absent or
  // sealed.
  // With a `leader`, refused as kNotLeader unless that one leads the shard's rounds.
  //
  // What callers change is remembered, and the next change begins with that instead of reading the
  // session: the nonce tells whether it is still so. A rule may therefore be asked about a session
  // that has changed since, but only what it wants of the session as it is is carried out, and only
  // what it refuses of that is returned.
  absl::StatusOr<Applied> Update(const LiveKey& key, common::Time now, const Rule& rule,
                                 const std::optional<Request>& request = std::nullopt,
                                 std::string_view leader = "");

  // Carries movers over to other sessions of the shard, at most kDestinationsMax, while these have
  // room; who finds none stays. Accrue `from` first. Returns the heads that went; `from` and `to`
  // are then as they are now. When IsOvertaken(status), one of them has changed since it was read:
  // read all again and decide anew.
  absl::StatusOr<uint32_t> Cross(LiveSession& from, std::span<LiveSession* const> to,
                                 Crossing crossing, common::Time now,
                                 const std::optional<Request>& request = std::nullopt,
                                 std::string_view leader = "");
  static bool IsOvertaken(const absl::Status& status);

  // What Update gives for a request that was carried out before; nullopt for a new one.
  absl::StatusOr<std::optional<Applied>> FindReplay(const LiveKey& key, const Request& request);

  // Opens a session with its first audience. One that is open already is returned as it is: a
  // repeated start draws nobody.
  absl::StatusOr<LiveSession> Open(const LiveKey& key, common::Time now, const Change& first,
                                   const Followers& followers = {});

  // From now on nothing changes the session. May be repeated, with the same result. nullopt when
  // there is no such session.
  absl::StatusOr<std::optional<Sealed>> Seal(const LiveKey& key, common::Time now);

  // Frees the audience and forgets the session. May be repeated. Returns how many members it freed.
  absl::StatusOr<uint32_t> Release(const LiveKey& key);

  // The sessions that are open or sealed in a shard, in no order.
  absl::StatusOr<std::vector<common::Uuid>> List(const Shard& shard);

  // For how many heads more a session has room that has these.
  uint32_t Room(uint32_t heads) const;

  static constexpr int kAttempts = 8;

 private:
  absl::StatusOr<LiveSession> ToSession(const LiveKey& key, StoredAudience stored);
  // The session as the last change here left it; nullopt when there was none, or long ago.
  absl::StatusOr<std::optional<LiveSession>> Recall(const LiveKey& key);
  void Remember(LiveSession session);
  // As it is now, SESSION_NOT_LIVE when it cannot be changed.
  absl::StatusOr<LiveSession> ReadOpen(const LiveKey& key);
  absl::StatusOr<Applied> Apply(const LiveSession& session, Change change,
                                const std::optional<Request>& request, std::string_view leader);
  // What a session is to be when movers have come, and how many of them are told of one by one.
  struct Arrival {
    LiveState state;
    uint32_t told = 0;
  };
  void Arrive(const Passage& passage, const Moved& moved, std::span<LiveSession* const> to,
              std::span<const Arrival> arrivals);
  absl::StatusOr<std::shared_ptr<const Followers>> FollowersOf(const LiveKey& key);
  void Keep(const common::Uuid& session, std::shared_ptr<const Followers> followers);
  void Drop(const common::Uuid& session);
  std::mutex& StripeOf(const LiveKey& key);

  AudienceStore& store_;
  pool::PoolStore& pools_;
  NewsQueue& news_;
  const Options options_;
  common::metrics::Counter& conflicts_;
  common::metrics::Counter& forgotten_;
  common::metrics::Counter& recalled_;
  common::metrics::Counter& outdated_;
  // Updates of one session from this process wait for each other instead of colliding in Redis.
  static constexpr size_t kStripes = 256;
  std::array<std::mutex, kStripes> stripes_;
  // They never change, so each is read once. Beyond either bound they are read anew.
  static constexpr size_t kFollowersSessions = 100'000;
  static constexpr size_t kFollowersRuns = 4'000'000;  // 16 bytes each
  std::mutex followers_mutex_;
  std::unordered_map<common::Uuid, std::shared_ptr<const Followers>> followers_;
  size_t follower_runs_ = 0;
  // Up to 120 KB each, at 5 000 viewers of 5 000 parties.
  static constexpr size_t kRemembered = 128;
  common::RecentlyUsed<common::Uuid, LiveSession> remembered_{kRemembered};
};

}  // namespace streaming::audience
