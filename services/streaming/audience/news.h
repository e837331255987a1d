// What the world is told of people who come and go: news, not a record, and never a flood.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/live_session.h"

namespace streaming::audience {

// Individual events a round and session; beyond them people are told of together.
inline constexpr uint32_t kIndividualNewsPerRound = 10;

struct News {
  common::Uuid session;
  common::Uuid viewer;             // the pseudonym; of several people, one of theirs
  std::optional<LeftReason> left;  // absent: joined
  bool together = false;           // stands for several heads
  uint32_t heads = 1;
};

// One kind of coming or going in a change.
struct Movement {
  std::optional<LeftReason> left;  // absent: joined
  std::vector<Party> parties;
};

// How many individuals may still be told of in the state's round, `coming` of whom are about to be:
// they are taken off.
uint32_t TakeNewsShare(LiveState& state, uint32_t round, uint32_t coming);

// News of the movements: the first `individuals` members one by one, the rest of each movement
// together.
std::vector<News> TellOf(const pool::Pool& pool, const LiveSession& session,
                         const std::vector<Movement>& movements, uint32_t individuals);

}  // namespace streaming::audience
