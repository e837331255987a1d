#include "services/streaming/blending/mood.h"

#include <algorithm>
#include <cmath>

namespace streaming::blending {
namespace {

using pool::Leaning;
using pool::Personality;

// How far one pulse moves the mood: three pulses, 45 s at the default interval, bring two thirds.
constexpr float kPulseShare = 0.3f;
constexpr float kPushLimit = 0.2f;
// What a level of 1 does to a neutral member. Positive feeling spreads about three times as
// readily.
constexpr std::array<float, kSentiments> kPush = {0.18f, 0.12f, -0.03f, 0.08f,
                                                  0.15f, 0.15f, -0.07f, -0.04f};

// What a level of 1 excites an audience.
constexpr std::array<float, kSentiments> kThrill = {1.0f, 0.4f, 0, 0.2f, 0.8f, 0.6f, 0, 0};

bool IsIll(size_t sentiment) { return kPush[sentiment] < 0; }

}  // namespace

Mood Blend(const Mood& mood, std::span<const SentimentSample> pulse) {
  if (pulse.empty()) return mood;
  std::array<float, kSentiments> sums{};
  for (const SentimentSample& sample : pulse) {
    sums[static_cast<size_t>(sample.sentiment)] += std::clamp(sample.intensity, 0.0f, 1.0f);
  }
  Mood blended = mood;
  for (size_t i = 0; i < kSentiments; ++i) {
    const float share = sums[i] / static_cast<float>(pulse.size());
    blended.levels[i] += kPulseShare * (share - blended.levels[i]);
  }
  return blended;
}

Mood Fade(const Mood& mood, double decay_rate, double steps) {
  const double keep = std::clamp(1 - decay_rate, 0.0, 1.0);
  Mood faded = mood;
  for (size_t i = 0; i < kSentiments; ++i) {
    faded.levels[i] *= static_cast<float>(std::pow(keep, IsIll(i) ? steps / 2 : steps));
  }
  return faded;
}

float MoodPush(const Mood& mood, pool::PersonalityMask personality) {
  float push = 0;
  for (size_t i = 0; i < kSentiments; ++i) push += kPush[i] * mood.levels[i];
  const auto hostile = mood.levels[static_cast<size_t>(Sentiment::kHostile)];
  const auto critical = mood.levels[static_cast<size_t>(Sentiment::kCritical)];
  // A quarrel entertains the confrontational and drives the supportive away.
  push += 0.1f * (hostile + critical) *
          static_cast<float>(Leaning(personality, Personality::kConfrontational));
  // Moods are caught from others: half again for the group-oriented, half for those on their own.
  push *= 1 + 0.5f * static_cast<float>(Leaning(personality, Personality::kGroupOriented));
  return std::clamp(push, -kPushLimit, kPushLimit);
}

float Thrill(const Mood& mood) {
  float thrill = 0;
  for (size_t i = 0; i < kSentiments; ++i) thrill += kThrill[i] * mood.levels[i];
  return std::clamp(thrill, 0.0f, 1.0f);
}

Sentiment Dominant(const Mood& mood) {
  const auto strongest = std::max_element(mood.levels.begin(), mood.levels.end());
  if (*strongest <= 0) return Sentiment::kCurious;
  return static_cast<Sentiment>(strongest - mood.levels.begin());
}

void AppendMood(std::string& out, const Mood& mood) {
  for (const float level : mood.levels) {
    out.push_back(static_cast<char>(std::lround(std::clamp(level, 0.0f, 1.0f) * 255)));
  }
}

Mood ReadMood(const char* data) {
  Mood mood;
  for (size_t i = 0; i < kSentiments; ++i) {
    mood.levels[i] = static_cast<float>(static_cast<uint8_t>(data[i])) / 255;
  }
  return mood;
}

absl::StatusOr<RecentPulses> RecentPulses::Decode(std::string_view bytes) {
  constexpr size_t kIdBytes = 16;
  if (bytes.size() % kIdBytes != 0 || bytes.size() > kCapacity * kIdBytes) {
    return absl::InvalidArgumentError("recent pulses are malformed");
  }
  RecentPulses recent;
  for (size_t at = 0; at < bytes.size(); at += kIdBytes) {
    recent.ids_.push_back(*common::Uuid::FromBytes(bytes.substr(at, kIdBytes)));
  }
  return recent;
}

std::string RecentPulses::Encode() const {
  std::string bytes;
  for (const common::Uuid& id : ids_) bytes += id.ToBytes();
  return bytes;
}

bool RecentPulses::Remember(const common::Uuid& pulse_id) {
  if (std::find(ids_.begin(), ids_.end(), pulse_id) != ids_.end()) return false;
  if (ids_.size() == kCapacity) ids_.erase(ids_.begin());
  ids_.push_back(pulse_id);
  return true;
}

}  // namespace streaming::blending
