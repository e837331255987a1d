// A session's life across the two stores. Each step can be repeated, and whoever finds a session
// between two steps goes on from there, so that a crash at any point loses nobody and counts
// nothing twice.
#pragma once
#include <chrono>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/audience/live_store.h"
#include "services/streaming/audience/news_store.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/audience/round_store.h"
#include "services/streaming/follows/follow_store.h"
#include "services/streaming/pool/pool_store.h"
#include "services/streaming/sessions/session.h"
#include "services/streaming/sessions/session_store.h"

namespace streaming::sessions {

class SessionLife {
 public:
  struct Parts {
    common::mysql::Pool& mysql;
    SessionStore& sessions;
    pool::PoolStore& pools;
    audience::LiveStore& live;
    audience::RoundStore& rounds;
    audience::NewsQueue& news;
    follows::FollowStore& follows;
  };

  // Keeps the references.
  SessionLife(const Parts& parts, const audience::RoundSettings& settings)
      : parts_(parts), settings_(settings) {}

  // Pending to Live: first the audience, then the record. SESSION_NOT_PENDING.
  absl::StatusOr<Session> Start(const Session& session, common::Time now);

  // To Ended, from any status: a Pending session is cancelled, an Ended one returned as it is.
  absl::StatusOr<Session> End(const common::Uuid& id, EndReason reason, common::Time now);

  // Pending to Ended. False when it is not Pending any more: then nothing happens.
  absl::StatusOr<bool> Cancel(const audience::LiveKey& key, EndReason reason, common::Time now);

  // What is left to do for a session that is Ending: seal, record, release.
  absl::Status Finish(const Session& session);

  // Notes that somebody is there, in a Live session; without effect on any other.
  absl::Status Touch(const audience::LiveKey& key, common::Time now);

  // Gives a Live session whose audience Redis has lost an empty one, with its counters as of the
  // last checkpoint.
  absl::Status Reopen(const Session& session, common::Time now);

 private:
  absl::StatusOr<audience::Change> FirstAudience(const Session& session, const pool::Pool& pool,
                                                 const audience::Followers& followers,
                                                 common::Time now);
  absl::StatusOr<audience::Followers> FollowersOf(const Session& session);
  absl::StatusOr<audience::LiveState> StateOf(const Session& session, common::Time now);
  absl::Status Record(const Session& session, const std::optional<audience::Sealed>& sealed);
  void TellOfEnd(const audience::LiveSession& session);

  const Parts parts_;
  const audience::RoundSettings settings_;
};

}  // namespace streaming::sessions
