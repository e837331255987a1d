#include "services/stream/privacy/viewers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace stream::privacy {
namespace {

using common::Time;
using common::Uuid;

enum Role : uint8_t {
  kSubscriberRole = 1,
  kModeratorRole = 2,
  kVipRole = 4,
  kRaidLeaderRole = 8,
  kReturnerRole = 16,
};

// How long a comparison of the tracked viewers' engagement stands.
constexpr std::chrono::seconds kCompareEvery{1};
// By how much one must be ahead of the other, so that two do not push each other out for ever.
constexpr double kClearlyMore = 0.05;

}  // namespace

Viewers::Record::~Record() {
  explicit_bzero(&contributor, sizeof contributor);
  if (tracking_id) explicit_bzero(&*tracking_id, sizeof *tracking_id);
}

Viewer Viewers::See(const PlatformUserId& id, const Sighting& sighting) {
  Record* const record = Find(id, sighting);
  if (record == nullptr) return {};
  Learn(*record, sighting.roles);
  if (sighting.kinds != 0) {
    if (!std::exchange(record->has_acted, true)) --roles_only_;
    record->engagement.Take(sighting.kinds, sighting.at);
  }
  Judge(*record, sighting.at);
  Viewer viewer{.contributor = record->contributor, .tracked = {}};
  if (record->is_tracked) {
    // A type that hardly anybody has would name its bearer.
    const bool rare = CountOf(record->type) < rules_.min_group;
    viewer.tracked = Tracked{*record->tracking_id, rare ? ViewerType::kHighEngager : record->type};
  }
  return viewer;
}

Viewers::Record* Viewers::Find(const PlatformUserId& id, const Sighting& sighting) {
  const auto found = viewers_.find(id);
  if (found != viewers_.end()) return &found->second;
  if (viewers_.size() >= (sighting.speaks ? kMaxViewers : kMaxSilent)) return nullptr;
  if (sighting.kinds == 0 && roles_only_ >= kMaxRolesOnly) return nullptr;
  ++roles_only_;
  Record& record = viewers_.try_emplace(id).first->second;
  constexpr uint64_t kTagBits = (1ull << kReignShift) - 1;
  record.contributor = (reign_ & ~kTagBits) | ((random_() & kTagBits) | 1);
  return &record;
}

void Viewers::Learn(Record& record, const RoleNews& news) {
  const auto learn = [&record](const std::optional<bool>& told, Role role) {
    if (told) {
      record.roles = static_cast<uint8_t>(*told ? record.roles | role : record.roles & ~role);
    }
  };
  learn(news.subscriber, kSubscriberRole);
  learn(news.moderator, kModeratorRole);
  learn(news.vip, kVipRole);
  learn(news.raid_leader, kRaidLeaderRole);
  learn(news.returner, kReturnerRole);
}

std::optional<ViewerType> Viewers::TypeOf(const Record& record, Time now) const {
  const auto is = [&record](Role role) { return (record.roles & role) != 0; };
  if (is(kRaidLeaderRole) && rules_.raid_leaders) return ViewerType::kRaidLeader;
  if (is(kModeratorRole) && rules_.moderators) return ViewerType::kModerator;
  if (is(kVipRole)) return ViewerType::kVip;
  if (is(kSubscriberRole) && rules_.subscribers) return ViewerType::kSubscriber;
  if (is(kReturnerRole)) return ViewerType::kReturner;
  // Whoever has earned an id once keeps it, whatever they were.
  const bool engaged = record.engagement.Score(now) >= rules_.high_engagement;
  if (engaged || record.is_tracked) return ViewerType::kHighEngager;
  return std::nullopt;
}

void Viewers::Judge(Record& record, Time now) {
  const auto type = TypeOf(record, now);
  if (!type) return;
  if (record.is_tracked) {
    --CountOf(record.type);
  } else {
    if (!MakePlace(record, now)) return;
    if (!record.tracking_id) record.tracking_id = Uuid::FromRandomBits(random_(), random_());
    record.is_tracked = true;
    tracked_.push_back(&record);
  }
  record.type = *type;
  ++CountOf(*type);
}

bool Viewers::MakePlace(const Record& candidate, Time now) {
  if (tracked_count() < rules_.max_tracked) return true;
  if (tracked_.empty()) return false;
  const double wanted = candidate.engagement.Score(now) - kClearlyMore;
  if (wanted <= least_score_ && now < compared_at_ + kCompareEvery) return false;
  size_t least = 0;
  least_score_ = 1;
  compared_at_ = now;
  for (size_t i = 0; i < tracked_.size(); ++i) {
    const double score = tracked_[i]->engagement.Score(now);
    if (score >= least_score_) continue;
    least_score_ = score;
    least = i;
  }
  if (wanted <= least_score_) return false;
  Untrack(least);
  return true;
}

void Viewers::Untrack(size_t place) {
  Record& record = *tracked_[place];
  record.is_tracked = false;
  --CountOf(record.type);
  tracked_[place] = tracked_.back();
  tracked_.pop_back();
}

Viewer ViewerRegistry::See(const Uuid& session, const PlatformUserId& id,
                           const Sighting& sighting) {
  const std::lock_guard lock(mutex_);
  return sessions_.try_emplace(session, rules_, random_).first->second.See(id, sighting);
}

bool ViewerRegistry::Knows(const Uuid& session, const PlatformUserId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.Knows(id);
}

int ViewerRegistry::TrackedCount(const Uuid& session) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? 0 : found->second.tracked_count();
}

void ViewerRegistry::Destroy(const Uuid& session) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(session);
}

std::vector<Uuid> ViewerRegistry::Sessions() const {
  const std::lock_guard lock(mutex_);
  std::vector<Uuid> out;
  out.reserve(sessions_.size());
  for (const auto& [session, viewers] : sessions_) out.push_back(session);
  return out;
}

}  // namespace stream::privacy
