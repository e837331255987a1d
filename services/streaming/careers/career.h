// A streamer's career in one game: what sessions add to it and what it opens.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/streaming/careers/gathering.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::careers {

// Growth domains of the Seed type `streamer`, in the specification's order.
enum class Domain : uint8_t {
  kAudienceGrowth,
  kEngagementQuality,
  kContentDiversity,
  kDiscoveryRate,
};
inline constexpr size_t kDomains = 4;
std::string_view NameOf(Domain domain);  // "audience_growth", …

// Growth in thousandths, so that sums are exact whatever their order.
using Growth = std::array<uint64_t, kDomains>;
uint64_t TotalOf(const Growth& growth);
// The same growth in the units of the design's table, in which neighbours are told of it.
double UnitsOf(uint64_t growth);

enum class Phase : uint8_t { kUnknown, kRising, kPopular, kCelebrity, kLegend };
Phase PhaseOf(const Growth& growth);

// Capabilities of a phase and all below it, in the order in which they are won.
std::span<const std::string_view> CapabilitiesOf(Phase phase);
inline constexpr std::string_view kCustomStreamTitle = "custom_stream_title";
inline constexpr std::string_view kCrossStreamRaids = "cross_stream_raids";
inline constexpr std::string_view kLegendaryHypeTrains = "legendary_hype_trains";
bool Has(Phase phase, std::string_view capability);

// How far a domain has come, 0 to 1.
double ProgressOf(uint64_t domain_growth);
// What attraction takes for reputation, 0 to 1: the same curve over the whole of the growth, as
// wide as the way to Popular is long.
double ReputationOf(const Growth& growth);

// What a session's end brings to the career.
struct SessionResult {
  uint32_t new_followers = 0;   // heads that began to follow
  uint32_t lost_followers = 0;  // heads that stopped
  uint32_t live_seconds = 0;
  uint32_t peak_audience = 0;  // heads
  double mean_engagement = 0;  // 0 to 1, over the audience and the session
  pool::InterestMask tags = {};
  std::vector<uint8_t> hype_peaks = {};  // the highest level of each train, 1 to 6
  uint32_t world_firsts = 0;
  Gathering gathering = {};
  // What the game server said of its world firsts, as far as the session kept them as moments.
  std::vector<std::string> world_first_descriptions = {};
};

struct Stats {
  uint32_t followers = 0;  // heads
  uint32_t sessions = 0;
  uint64_t live_seconds = 0;
  uint32_t hype_trains = 0;
  uint32_t world_firsts = 0;
  Growth growth = {};
  pool::InterestMask tags = {};  // those that have counted for diversity
  uint8_t peak_tier = 0;         // the highest PeakTier that has counted
  // Sessions that engaged an audience of some size, see kAcclaimedHeads.
  uint32_t acclaimed_sessions = 0;
};

// A session is acclaimed when its mean engagement counts for growth and its audience had as many
// heads as this at its peak.
inline constexpr uint32_t kAcclaimedHeads = 10;

// How many of the tiers 10, 50, 100, 500, 1 000, 5 000 an audience has reached, 0 to 6.
uint8_t PeakTierOf(uint32_t peak_audience);

// The stats after a session. The growth table of the design; pure, so applying a session once is
// the caller's business.
Stats Advance(const Stats& before, const SessionResult& result);

// The specification's order.
enum class MilestoneType : uint8_t {
  kFollowerCount,
  kStreamHours,
  kHypeTrainCount,
  kWorldFirstCount,
  kPhaseAdvance,
};

struct Milestone {
  MilestoneType type;
  uint32_t value;  // the count reached, or the phase's rank: 1 Rising to 4 Legend
  bool operator==(const Milestone&) const = default;
};

// The milestones that lie between two stats, each once, by type and value. Followers can fall and
// rise again past one; whoever stores milestones keeps each only the first time.
std::vector<Milestone> Crossed(const Stats& before, const Stats& after);

}  // namespace streaming::careers
