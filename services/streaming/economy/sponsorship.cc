#include "services/streaming/economy/sponsorship.h"

#include <algorithm>

namespace streaming::economy {
namespace {

double UnitOf(DealMetric metric) { return metric == DealMetric::kStreamHours ? 3600 : 1; }

uint64_t ReachOf(const DealSession& session, uint64_t reached_before) {
  if (reached_before == 0) return session.peak_audience;
  constexpr uint64_t kSeconds = std::chrono::seconds(kWatchedPerViewer).count();
  return std::min(session.peak_audience, session.viewer_seconds / kSeconds);
}

uint64_t WorthOf(const DealSession& session, const DealTarget& target) {
  switch (target.metric) {
    case DealMetric::kStreamHours:
      return session.live_seconds;
    case DealMetric::kAudienceReach:
      return ReachOf(session, target.progress);
    case DealMetric::kHypeGeneration:
      return session.hype_trains;
  }
  return 0;
}

bool IsReached(const DealTarget& target) {
  // A fraction of an hour has no exact number of seconds: a tenth of one must not be asked in vain.
  return static_cast<double>(target.progress) + 1e-6 >= target.target * UnitOf(target.metric);
}

}  // namespace

double CurrentOf(const DealTarget& target) {
  return static_cast<double>(target.progress) / UnitOf(target.metric);
}

bool AreDistinct(std::span<const DealTarget> targets) {
  for (size_t i = 0; i < targets.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (targets[i].metric == targets[j].metric) return false;
    }
  }
  return true;
}

DealStatus StatusAt(const Deal& deal, common::Time now) {
  const bool open = deal.status == DealStatus::kProposed || deal.status == DealStatus::kActive;
  const bool over = deal.expires_at && *deal.expires_at <= now && !deal.awaits_session;
  return open && over ? DealStatus::kExpired : deal.status;
}

bool TakesSessions(const Deal& deal, common::Time now) {
  return deal.status == DealStatus::kActive && !(deal.expires_at && *deal.expires_at <= now);
}

bool Accept(Deal& deal, common::Time now) {
  const DealStatus status = StatusAt(deal, now);
  if (status == DealStatus::kProposed) {
    deal.status = DealStatus::kActive;
    deal.accepted_at = now;
    return true;
  }
  return status == DealStatus::kActive;
}

std::vector<DealMetric> CountSession(Deal& deal, const DealSession& session) {
  std::vector<DealMetric> reached;
  const bool late = deal.expires_at && *deal.expires_at <= session.ended_at;
  if (deal.status != DealStatus::kActive || late) return reached;
  for (DealTarget& target : deal.targets) {
    target.progress += WorthOf(session, target);
    if (target.reached_at || !IsReached(target)) continue;
    target.reached_at = session.ended_at;
    reached.push_back(target.metric);
  }
  if (std::ranges::all_of(deal.targets,
                          [](const auto& each) { return each.reached_at.has_value(); })) {
    deal.status = DealStatus::kCompleted;
    deal.completed_at = session.ended_at;
  }
  return reached;
}

}  // namespace streaming::economy
