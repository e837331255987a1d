// How much a stream attracts each kind of member: one number in [0, 1] an archetype.
#pragma once
#include <cstdint>

#include <absl/status/status.h>

#include "services/streaming/pool/archetype.h"
#include "services/streaming/pool/pool.h"

namespace streaming::audience {

// What the five terms count for. Each 0 to 1; together 1.
struct AttractionWeights {
  double engagement = 0.2;
  double follower = 0.3;  // below 1, or a stranger could be drawn by nothing
  double content = 0.25;
  double reputation = 0.15;
  double context = 0.1;
};

// INVALID_ARGUMENT unless the weights are in range and sum to 1 within a millionth.
absl::Status Validate(const AttractionWeights& weights);

// What is known of a stream when a round begins. All but the crowd are 0 to 1 and are clamped.
struct StreamSignals {
  pool::InterestMask tags = {};
  float reputation = 0;
  float hype = 0;             // how far the running hype train has come, 0 = none
  float excitement = 0;       // the audience's, recently
  uint32_t crowd = 0;         // heads that watch now
  float novelty = 0.5f;       // 1 = never seen: a new streamer or content
  float history = 0;          // 1 = a streamer of many sessions
  float caller_score = 0.5f;  // the game's own judgement, 0.5 = no opinion
};

// Engagement of an archetype before the member's own offset, 0.3 to 0.7, so that with the offset
// (pool::kEngagementSpread) it stays in [0, 1].
float BaseEngagement(pool::PersonalityMask personality);

// How well a stream's tags match an archetype's interests, 0 to 1.
float ContentMatch(pool::InterestMask interests, pool::InterestMask tags);

// The moment's pull on an archetype, 0 to 1.
float Context(pool::PersonalityMask personality, const StreamSignals& signals);

// Attraction to members who do not follow the streamer: the follower term is left out and the rest
// divided by the weights that remain, so that a stranger can reach any value at all.
pool::PerArchetype<float> Attractions(const AttractionWeights& weights,
                                      const pool::ArchetypeTable& archetypes,
                                      const StreamSignals& signals);

// What one member adds to its archetype's attraction by its own engagement, as a stranger.
// `engagement_offset` as pool::EngagementOffset gives it.
float PersonalAttraction(const AttractionWeights& weights, float engagement_offset);

// A stranger's attraction (or interest) as it would be for a follower: the plain weighted sum.
float AsFollower(const AttractionWeights& weights, float stranger);

}  // namespace streaming::audience
