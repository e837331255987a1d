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
#include "services/streaming/blending/mood.h"

namespace streaming::blending {

struct Crowd {
  Mood mood;
  std::optional<common::Time> last_pulse_at;  // when one was applied last; absent: never
  std::vector<common::Uuid> feeders;  // the platform sessions whose pulses were applied last
  RecentPulses recent;
};
inline constexpr size_t kFeedersMax = 8;

// No bytes are the crowd of a session that was never fed. INVALID_ARGUMENT unless EncodeCrowd made
// them.
absl::StatusOr<Crowd> DecodeCrowd(std::string_view bytes);
// The first kMoodBytes are the mood as ReadMood reads it, for those who want nothing else.
std::string EncodeCrowd(const Crowd& crowd);

// One pulse, as far as it concerns a session.
struct Pulse {
  common::Uuid id;
  common::Uuid platform_session;
  std::vector<SentimentSample> samples;
};
inline constexpr size_t kPulseSamplesMax = 1000;

// Lets the pulse move the mood. False, and nothing has changed, when it was applied before.
bool ApplyPulse(Crowd& crowd, const Pulse& pulse, common::Time now);

// For the round worker: a session's bytes after `steps` check-in intervals. The mood fades by
// `decay_rate` (RealDerivedViewerDecayRate) only when no pulse came after `quiet_since`. Bytes that
// cannot be read become none.
std::string FadeCrowd(std::string_view bytes, common::Time quiet_since, double decay_rate,
                      double steps);

}  // namespace streaming::blending
