#include "services/streaming/blending/mood.h"

#include <algorithm>
#include <cmath>

namespace streaming::blending {
namespace {

using pool::Leaning;
using pool::Personality;

// How far one pulse moves the mood: three pulses, 45 s at the default interval, bring two thirds.
constexpr double kPulseShare = 0.3;
constexpr float kIntensityUnits = 1000;
constexpr size_t kCountBytes = 4;  // of Heard's numbers
constexpr float kNoticed = 0.01f;
constexpr float kFineSteps = 65535;
// What a level of 1 does to a neutral member. Positive feeling spreads about three times as
// readily.
constexpr std::array<float, kSentiments> kPush = {0.18f, 0.12f, -0.03f, 0.08f,
                                                  0.15f, 0.15f, -0.07f, -0.04f};

// What a level of 1 excites an audience.
constexpr std::array<float, kSentiments> kThrill = {1.0f, 0.4f, 0, 0.2f, 0.8f, 0.6f, 0, 0};

bool IsIll(size_t sentiment) { return kPush[sentiment] < 0; }

}  // namespace

void Heard::Add(Sentiment sentiment, float intensity) {
  const float clamped = std::clamp(intensity, 0.0f, 1.0f);
  sums_[static_cast<size_t>(sentiment)] +=
      static_cast<uint32_t>(std::lround(clamped * kIntensityUnits));
  ++samples_;
}

float Heard::ShareOf(size_t sentiment) const {
  if (samples_ == 0) return 0;
  return static_cast<float>(sums_[sentiment]) / (kIntensityUnits * static_cast<float>(samples_));
}

void Heard::Append(std::string& out) const {
  audience::PutLittleEndian(out, pulses_, kCountBytes);
  audience::PutLittleEndian(out, samples_, kCountBytes);
  for (const uint32_t sum : sums_) audience::PutLittleEndian(out, sum, kCountBytes);
}

Heard Heard::Take(audience::ByteReader& reader) {
  Heard heard;
  heard.pulses_ = static_cast<uint32_t>(reader.Take(kCountBytes));
  heard.samples_ = static_cast<uint32_t>(reader.Take(kCountBytes));
  for (uint32_t& sum : heard.sums_) sum = static_cast<uint32_t>(reader.Take(kCountBytes));
  return heard;
}

Mood Blend(const Mood& mood, const Heard& heard) {
  const auto pace = static_cast<float>(1 - std::pow(1 - kPulseShare, heard.pulses()));
  Mood blended = mood;
  for (size_t i = 0; i < kSentiments; ++i) {
    blended.levels[i] += pace * (heard.ShareOf(i) - blended.levels[i]);
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

bool IsFaded(const Mood& mood) {
  return std::ranges::all_of(mood.levels, [](float level) { return level < kNoticed; });
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
  return std::clamp(push, -kMoodPushMost, kMoodPushMost);
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

void AppendFineMood(std::string& out, const Mood& mood) {
  for (const float level : mood.levels) {
    const float steps = std::clamp(level, 0.0f, 1.0f) * kFineSteps;
    audience::PutLittleEndian(out, static_cast<uint64_t>(std::lround(steps)), 2);
  }
}

Mood TakeFineMood(audience::ByteReader& reader) {
  Mood mood;
  for (float& level : mood.levels) level = static_cast<float>(reader.Take(2)) / kFineSteps;
  return mood;
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
