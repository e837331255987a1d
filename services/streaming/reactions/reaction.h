// What an audience makes of something that happens in the game.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "libs/common/base/time.h"
#include "services/streaming/audience/round.h"
#include "services/streaming/blending/mood.h"
#include "services/streaming/pool/archetype.h"

namespace streaming::reactions {

// The specification's order.
enum class Event : uint8_t {
  kAchievement,
  kWorldFirst,
  kCombatKill,
  kCombatDeath,
  kDiscovery,
  kSocialEvent,
  kCraftComplete,
  kQuestComplete,
  kLevelUp,
  kRareItem,
  kCustomEvent,
};
inline constexpr size_t kEvents = 11;

struct Occurrence {
  Event event = Event::kCustomEvent;
  float significance = 0.5f;           // 0 to 1, clamped
  double world_first_multiplier = 10;  // WorldFirstHypeMultiplier, at least 0; for kWorldFirst only
  uint64_t key = 0;                    // decides the draws; different for every occurrence
};

// How an occurrence strikes each archetype: above 0 pleased, below 0 bored by this kind of content.
// Ordinary events stay within -1 and 1.7; a world first is multiplied before anything is clamped.
pool::PerArchetype<float> Effects(const pool::ArchetypeTable& archetypes,
                                  const Occurrence& occurrence);

struct Reaction {
  float excitement_delta = 0;   // -1 to 1
  float hype_contribution = 0;  // 0 to 1, per head of audience
  uint32_t retained_heads = 0;  // who would have left in the next round, and now will not
  uint32_t lost_heads = 0;
  std::vector<audience::Leave> leavers;                // by position, bored by this content
  pool::PerArchetype<uint32_t> wanted_heads = {};      // whom the word brings
  pool::PerArchetype<audience::Joining> joining = {};  // with what interest these come
  audience::Audience audience;                         // as it is afterwards
};

// The reaction of session view.sessions[self] between two rounds. Nothing happens to an empty
// audience but that the word may bring somebody.
Reaction React(const audience::RoundSettings& settings, const pool::Pool& pool,
               const audience::View& view, const audience::Field& field, uint32_t self,
               const audience::Audience& audience, std::span<const audience::Party> parties,
               const Occurrence& occurrence);

// What the streamer's client shows: the feeling that meets the event.
blending::Sentiment FeelingOf(Event event, float excitement_delta);

// The specification's order.
enum class MomentType : uint8_t {
  kWorldFirst,
  kAchievement,
  kCombatHighlight,
  kDiscovery,
  kSocialMoment,
  kHypeTrainPeak,
};
MomentType MomentOf(Event event);

struct Moment {
  common::Time at = {};
  MomentType type = MomentType::kAchievement;
  std::string description;
  float reaction = 0;  // the audience's excitement, 0 to 1
};

// Keeps the kMomentsKept strongest, the strongest first and of equals the earlier.
inline constexpr size_t kMomentsKept = 10;
void Keep(std::vector<Moment>& moments, Moment moment);

}  // namespace streaming::reactions
