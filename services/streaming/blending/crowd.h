// What a session keeps of the real crowds that feed it. Opaque bytes to everybody else
// (LiveSession::mood), changed in one step with the session, so that a pulse counts once however
// often and in whatever order it is delivered.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "services/streaming/blending/chorus.h"
#include "services/streaming/blending/mood.h"

namespace streaming::blending {

struct Crowd {
  Mood mood;                          // at the last round
  Heard heard;                        // since then
  std::vector<Voice> voices;          // to which the audience listens; their order says who to whom
  std::vector<Voice> newcomers;       // that join them with the next round; by ascending id
  std::vector<common::Uuid> feeders;  // the platform sessions whose pulses were applied last
  RecentPulses recent;
  uint32_t pulses = 0;        // that were applied
  uint32_t pulses_stale = 0;  // that came too late
  // Of the pulse that was applied last.
  std::optional<common::Time> last_pulse_at;  // when; absent: there was none
  uint32_t lag_millis = 0;                    // from its publication on
  uint32_t voices_beyond = 0;                 // its tracked viewers for whom there was no room

  // Seats that there should be: one a voice.
  size_t seats() const { return voices.size() + newcomers.size(); }
};
inline constexpr size_t kFeedersMax = 8;

// No bytes are the crowd of a session that was never fed, and so are those that no EncodeCrowd of
// this version made: a crowd is soon heard again.
Crowd DecodeCrowd(std::string_view bytes);
// The first kMoodBytes are MoodNow as ReadMood reads it, for those who want nothing else.
std::string EncodeCrowd(const Crowd& crowd);

// With what was heard since the last round.
Mood MoodNow(const Crowd& crowd);

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

// Lets the crowd hear the pulse. Of new voices beyond the most those with the lowest ids are taken;
// the others are heard in the mood only. False, and nothing has changed, when the pulse was applied
// before.
bool ApplyPulse(Crowd& crowd, const Pulse& pulse, const Reception& reception);

// Counts a pulse that came too late, with the same once-only as ApplyPulse.
bool CountStale(Crowd& crowd, const Pulse& pulse);

// A round that has gone by.
struct Passing {
  uint32_t round = 0;
  double steps = 1;            // check-in intervals that it took
  double decay_rate = 0.1;     // RealDerivedViewerDecayRate, lost in an interval, 0 to 1
  uint32_t voices_most = 500;  // MaxRealDerivedViewers
};

// For the round worker: a session's bytes after a round. What was heard becomes the mood; without,
// the mood fades. New voices are listened to from now on; when there are as many as there may be,
// silent ones make room.
std::string StepCrowd(std::string_view bytes, const Passing& passing);

}  // namespace streaming::blending
