// The Redis keys of a game's leaderboards, each made in one place. The hash tag {game} puts all of
// them into one slot, so that a Function may touch them together.
#pragma once
#include <string>
#include <string_view>

#include "libs/common/base/uuid.h"

namespace streaming::careers {

// Sorted set: member = the streamer's type (1 byte) and id (16 bytes), score = minus the value, so
// that Redis orders by value descending and then by member ascending. `metric` is the contract's
// word. TTL a minute more than the marker's.
inline std::string BoardKey(const common::Uuid& game_service_id, std::string_view metric) {
  return "streaming:{" + game_service_id.ToString() + "}:board:" + std::string(metric);
}

// Hash: position, since: how far the boards follow the table `streamer` (leaderboard_store.cc). TTL
// LeaderboardStore::kLife from when the boards were begun, which then are begun anew.
inline std::string BoardsKey(const common::Uuid& game_service_id) {
  return "streaming:{" + game_service_id.ToString() + "}:boards";
}

}  // namespace streaming::careers
