// What a streamer usually draws, which is what its next audience begins from.
#pragma once

namespace streaming::careers {

// The latest session's share: an audience that comes or goes for good is the usual one after a
// handful of sessions, and one lucky evening is not.
inline constexpr double kLatestSessionShare = 0.3;

// The usual audience after a session that had `mean_audience` heads over its time. The first
// session is the usual one.
inline double UsualAudience(double before, double mean_audience, bool first_session) {
  if (first_session) return mean_audience;
  return before + kLatestSessionShare * (mean_audience - before);
}

}  // namespace streaming::careers
