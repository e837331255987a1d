// What an audience's own excitement gives to a hype train that runs.
//
// At every step of a round an excited audience hums, and the train moves a little. Excitement comes
// from what was reported, and from the crowd's temper, which is a matter of chance and changes
// slowly. A real crowd is one whose temper is known: its mood takes the place of chance, the more
// the stronger it is, and excites within the same range. So a train that moves by itself tells
// nobody who is there.
#pragma once
#include <cstdint>

#include <absl/status/status.h>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/live_session.h"
#include "services/streaming/audience/view.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/hype/hype_train.h"

namespace streaming::hype {

// Of an audience, 0 to 1: the most that its temper adds to its excitement, and how much of the sum
// is but the ordinary murmur.
inline constexpr double kTemperMost = 0.4;
inline constexpr double kMurmur = 0.25;
// What the greatest excitement gives in an ordinary round, per head of audience: a contribution of
// a fifth of a great moment.
inline constexpr double kHumMost = 0.2;

// The temper of a session's crowd in a round, by chance: any from 0 to 1 alike, changing over many
// rounds.
double Temper(uint64_t seed, const common::Uuid& session, uint32_t round);

// How excited an audience is in all, 0 to 1, after what was reported (Audience::excitement).
double Buzz(float excitement, const blending::Mood& mood, double temper);

// What this gives in a step that is `share` of an ordinary round, per head of audience. 0 up to
// kMurmur.
double HumOf(double buzz, double share);

// Lets the audience of view.sessions[self] hum, once `change` is what its step makes of it. The
// time of the hum is the step's in the round, whenever it is made: the result does not depend on
// who makes it. Nobody hums in a paused session. `round` with the seed of the session's shard.
absl::Status HumAtStep(const Settings& settings, const audience::RoundSettings& round,
                       const audience::View& view, uint32_t self, audience::Change& change);

}  // namespace streaming::hype
