// The only way to a live session: load it, change it by a rule, end it.
#pragma once
#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/metrics/metrics.h"
#include "services/streaming/audience/audience_store.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/news_store.h"
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
  uint32_t competed_heads = 0;  // of those who left, the ones whom another stream won
  // Set when this request was carried out before: its Change::answer. Then nothing was changed now;
  // `joined` and `joined_heads` are those of then, `left` is empty.
  std::optional<std::string> replayed_answer;
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

  // Loads the session, accrues its counters up to `now`, asks the rule, and carries its change out
  // at once or not at all. The rule must be pure: it is asked again when the session has changed in
  // between, up to kAttempts times (then CONFLICT). What the rule refuses with is returned as it
  // is. A `request` that was carried out before is answered without asking the rule, and with
  // REQUEST_ID_REUSED when its digest was another. SESSION_NOT_LIVE when the session is absent or
  // sealed.
  absl::StatusOr<Applied> Update(const LiveKey& key, common::Time now, const Rule& rule,
                                 const std::optional<Request>& request = std::nullopt);

  // What Update gives for a request that was carried out before; nullopt for a new one.
  absl::StatusOr<std::optional<Applied>> FindReplay(const LiveKey& key, const Request& request);

  // Opens a session with its first audience. One that is open already is returned as it is: a
  // repeated start draws nobody.
  absl::StatusOr<LiveSession> Open(const LiveKey& key, common::Time now, const Change& first);

  // From now on nothing changes the session. May be repeated, with the same result. nullopt when
  // there is no such session.
  absl::StatusOr<std::optional<Sealed>> Seal(const LiveKey& key, common::Time now);

  // Frees the audience and forgets the session. May be repeated. Returns how many members it freed.
  absl::StatusOr<uint32_t> Release(const LiveKey& key);

  // The sessions that are open or sealed in a shard, in no order.
  absl::StatusOr<std::vector<common::Uuid>> List(const Shard& shard);

  static constexpr int kAttempts = 8;

 private:
  absl::StatusOr<LiveSession> ToSession(const LiveKey& key, StoredAudience stored);
  absl::StatusOr<Applied> Apply(const LiveSession& session, Change change,
                                const std::optional<Request>& request);
  uint32_t Room(uint32_t heads) const;  // for how many more
  std::mutex& StripeOf(const LiveKey& key);

  AudienceStore& store_;
  pool::PoolStore& pools_;
  NewsQueue& news_;
  const Options options_;
  common::metrics::Counter& conflicts_;
  // Updates of one session from this process wait for each other instead of colliding in Redis.
  static constexpr size_t kStripes = 256;
  std::array<std::mutex, kStripes> stripes_;
};

}  // namespace streaming::audience
