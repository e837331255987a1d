// A deal between a sponsor and a streamer: Proposed, Active, Completed or Expired, and what brings
// it from one to the next.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "libs/common/base/time.h"

namespace streaming::economy {

// The numbers are the contract's and the database's.
enum class DealStatus : uint8_t { kProposed = 1, kActive, kCompleted, kExpired };
enum class DealMetric : uint8_t { kStreamHours = 1, kAudienceReach, kHypeGeneration };

// One thing to reach. Progress is counted in whole seconds, viewers or trains, so that sums are
// exact; `target` is in hours, viewers or trains.
struct DealTarget {
  DealMetric metric = DealMetric::kStreamHours;
  double target = 0;
  uint64_t progress = 0;
  std::optional<common::Time> reached_at;
};
// The progress in the target's unit.
double CurrentOf(const DealTarget& target);
// Whether at most one target has each metric.
bool AreDistinct(std::span<const DealTarget> targets);

struct Deal {
  DealStatus status = DealStatus::kProposed;
  std::optional<common::Time> accepted_at;
  std::optional<common::Time> completed_at;
  std::optional<common::Time> expires_at;  // an unfinished deal is over then; absent = never
  // Whether a session of it that ended in time is still to be counted: until then an Active deal
  // has not expired.
  bool awaits_session = false;
  std::vector<DealTarget> targets;
};

// What the deal is at a time; never kActive or kProposed when its deadline has passed.
DealStatus StatusAt(const Deal& deal, common::Time now);

// Whether a session that is created at a time may name the deal.
bool TakesSessions(const Deal& deal, common::Time now);

// The streamer takes the deal. False when it is not to be had: expired, or completed. One that is
// Active already stays as it is.
bool Accept(Deal& deal, common::Time now);

// What a sponsored session counts for.
struct DealSession {
  common::Time ended_at;
  uint64_t live_seconds = 0;    // without pauses
  uint64_t peak_audience = 0;   // heads: the viewers whom it reached at once
  uint64_t viewer_seconds = 0;  // the audience integrated over time
  uint64_t hype_trains = 0;
};
// The first session of a deal that reaches anybody reaches its peak. Each further one reaches a
// viewer for every so long that was watched, and never more than its peak: the same viewers can not
// be reached over and over by ending and starting again.
inline constexpr std::chrono::minutes kWatchedPerViewer{10};
// Counts a session, once: applying it once is the caller's business. Returns the metrics whose
// targets it reaches; when all are, the deal is Completed. All of it as of the session's end. A
// session that ends at the deadline or later counts nothing, not even in part, and neither does one
// of a deal that is not Active.
std::vector<DealMetric> CountSession(Deal& deal, const DealSession& session);

}  // namespace streaming::economy
