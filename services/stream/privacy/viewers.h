// The crowd of the sessions that this process reads, in memory only: who gets a tracking id, and
// the random tags that let a pulse count different people. Nothing of it is ever stored or sent.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "libs/common/base/uuid.h"
#include "services/stream/privacy/personal.h"

namespace stream::privacy {

// Numbers of the contract's TrackedViewerType.
enum class ViewerType : uint8_t {
  kSubscriber = 1,
  kModerator = 2,
  kRaidLeader = 3,
  kVip = 4,
  kHighEngager = 5,
  kReturner = 6,
};

// What the platform says of a chatter.
struct Roles {
  bool subscriber = false;
  bool moderator = false;
  bool vip = false;
};

struct TrackingRules {
  int max_tracked = 50;  // tracking ids a session
  bool subscribers = true;
  bool moderators = true;
};

struct Tracked {
  common::Uuid id;  // the same for a session's life, random, derived from nothing
  ViewerType type = ViewerType::kSubscriber;

  bool operator==(const Tracked&) const = default;
};

struct Viewer {
  uint64_t contributor = 0;  // counts heads; 0 counts as no head
  std::optional<Tracked> tracked;
};

// Unpredictable bits: tags and tracking ids must not be guessed from one another.
using RandomBits = std::function<uint64_t()>;

// The viewers of one session.
class Viewers {
 public:
  // Who comes after so many counts as no head: a bound on memory.
  static constexpr size_t kMaxViewers = 100'000;

  Viewers(TrackingRules rules, RandomBits random) : rules_(rules), random_(std::move(random)) {}

  // The viewer behind an id, new or known. A role that earns tracking does so at any time.
  Viewer See(const PlatformUserId& id, const Roles& roles);

  int tracked_count() const { return tracked_; }

 private:
  std::optional<ViewerType> Earned(const Roles& roles) const;

  const TrackingRules rules_;
  const RandomBits random_;
  std::unordered_map<PlatformUserId, Viewer, PlatformUserIdHash> viewers_;
  int tracked_ = 0;
};

// The viewers of all sessions. Thread-safe.
class ViewerRegistry {
 public:
  ViewerRegistry(TrackingRules rules, RandomBits random)
      : rules_(rules), random_(std::move(random)) {}

  Viewer See(const common::Uuid& session, const PlatformUserId& id, const Roles& roles);
  int TrackedCount(const common::Uuid& session) const;

  // Forgets a session's viewers for good.
  void Destroy(const common::Uuid& session);
  // The sessions that anybody is remembered of.
  std::vector<common::Uuid> Sessions() const;

 private:
  const TrackingRules rules_;
  const RandomBits random_;
  mutable std::mutex mutex_;
  std::unordered_map<common::Uuid, Viewers> sessions_;
};

}  // namespace stream::privacy
