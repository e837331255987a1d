// The Redis keys of a pool shard, each made in one place. The hash tag {game:shard} puts all of
// them into one slot, so that a Function may touch any of them together.
#pragma once
#include <cstdint>
#include <string>

#include "libs/common/base/uuid.h"

namespace streaming::audience {

// A part of a game's pool; sessions live in one each.
struct Shard {
  common::Uuid game_service_id;
  uint32_t number = 0;
};

inline std::string ShardPrefix(const Shard& shard) {
  return "streaming:{" + shard.game_service_id.ToString() + ":" + std::to_string(shard.number) +
         "}:";
}

// Bitmap, bit = member index: in somebody's audience. No TTL: it is the pool's own state and can be
// rebuilt from the sessions (audit). Written by the Functions only.
inline std::string TakenKey(const Shard& shard) { return ShardPrefix(shard) + "taken"; }

// Set of the ids of all sessions with an audience. No TTL: release empties it, and audit.
inline std::string SessionsKey(const Shard& shard) { return ShardPrefix(shard) + "sessions"; }

// Hash: nonce, members, count, joined (those whom the last change brought), sealed, and the fields
// of its owners (AudienceStore). No TTL: a
// session must not lose its audience while it lives; release deletes it, and the reconciler sees to
// it that every session is released.
inline std::string SessionKey(const Shard& shard, const common::Uuid& session_id) {
  return ShardPrefix(shard) + "session:" + session_id.ToString();
}

// String of departed parties (party.h), at most 4 MiB. Lives and dies with the session's hash.
inline std::string DepartedKey(const Shard& shard, const common::Uuid& session_id) {
  return SessionKey(shard, session_id) + ":departed";
}

// Hash: request id -> answer, and a ring '#0' … '#1023' of request ids. Lives and dies with the
// session's hash.
inline std::string AnswersKey(const Shard& shard, const common::Uuid& session_id) {
  return SessionKey(shard, session_id) + ":answers";
}

// String of the streamer's followers at the start, by run (followers.h), at most 240 KB. Lives and
// dies with the session's hash; absent when there are none.
inline std::string FollowersKey(const Shard& shard, const common::Uuid& session_id) {
  return SessionKey(shard, session_id) + ":followers";
}

// Hash: leader, until, round, due (redis/rounds.lua). No TTL: a round number must not come again
// while a session remembers it.
inline std::string RoundsKey(const Shard& shard) { return ShardPrefix(shard) + "rounds"; }

// Stream of what changed audiences but for the rounds, with its place between their steps: session,
// command. No TTL; the Functions trim it to about 10 000.
inline std::string LogKey(const Shard& shard) { return ShardPrefix(shard) + "log"; }

// String: somebody takes the snapshots of this slice of time. TTL two intervals of theirs.
inline std::string SnapshotsKey(const Shard& shard, int64_t slice) {
  return ShardPrefix(shard) + "snapshots:" + std::to_string(slice);
}

// List of hype transitions that the relay has yet to write to MySQL. No TTL: it must not lose
// anything; the relay trims it.
inline std::string HypePendingKey(const Shard& shard) {
  return ShardPrefix(shard) + "hype:pending";
}

// String: the view of a round (round.h), set by whoever begins it. TTL given at setting, some
// rounds.
inline std::string ViewKey(const Shard& shard, uint32_t round) {
  return ShardPrefix(shard) + "round:" + std::to_string(round);
}

}  // namespace streaming::audience
