// The hype train of a session: excitement that builds up, rises through levels and ends.
//
// A state machine without a clock: every call brings the time, and what happened comes back as
// transitions, each to be published exactly once.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"

namespace streaming::hype {

// The specification's order. A train of n levels goes from 1 to n and then to Legendary.
enum class Level : uint8_t {
  kLevel1 = 1,
  kLevel2,
  kLevel3,
  kLevel4,
  kLevel5,
  kLegendary,
};
inline constexpr uint32_t kMaxOrdinaryLevels = 5;

// docs/tuning.md says why these are the amounts.
struct Settings {
  common::Duration duration = std::chrono::seconds(300);  // without a contribution, then it ends
  uint32_t levels = 5;                                    // 1 to kMaxOrdinaryLevels
  bool legendary_allowed = false;                         // the streamer has the capability
  common::Duration cool_down = std::chrono::seconds(600);
  common::Duration window = std::chrono::seconds(120);  // in which contributions start a train
  double start_threshold = 0.8;  // of contributions in the window, per head of audience
  double first_cost = 1.0;       // of going from level 1 to 2, per head
  double cost_growth = 1.35;     // of each further level over the one before
};

// INVALID_ARGUMENT names the setting that is out of its range.
absl::Status Validate(const Settings& settings);

// What filling `level` costs, per head of audience.
double CostOf(const Settings& settings, Level level);

struct Contribution {
  common::Time at = {};
  double amount = 0;    // per head of audience, 0 to 1
  uint8_t trigger = 0;  // the caller's code of the event, kept for the train it starts
};

inline constexpr size_t kWindowCapacity = 64;  // the oldest gives way

// The train that runs.
struct Train {
  uint32_t ordinal = 0;  // 1 for a session's first
  Level level = Level::kLevel1;
  double progress = 0;  // of CostOf(level), per head
  uint8_t trigger = 0;
  common::Time started_at = {};
  common::Time expires_at = {};
  bool operator==(const Train&) const = default;
};

struct State {
  std::optional<Train> train;
  uint32_t trains = 0;               // triggered so far
  common::Time cool_until = {};      // contributions before it count for nothing
  std::vector<Contribution> window;  // while no train runs, oldest first
};

enum class TransitionKind : uint8_t { kTriggered, kLevelUp, kCompleted };

struct Transition {
  TransitionKind kind;
  uint32_t ordinal;
  Level level;      // Triggered: Level1; LevelUp: the new one; Completed: the highest
  common::Time at;  // for a train that expired, when it did
  common::Time started_at;
  uint8_t trigger;
};

// Progress of the train toward its next level, 0 to 1.
double ProgressOf(const Settings& settings, const Train& train);

// A contribution arrives. An expired train ends first; a running one gains, restarts its timer,
// rises, several levels if the surplus reaches, and completes when its last level is full; without
// one the contribution counts toward a start. Amounts of 0 or less change nothing.
std::vector<Transition> Apply(const Settings& settings, State& state,
                              const Contribution& contribution);

// The audience hums: a running train gains and rises as with a contribution, but its timer goes on,
// so that excitement alone keeps no train alive. Without a train, or when its time is over by `at`,
// nothing happens. Amounts as Apply's.
std::vector<Transition> Hum(const Settings& settings, State& state, common::Time at, double amount);

// Time passes: ends the train when it has expired.
std::vector<Transition> Tick(const Settings& settings, State& state, common::Time now);

// The session ends and its train with it.
std::vector<Transition> EndSession(const Settings& settings, State& state, common::Time now);

// The id of a session's n-th train, the same wherever it is worked out. The start is part of the
// name because a fail-over of Redis can make it forget a train: the next one then gets the ordinal
// again, and is another train.
common::Uuid HypeId(const common::Uuid& session_id, uint32_t ordinal, common::Time started_at);

// At most 46 + 17 · kWindowCapacity bytes.
std::string EncodeState(const State& state);
// INVALID_ARGUMENT when the bytes are not a state of this version.
absl::StatusOr<State> DecodeState(std::string_view bytes);

}  // namespace streaming::hype
