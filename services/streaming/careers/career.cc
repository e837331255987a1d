#include "services/streaming/careers/career.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace streaming::careers {
namespace {

// Growth in thousandths.
constexpr uint64_t kUnit = 1000;
constexpr uint64_t kPerFollower = 100;
constexpr uint64_t kPerNewTag = 50;
constexpr uint64_t kPerWorldFirst = 2000;
constexpr uint64_t kPerPeakTier = 500;
constexpr uint64_t kForEngagement = 200;
constexpr uint64_t kPerHypeLevel = 300;
constexpr double kEngagementAbove = 0.6;
constexpr uint8_t kHypeLevelsAbove = 2;
constexpr double kProgressScale = 25;  // growth at which a domain has come 1 - 1/e of its way

constexpr std::array<uint64_t, 5> kPhaseAt = {0, 5 * kUnit, 25 * kUnit, 100 * kUnit, 500 * kUnit};

constexpr std::array<std::string_view, 11> kCapabilities = {
    kCustomStreamTitle,     "basic_audience_stats",       // Rising
    "stream_schedule",      "audience_composition_view",  // Popular
    "hype_train_tracking",                                //
    kCrossStreamRaids,      "audience_loyalty_insights",  // Celebrity
    "stream_highlights",                                  //
    "server_announcements", kLegendaryHypeTrains,         // Legend
    "streamer_mentoring",
};
constexpr std::array<size_t, 5> kCapabilitiesAt = {0, 2, 5, 8, 11};

constexpr std::array<uint32_t, 6> kPeakTiers = {10, 50, 100, 500, 1000, 5000};

constexpr uint32_t kFollowerMilestones[] = {10, 100, 1000, 10000};
constexpr uint32_t kHourMilestones[] = {1, 10, 100, 1000};
constexpr uint32_t kTrainMilestones[] = {1, 10, 100};
constexpr uint32_t kWorldFirstMilestones[] = {1, 5, 25};
constexpr uint32_t kPhaseMilestones[] = {1, 2, 3, 4};

void AppendCrossed(std::vector<Milestone>& crossed, MilestoneType type,
                   std::span<const uint32_t> values, uint64_t before, uint64_t after) {
  for (const uint32_t value : values) {
    if (before < value && value <= after) crossed.push_back({type, value});
  }
}

uint64_t HoursOf(const Stats& stats) { return stats.live_seconds / 3600; }

}  // namespace

std::string_view NameOf(Domain domain) {
  constexpr std::array<std::string_view, kDomains> kNames = {
      "audience_growth", "engagement_quality", "content_diversity", "discovery_rate"};
  return kNames[static_cast<size_t>(domain)];
}

uint64_t TotalOf(const Growth& growth) {
  return std::accumulate(growth.begin(), growth.end(), uint64_t{0});
}

double UnitsOf(uint64_t growth) { return static_cast<double>(growth) / kUnit; }

Phase PhaseOf(const Growth& growth) {
  const auto above = std::upper_bound(kPhaseAt.begin(), kPhaseAt.end(), TotalOf(growth));
  return static_cast<Phase>(above - kPhaseAt.begin() - 1);
}

std::span<const std::string_view> CapabilitiesOf(Phase phase) {
  return std::span(kCapabilities).first(kCapabilitiesAt[static_cast<size_t>(phase)]);
}

bool Has(Phase phase, std::string_view capability) {
  const auto capabilities = CapabilitiesOf(phase);
  return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
}

double ProgressOf(uint64_t domain_growth) {
  return 1 - std::exp(-UnitsOf(domain_growth) / kProgressScale);
}

double ReputationOf(const Growth& growth) { return ProgressOf(TotalOf(growth)); }

uint8_t PeakTierOf(uint32_t peak_audience) {
  return static_cast<uint8_t>(
      std::upper_bound(kPeakTiers.begin(), kPeakTiers.end(), peak_audience) - kPeakTiers.begin());
}

Stats Advance(const Stats& before, const SessionResult& result) {
  Stats after = before;
  after.followers += result.new_followers;
  after.followers -= std::min(after.followers, result.lost_followers);
  ++after.sessions;
  after.live_seconds += result.live_seconds;
  after.hype_trains += static_cast<uint32_t>(result.hype_peaks.size());
  after.world_firsts += result.world_firsts;
  after.peak_tier = std::max(before.peak_tier, PeakTierOf(result.peak_audience));
  after.tags = pool::InterestMask::FromBits(before.tags.bits() | result.tags.bits());

  const auto grow = [&](Domain domain, uint64_t amount) {
    after.growth[static_cast<size_t>(domain)] += amount;
  };
  const auto new_tags = static_cast<uint64_t>(after.tags.Count() - before.tags.Count());
  grow(Domain::kAudienceGrowth, kPerFollower * result.new_followers);
  grow(Domain::kAudienceGrowth, kPerPeakTier * (after.peak_tier - before.peak_tier));
  grow(Domain::kContentDiversity, kPerNewTag * new_tags);
  grow(Domain::kDiscoveryRate, kPerWorldFirst * result.world_firsts);
  if (result.mean_engagement > kEngagementAbove) {
    grow(Domain::kEngagementQuality, kForEngagement);
    if (result.peak_audience >= kAcclaimedHeads) ++after.acclaimed_sessions;
  }
  for (const uint8_t peak : result.hype_peaks) {
    const int levels = std::max(0, peak - kHypeLevelsAbove);
    grow(Domain::kEngagementQuality, kPerHypeLevel * static_cast<uint64_t>(levels));
  }
  return after;
}

std::vector<Milestone> Crossed(const Stats& before, const Stats& after) {
  std::vector<Milestone> crossed;
  AppendCrossed(crossed, MilestoneType::kFollowerCount, kFollowerMilestones, before.followers,
                after.followers);
  AppendCrossed(crossed, MilestoneType::kStreamHours, kHourMilestones, HoursOf(before),
                HoursOf(after));
  AppendCrossed(crossed, MilestoneType::kHypeTrainCount, kTrainMilestones, before.hype_trains,
                after.hype_trains);
  AppendCrossed(crossed, MilestoneType::kWorldFirstCount, kWorldFirstMilestones,
                before.world_firsts, after.world_firsts);
  AppendCrossed(crossed, MilestoneType::kPhaseAdvance, kPhaseMilestones,
                static_cast<uint64_t>(PhaseOf(before.growth)),
                static_cast<uint64_t>(PhaseOf(after.growth)));
  return crossed;
}

}  // namespace streaming::careers
