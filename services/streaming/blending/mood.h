// The mood that a real crowd lends to a session: anonymous, decaying, and the same for all who feel
// it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/uuid.h"
#include "services/streaming/audience/bytes.h"
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

// What was heard, until it moves a mood. Sums of whole numbers: neither the order in which feelings
// come nor the batches they come in make a difference.
class Heard {
 public:
  // `intensity` 0 to 1, clamped, counts in thousandths.
  void Add(Sentiment sentiment, float intensity);
  // One more pulse has brought what was added.
  void EndPulse() { ++pulses_; }

  bool empty() const { return pulses_ == 0; }
  uint32_t pulses() const { return pulses_; }
  // The mean intensity of a sentiment over all that was felt, 0 to 1.
  float ShareOf(size_t sentiment) const;

  // 40 bytes: pulses, samples and the sums, 4 each.
  void Append(std::string& out) const;
  static Heard Take(audience::ByteReader& reader);

  bool operator==(const Heard&) const = default;

 private:
  uint32_t pulses_ = 0;
  uint32_t samples_ = 0;
  std::array<uint32_t, kSentiments> sums_{};
};

// The mood after it was heard: with each pulse a level moves toward the sentiment's share.
Mood Blend(const Mood& mood, const Heard& heard);

// The mood after `steps` check-in intervals without a pulse. `decay_rate` is the share lost in one
// (RealDerivedViewerDecayRate, 0 to 1); ill feeling lasts twice as long as good.
Mood Fade(const Mood& mood, double decay_rate, double steps);

// Nobody would notice it.
bool IsFaded(const Mood& mood);

// What the mood adds to the attraction of a session for one kind of member, -kMoodPushMost to
// kMoodPushMost.
inline constexpr float kMoodPushMost = 0.2f;
float MoodPush(const Mood& mood, pool::PersonalityMask personality);

// How far the mood excites everybody alike, 0 to 1: good feelings do, the stronger the louder.
float Thrill(const Mood& mood);

// The strongest sentiment; Curious when there is none.
Sentiment Dominant(const Mood& mood);

// Eight bytes, one a level in 1/255.
inline constexpr size_t kMoodBytes = kSentiments;
void AppendMood(std::string& out, const Mood& mood);
// Sixteen, in 1/65535: with one byte alone a mood that fades by a tenth would stop at 5/255 for
// ever.
void AppendFineMood(std::string& out, const Mood& mood);
Mood TakeFineMood(audience::ByteReader& reader);
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
