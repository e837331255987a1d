#include "services/stream/privacy/viewers.h"

namespace stream::privacy {

using common::Uuid;

Viewer Viewers::See(const PlatformUserId& id, const Roles& roles) {
  auto found = viewers_.find(id);
  if (found == viewers_.end()) {
    if (viewers_.size() >= kMaxViewers) return {};
    // Zero means nobody.
    found = viewers_.emplace(id, Viewer{.contributor = random_() | 1, .tracked = {}}).first;
  }
  Viewer& viewer = found->second;
  if (!viewer.tracked && tracked_ < rules_.max_tracked) {
    if (const auto type = Earned(roles)) {
      viewer.tracked = Tracked{Uuid::FromRandomBits(random_(), random_()), *type};
      ++tracked_;
    }
  }
  return viewer;
}

std::optional<ViewerType> Viewers::Earned(const Roles& roles) const {
  if (roles.moderator && rules_.moderators) return ViewerType::kModerator;
  if (roles.vip) return ViewerType::kVip;
  if (roles.subscriber && rules_.subscribers) return ViewerType::kSubscriber;
  return std::nullopt;
}

Viewer ViewerRegistry::See(const Uuid& session, const PlatformUserId& id, const Roles& roles) {
  const std::lock_guard lock(mutex_);
  return sessions_.try_emplace(session, rules_, random_).first->second.See(id, roles);
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
