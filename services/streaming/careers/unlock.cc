#include "services/streaming/careers/unlock.h"

#include <algorithm>

#include <absl/strings/ascii.h>

#include "libs/common/base/uuid.h"

namespace streaming::careers {
namespace {

using enum UnlockCategory;

constexpr uint64_t kWatchHours = 1000;
// Level 5 and beyond: Legendary outranks it, however many levels the game has.
constexpr uint8_t kLevelFive = 5;
constexpr uint8_t kLegendary = 6;
// Audiences too small say nothing.
constexpr uint32_t kLoyalHeads = 20;
constexpr uint32_t kDiverseHeads = 100;
constexpr double kDiverseEvenness = 0.95;  // that of a crowd drawn from the whole pool
constexpr uint32_t kCriticsSessions = 10;

constexpr size_t kSlugMax = 32;

bool HypeReached(const Standing& now, uint8_t level) {
  return std::ranges::any_of(now.session.hype_peaks, [&](uint8_t peak) { return peak >= level; });
}

template <uint32_t kCount>
bool Followers(const Standing& now) {
  return now.stats.followers >= kCount;
}
template <uint32_t kHours>
bool StreamHours(const Standing& now) {
  return now.stats.live_seconds >= uint64_t{kHours} * 3600;
}
template <Phase kPhase>
bool InPhase(const Standing& now) {
  return PhaseOf(now.stats.growth) >= kPhase;
}
template <uint32_t kCount>
bool HypeTrains(const Standing& now) {
  return now.stats.hype_trains >= kCount;
}

bool LoyalAudience(const Standing& now) {
  const Gathering& gathering = now.session.gathering;
  return gathering.heads >= kLoyalHeads && gathering.regulars * uint64_t{2} >= gathering.heads;
}
bool DiverseViewers(const Standing& now) {
  const Gathering& gathering = now.session.gathering;
  return gathering.heads >= kDiverseHeads && gathering.evenness >= kDiverseEvenness;
}

constexpr FixedEntry kEntries[] = {
    {kStreamingMilestones, "first_stream",
     [](const Standing& now) { return now.stats.sessions > 0; }},
    {kStreamingMilestones, "10_followers", Followers<10>},
    {kStreamingMilestones, "100_followers", Followers<100>},
    {kStreamingMilestones, "1000_followers", Followers<1000>},
    {kStreamingMilestones, "10000_followers", Followers<10000>},
    {kStreamingMilestones, "10_stream_hours", StreamHours<10>},
    {kStreamingMilestones, "100_stream_hours", StreamHours<100>},
    {kStreamingMilestones, "1000_stream_hours", StreamHours<1000>},
    {kStreamingMilestones, "1000_watch_hours",
     [](const Standing& now) { return now.watch_seconds >= kWatchHours * 3600; }},
    {kStreamingMilestones, "rising_streamer", InPhase<Phase::kRising>},
    {kStreamingMilestones, "popular_streamer", InPhase<Phase::kPopular>},
    {kStreamingMilestones, "celebrity_streamer", InPhase<Phase::kCelebrity>},
    {kStreamingMilestones, "legend_streamer", InPhase<Phase::kLegend>},
    {kHypeAchievements, "first_hype_train", HypeTrains<1>},
    {kHypeAchievements, "10_hype_trains", HypeTrains<10>},
    {kHypeAchievements, "100_hype_trains", HypeTrains<100>},
    {kHypeAchievements, "level_5_hype",
     [](const Standing& now) { return HypeReached(now, kLevelFive); }},
    {kHypeAchievements, "legendary_hype",
     [](const Standing& now) { return HypeReached(now, kLegendary); }},
    {kAudienceBadges, "loyal_audience", LoyalAudience},
    {kAudienceBadges, "diverse_viewers", DiverseViewers},
    {kAudienceBadges, "critics_choice",
     [](const Standing& now) { return now.stats.acclaimed_sessions >= kCriticsSessions; }},
};

// Lower case ASCII words joined by '_', and whether nothing but case and blanks was lost.
struct Slug {
  std::string text;
  bool whole = true;
};

Slug SlugOf(std::string_view description) {
  Slug slug;
  for (const char c : description) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      slug.text += absl::ascii_tolower(static_cast<unsigned char>(c));
      continue;
    }
    slug.whole = slug.whole && c == ' ';
    if (!slug.text.empty() && slug.text.back() != '_') slug.text += '_';
  }
  if (slug.text.size() > kSlugMax) {
    slug.text.resize(kSlugMax);
    slug.whole = false;
  }
  while (!slug.text.empty() && slug.text.back() == '_') slug.text.pop_back();
  return slug;
}

bool TakePrefix(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return false;
  text.erase(0, prefix.size());
  return true;
}

}  // namespace

std::span<const FixedEntry> FixedEntries() { return kEntries; }

std::string WorldFirstEntry(std::string_view description) {
  Slug slug = SlugOf(description);
  if (slug.text.empty() && slug.whole) return std::string(kUnnamedWorldFirst);
  const bool first = TakePrefix(slug.text, "first_");
  if (!first) TakePrefix(slug.text, "discovered_");
  if (!slug.whole) {
    if (!slug.text.empty()) slug.text += '_';
    slug.text += common::Uuid::V5({}, description).ToString().substr(0, 8);
  }
  return std::string(first ? "first_" : "discovered_") + slug.text + "_on_stream";
}

std::vector<Unlock> Unlocked(const Standing& standing) {
  std::vector<Unlock> unlocked;
  for (const FixedEntry& entry : kEntries) {
    if (entry.reached(standing)) unlocked.push_back({entry.category, std::string(entry.code)});
  }
  const SessionResult& session = standing.session;
  std::vector<std::string> named;
  for (const std::string& description : session.world_first_descriptions) {
    named.push_back(WorldFirstEntry(description));
  }
  if (named.size() < session.world_firsts) named.emplace_back(kUnnamedWorldFirst);
  std::ranges::sort(named);
  const auto repeated = std::ranges::unique(named);
  named.erase(repeated.begin(), repeated.end());
  for (std::string& code : named) unlocked.push_back({kWorldFirstStreams, std::move(code)});
  return unlocked;
}

}  // namespace streaming::careers
