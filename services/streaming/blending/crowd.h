// What a session keeps of the real crowds that feed it. Opaque bytes to everybody else
// (LiveSession::mood), changed in one step with the session, so that a pulse counts once however
// often and in whatever order it is delivered.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/blending/chorus.h"
#include "services/streaming/blending/mood.h"

namespace streaming::blending {

struct Crowd {
  Mood mood;                                  // at the last round
  Heard heard;                                // since then
  std::vector<Voice> voices;                  // by ascending id
  std::optional<common::Time> last_pulse_at;  // when one was applied last; absent: never
  uint32_t lag_millis = 0;                    // of that one, from its publication on
  uint32_t pulses = 0;                        // that were applied
  uint32_t pulses_stale = 0;                  // that came too late
  uint32_t voices_beyond = 0;  // tracked viewers of the last pulse for whom there was no voice left
  std::vector<common::Uuid> feeders;  // the platform sessions whose pulses were applied last
  RecentPulses recent;
};
inline constexpr size_t kFeedersMax = 8;

// No bytes are the crowd of a session that was never fed. INVALID_ARGUMENT unless EncodeCrowd made
// them.
absl::StatusOr<Crowd> DecodeCrowd(std::string_view bytes);
// The first kMoodBytes are MoodNow as ReadMood reads it, for those who want nothing else.
std::string EncodeCrowd(const Crowd& crowd);

// With what was heard since the last round.
Mood MoodNow(const Crowd& crowd);

// The voices alone; none when the bytes cannot be read.
Chorus ChorusOf(std::string_view bytes);

// One feeling of a pulse.
struct SentimentSample {
  Sentiment sentiment = Sentiment::kCurious;
  float intensity = 0;                      // 0 to 1, clamped
  std::optional<common::Uuid> tracking_id;  // of a viewer who is told apart
};

// One pulse, as far as it concerns a session.
struct Pulse {
  common::Uuid id;
  common::Uuid platform_session;
  std::vector<SentimentSample> samples;
  common::Time published;
};
inline constexpr size_t kPulseSamplesMax = 1000;

// How a session takes pulses.
struct Reception {
  common::Time now;
  uint64_t secret = 0;         // the session's own: voices' ids are drawn from it
  uint32_t voices_most = 500;  // MaxRealDerivedViewers
};

// Lets the crowd hear the pulse. A new voice beyond the most takes the place of a silent one, or is
// heard in the mood only. False, and nothing has changed, when the pulse was applied before.
bool ApplyPulse(Crowd& crowd, const Pulse& pulse, const Reception& reception);

// Counts a pulse that came too late, with the same once-only as ApplyPulse.
bool CountStale(Crowd& crowd, const Pulse& pulse);

// For the round worker: a session's bytes after a round that took `steps` check-in intervals. What
// was heard becomes the mood; without, the mood fades by `decay_rate` (RealDerivedViewerDecayRate,
// the share lost in an interval, 0 to 1). Bytes that cannot be read become none.
std::string StepCrowd(std::string_view bytes, uint32_t round, double decay_rate, double steps);

}  // namespace streaming::blending
