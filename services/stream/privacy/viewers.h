// The crowd of the sessions that this process reads: who gets a tracking id, and the random tags
// that let a pulse count different people. Whose they are is known in this memory only, and never
// stored or sent.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <absl/container/node_hash_map.h>

#include "libs/common/base/uuid.h"
#include "services/stream/privacy/engagement.h"
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
inline constexpr size_t kViewerTypes = 6;

// What a message says its author is, or is no longer; nullopt: nothing.
struct RoleNews {
  std::optional<bool> subscriber = {};
  std::optional<bool> moderator = {};
  std::optional<bool> vip = {};
  std::optional<bool> raid_leader = {};
  std::optional<bool> returner = {};
};

struct TrackingRules {
  int max_tracked = 50;          // tracking ids a session at a time
  double high_engagement = 0.7;  // Engagement::Score that earns one
  int min_group = 1;             // a type of fewer viewers is told as HighEngager
  bool subscribers = true;
  bool moderators = true;
  bool raid_leaders = true;
};

// Something that a viewer did, or that was done to them.
struct Sighting {
  RoleNews roles;
  uint32_t kinds = 0;   // see Engagement::Take; 0: they did nothing themselves
  bool speaks = false;  // they said something
  common::Time at;
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

// A contributor's tag begins with bits that all tags of one memory share: the same person has two
// tags when a session changes hands, and must not count as two.
inline constexpr int kReignShift = 48;
inline uint64_t ReignOf(uint64_t contributor) { return contributor >> kReignShift; }

// The viewers of one session. What is known of them is overwritten when it dies.
class Viewers {
 public:
  // Bounds on memory. Who comes after so many counts as no head; the last places are for those who
  // speak, and few are for those of whom only a role is known.
  static constexpr size_t kMaxViewers = 100'000;
  static constexpr size_t kMaxSilent = 50'000;
  static constexpr size_t kMaxRolesOnly = 10'000;

  Viewers(TrackingRules rules, RandomBits random)
      : rules_(rules), random_(std::move(random)), reign_(random_() | 1ull << kReignShift) {}

  // The viewer behind an id, new or known. Whoever has earned tracking keeps the id for the
  // session; where no place is left, the least engaged of all gives way, and finds the same id
  // again if they earn their place back.
  Viewer See(const PlatformUserId& id, const Sighting& sighting);
  bool Knows(const PlatformUserId& id) const { return viewers_.contains(id); }

  int tracked_count() const { return static_cast<int>(tracked_.size()); }

 private:
  struct Record {
    Record() = default;
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;
    ~Record();

    uint64_t contributor = 0;
    std::optional<common::Uuid> tracking_id;  // once earned
    ViewerType type{};                        // while tracked
    bool is_tracked = false;
    bool has_acted = false;
    uint8_t roles = 0;  // a bit each
    Engagement engagement;
  };
  using Map = absl::node_hash_map<PlatformUserId, Record, PlatformUserIdHash>;

  Record* Find(const PlatformUserId& id, const Sighting& sighting);
  static void Learn(Record& record, const RoleNews& news);
  std::optional<ViewerType> TypeOf(const Record& record, common::Time now) const;
  void Judge(Record& record, common::Time now);
  bool MakePlace(const Record& candidate, common::Time now);
  void Untrack(size_t place);
  int& CountOf(ViewerType type) { return counts_[static_cast<size_t>(type)]; }

  const TrackingRules rules_;
  const RandomBits random_;
  const uint64_t reign_;
  Map viewers_;
  size_t roles_only_ = 0;  // of them, who have not acted
  std::vector<Record*> tracked_;
  std::array<int, kViewerTypes + 1> counts_{};  // of the tracked, by type
  // The least engaged of the tracked, when they were last compared.
  double least_score_ = 0;
  common::Time compared_at_;
};

// The viewers of all sessions. Thread-safe.
class ViewerRegistry {
 public:
  ViewerRegistry(TrackingRules rules, RandomBits random)
      : rules_(rules), random_(std::move(random)) {}

  Viewer See(const common::Uuid& session, const PlatformUserId& id, const Sighting& sighting);
  bool Knows(const common::Uuid& session, const PlatformUserId& id) const;
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
