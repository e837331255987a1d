// The mood that a real crowd lends to a session: anonymous, decaying, and the same for all who feel
// it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::blending {

// The specification's order.
enum class Sentiment : uint8_t {
  kExcited,
  kSupportive,
  kCritical,
  kCurious,
  kSurprised,
  kAmused,
  kBored,
  kHostile,
};
inline constexpr size_t kSentiments = 8;

// How much of each sentiment is in the air, 0 to 1 each.
struct Mood {
  std::array<float, kSentiments> levels{};
  bool operator==(const Mood&) const = default;
};

struct SentimentSample {
  Sentiment sentiment;
  float intensity;  // 0 to 1, clamped
};

// The mood after a pulse: each level moves toward the pulse's share of that sentiment, weighted by
// intensity. A pulse without samples changes nothing.
Mood Blend(const Mood& mood, std::span<const SentimentSample> pulse);

// The mood after `steps` check-in intervals without a pulse. `decay_rate` is the share lost in one
// (RealDerivedViewerDecayRate, 0 to 1); ill feeling lasts twice as long as good.
Mood Fade(const Mood& mood, double decay_rate, double steps);

// What the mood adds to the attraction of a session for one kind of member, -0.2 to 0.2.
float MoodPush(const Mood& mood, pool::PersonalityMask personality);

// How far the mood excites everybody alike, 0 to 1: good feelings do, the stronger the louder.
float Thrill(const Mood& mood);

// The strongest sentiment; Curious when there is none.
Sentiment Dominant(const Mood& mood);

// Eight bytes, one a level in 1/255.
inline constexpr size_t kMoodBytes = kSentiments;
void AppendMood(std::string& out, const Mood& mood);
// Reads the mood at `data`, which must hold kMoodBytes.
Mood ReadMood(const char* data);

// The ids of the pulses applied last, so that a redelivered one changes nothing.
class RecentPulses {
 public:
  static constexpr size_t kCapacity = 32;

  // INVALID_ARGUMENT unless `bytes` came from Encode().
  static absl::StatusOr<RecentPulses> Decode(std::string_view bytes);
  std::string Encode() const;

  // True when the id is new; the oldest then gives way to it.
  bool Remember(const common::Uuid& pulse_id);

 private:
  std::vector<common::Uuid> ids_;  // oldest first
};

}  // namespace streaming::blending
