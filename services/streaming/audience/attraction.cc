#include "services/streaming/audience/attraction.h"

#include <algorithm>
#include <cmath>

namespace streaming::audience {
namespace {

using pool::Leaning;
using pool::Personality;

// A stream without tags says nothing of its content: less than a match, more than a miss.
constexpr float kUntaggedMatch = 0.4f;
// The crowd that is neither lonely nor full: social proof is neutral there.
constexpr float kOrdinaryCrowd = 25;
// What is not known to be good is not bad: an unknown streamer counts as one of this reputation,
// and the known ones lie between it and 1. From 0 on, nobody could come to follow an unknown one.
constexpr float kUnknownReputation = 0.72f;

float Unit(float value) { return std::clamp(value, 0.0f, 1.0f); }

float Standing(float reputation) {
  return kUnknownReputation + (1 - kUnknownReputation) * Unit(reputation);
}

}  // namespace

absl::Status Validate(const AttractionWeights& weights) {
  const double all[] = {weights.engagement, weights.follower, weights.content, weights.reputation,
                        weights.context};
  double sum = 0;
  for (const double weight : all) {
    if (!(weight >= 0 && weight <= 1)) {
      return absl::InvalidArgumentError("a matching weight is out of range");
    }
    sum += weight;
  }
  if (std::abs(sum - 1) > 1e-6) {
    return absl::InvalidArgumentError("the matching weights do not sum to 1");
  }
  if (weights.follower > 1 - 1e-6) {
    return absl::InvalidArgumentError("the follower weight leaves nothing for strangers");
  }
  return absl::OkStatus();
}

float BaseEngagement(pool::PersonalityMask personality) {
  return 0.5f + 0.1f * static_cast<float>(Leaning(personality, Personality::kHighExcitement)) +
         0.1f * static_cast<float>(Leaning(personality, Personality::kVocal));
}

float ContentMatch(pool::InterestMask interests, pool::InterestMask tags) {
  const int possible = std::min(interests.Count(), tags.Count());
  if (possible == 0) return kUntaggedMatch;
  return static_cast<float>(interests.CountCommon(tags)) / static_cast<float>(possible);
}

float Context(pool::PersonalityMask personality, const StreamSignals& signals) {
  const auto leaning = [&](Personality side) {
    return static_cast<float>(Leaning(personality, side));
  };
  const float stir = std::max(Unit(signals.hype), Unit(signals.excitement));
  const auto crowd = static_cast<float>(signals.crowd);
  const float social_proof = crowd / (crowd + kOrdinaryCrowd) - 0.5f;  // -0.5 to 0.5
  // Those who love excitement take the stir in full, those who do not take a third of it.
  const float appetite = (2 + leaning(Personality::kHighExcitement)) / 3;
  float context = Unit(signals.caller_score);
  context += 0.4f * stir * appetite;
  context += 0.4f * social_proof * leaning(Personality::kGroupOriented);
  context +=
      0.3f * (Unit(signals.novelty) - 0.5f) * std::max(0.0f, leaning(Personality::kExplorer));
  context += 0.3f * Unit(signals.history) * std::max(0.0f, leaning(Personality::kLoyal));
  return Unit(context);
}

pool::PerArchetype<float> Attractions(const AttractionWeights& weights,
                                      const pool::ArchetypeTable& archetypes,
                                      const StreamSignals& signals) {
  const double remaining = 1 - weights.follower;
  pool::PerArchetype<float> attractions;
  for (size_t a = 0; a < archetypes.size(); ++a) {
    const auto& [personality, interests] = archetypes[a];
    const double sum = weights.engagement * BaseEngagement(personality) +
                       weights.content * ContentMatch(interests, signals.tags) +
                       weights.reputation * Standing(signals.reputation) +
                       weights.context * Context(personality, signals);
    attractions[a] = Unit(static_cast<float>(sum / remaining));
  }
  return attractions;
}

float PersonalAttraction(const AttractionWeights& weights, float engagement_offset) {
  return static_cast<float>(weights.engagement / (1 - weights.follower)) * engagement_offset;
}

float AsFollower(const AttractionWeights& weights, float stranger) {
  return static_cast<float>((1 - weights.follower) * stranger + weights.follower);
}

}  // namespace streaming::audience
