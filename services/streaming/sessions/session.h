// An in-game stream session: its states, whose it is, and its summary.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::sessions {

// The numbers are the contract's and the database's.
enum class Status : uint8_t { kPending = 1, kLive, kEnding, kEnded };
enum class StreamerType : uint8_t { kCharacter = 1, kAccount, kActor };
enum class EndReason : uint8_t { kManual = 1, kSessionEnded, kDisconnected, kError };

// Pending to Live to Ending to Ended; a Pending session may be cancelled, which is Ended at once.
bool MayBecome(Status from, Status to);

// Who acts.
struct Caller {
  std::optional<common::Uuid> account;
  bool privileged = false;  // role service or admin: any owner
};

// Whether the caller may stream as somebody, and whose the session is then.
struct Ownership {
  bool allowed = false;
  std::optional<common::Uuid> owner;  // absent: role service's alone
  bool bind = false;                  // the character belongs to `owner` from now on
};
// An Account is the caller's own, a Character the first account's that streamed it (`bound`), an
// Actor role service's.
Ownership OwnershipOf(StreamerType type, const common::Uuid& streamer, const Caller& caller,
                      const std::optional<common::Uuid>& bound);

// Whether the caller may change a session of this owner.
bool MayChange(const std::optional<common::Uuid>& owner, const Caller& caller);

// Whether a session ends because its account is gone since `disconnected`: a call that came later,
// also one of the same moment, shows that somebody is there. `last_call` of a Pending session is
// its creation.
bool IsAbandoned(common::Time disconnected, common::Time last_call);

// Counters of a session; while it lives they are those of its last checkpoint.
struct Counters {
  uint32_t last_round = 0;
  uint32_t heads = 0;
  uint32_t peak_heads = 0;
  double viewer_seconds = 0;
  double interest_seconds = 0;
  double live_seconds = 0;  // without pauses
  uint32_t world_firsts = 0;
  uint32_t hype_trains = 0;
  uint8_t peak_hype_level = 0;
  bool operator==(const Counters&) const = default;
};
Counters CountersOf(const audience::LiveSession& session);

// What lasts of a session.
struct Session {
  audience::LiveKey key;
  StreamerType streamer_type = StreamerType::kAccount;
  common::Uuid streamer;
  std::optional<common::Uuid> owner;
  uint32_t ordinal = 0;  // among the streamer's in this game, from 1; 0 until it went live
  Status status = Status::kPending;
  bool paused = false;
  double context_score = 0.5;  // the game's own judgement of the moment, 0 to 1
  std::optional<std::string> title;
  std::optional<std::string> theme;
  pool::InterestMask tags;
  std::optional<common::Uuid> platform_session;
  std::optional<common::Uuid> game_session;
  common::Time created_at;
  std::optional<common::Time> started_at;
  std::optional<common::Time> ended_at;
  Counters counters;
  uint32_t new_followers = 0;
  // Not the session's own, but shown with it.
  uint32_t followers = 0;  // of the streamer in this game
  bool train_runs = false;
};

// Zeros for a session that never went live.
struct Summary {
  int32_t duration_seconds = 0;  // from start to end, pauses included
  int32_t peak_heads = 0;
  int32_t average_heads = 0;  // viewer-seconds over duration, rounded
  int32_t new_followers = 0;
  int32_t hype_trains = 0;
  bool operator==(const Summary&) const = default;
};
Summary SummaryOf(const Session& session);

}  // namespace streaming::sessions
