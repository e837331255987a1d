#include "services/streaming/reactions/reaction.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace streaming::reactions {
namespace {

using audience::Party;
using blending::Sentiment;
using pool::Interest;
using pool::InterestMask;
using pool::Leaning;
using pool::Personality;

constexpr float kDisregard = -0.25f;     // of the significance, for those whose taste it is not
constexpr float kTemper = 0.3f;          // what a leaning adds to or takes from an effect
constexpr float kInterestGain = 0.25f;   // of interest, for an effect of 1: one round's pace
constexpr float kExcitementGain = 0.5f;  // of excitement, for a mean effect of 1
constexpr double kLossChance = 0.1;      // of leaving, for an effect of -1, at interest 0.4
constexpr float kWordMinutes = 5;        // of looking around, for an effect of 1
constexpr float kThrill = 0.1f;          // interest that newcomers bring, for an effect of 1
constexpr float kMostThrill = 0.3f;

struct Trait {
  InterestMask liked_by;  // empty = everybody
  Personality flavour;    // whom it pleases most; its opposite least
  float hype;             // contribution of a mean effect of 1
  MomentType moment;
  Sentiment feeling;
};

constexpr std::array<Trait, kEvents> kTraits = {{
    // Achievement
    {{Interest::kCombat, Interest::kExploration, Interest::kTechnical, Interest::kSpeedrunning},
     Personality::kSupportive,
     0.5f,
     MomentType::kAchievement,
     Sentiment::kExcited},
    // WorldFirst
    {{}, Personality::kExplorer, 1.0f, MomentType::kWorldFirst, Sentiment::kSurprised},
    // CombatKill
    {{Interest::kCombat, Interest::kPvp},
     Personality::kConfrontational,
     0.4f,
     MomentType::kCombatHighlight,
     Sentiment::kExcited},
    // CombatDeath
    {{Interest::kCombat, Interest::kPvp, Interest::kNarrative},
     Personality::kConfrontational,
     0.3f,
     MomentType::kCombatHighlight,
     Sentiment::kAmused},
    // Discovery
    {{Interest::kExploration, Interest::kDiscovery, Interest::kNarrative},
     Personality::kExplorer,
     0.5f,
     MomentType::kDiscovery,
     Sentiment::kSurprised},
    // SocialEvent
    {{Interest::kSocial, Interest::kNarrative},
     Personality::kGroupOriented,
     0.3f,
     MomentType::kSocialMoment,
     Sentiment::kSupportive},
    // CraftComplete
    {{Interest::kCrafting, Interest::kCreative, Interest::kTechnical},
     Personality::kSupportive,
     0.3f,
     MomentType::kAchievement,
     Sentiment::kSupportive},
    // QuestComplete
    {{Interest::kNarrative, Interest::kExploration, Interest::kCombat},
     Personality::kLoyal,
     0.4f,
     MomentType::kAchievement,
     Sentiment::kSupportive},
    // LevelUp
    {{Interest::kCombat, Interest::kSpeedrunning, Interest::kTechnical},
     Personality::kSupportive,
     0.3f,
     MomentType::kAchievement,
     Sentiment::kSupportive},
    // RareItem
    {{Interest::kDiscovery, Interest::kCrafting, Interest::kCombat},
     Personality::kExplorer,
     0.6f,
     MomentType::kDiscovery,
     Sentiment::kSurprised},
    // CustomEvent
    {{}, Personality::kGroupOriented, 0.4f, MomentType::kSocialMoment, Sentiment::kCurious},
}};

const Trait& TraitOf(Event event) { return kTraits[static_cast<size_t>(event)]; }

// Means over the heads of the audience.
struct Impression {
  uint32_t heads = 0;
  float effect = 0;
  float pleasure = 0;  // of the effects above 0
};

Impression ImpressionOn(const pool::Pool& pool, std::span<const Party> parties,
                        const pool::PerArchetype<float>& effects) {
  Impression impression;
  for (const Party& party : parties) {
    const uint32_t heads = audience::CountOf(party.members) * pool.WeightOfRun(party.run);
    const float effect = effects[pool.ArchetypeOfRun(party.run)];
    impression.heads += heads;
    impression.effect += static_cast<float>(heads) * effect;
    impression.pleasure += static_cast<float>(heads) * std::max(0.0f, effect);
  }
  if (impression.heads > 0) {
    impression.effect /= static_cast<float>(impression.heads);
    impression.pleasure /= static_cast<float>(impression.heads);
  }
  return impression;
}

// What the members of one party do.
struct PartyReaction {
  audience::RunMask lost = 0;
  audience::RunMask retained = 0;
};

// Decides for the members of one party. What does not differ within it is worked out once; a member
// whose draw is above the highest chance that anyone of the party has costs one hash.
class PartyJudge {
 public:
  PartyJudge(const audience::RoundSettings& settings, const pool::Pool& pool,
             const audience::View& view, const audience::Audience& audience,
             const Occurrence& occurrence)
      : settings_(settings),
        pool_(pool),
        view_(view),
        chorus_(audience.chorus),
        minutes_(settings.interval_seconds * view.stretch / 60.0),
        loss_key_(audience::Random(occurrence.key, audience::Draw::kReactionLeave)) {
    // Cohorts before this one have been asked in the view's round.
    for (uint32_t c = audience::NextCohort(audience, view); c < view.cohorts; ++c) {
      for (uint32_t run = 0; run < view.cohorts; ++run) {
        waiting_[run] |= audience::CohortMask(run, {.number = c, .of = view.cohorts});
      }
    }
  }

  PartyReaction Judge(const Party& party, float effect, float before, float after) const {
    PartyReaction reaction;
    if (effect < 0) reaction.lost = Lost(party, effect, before);
    if (effect > 0 && after != before) {
      // The members who are asked in the view's round still, and those who are in the next.
      const audience::RunMask waiting =
          party.joining.round < view_.round ? waiting_[party.run % view_.cohorts] : 0;
      reaction.retained = Retained(party, party.members & waiting, view_.round, before, after) |
                          Retained(party, party.members & ~waiting, view_.round + 1, before, after);
    }
    return reaction;
  }

 private:
  audience::RunMask Lost(const Party& party, float effect, float interest) const {
    const auto chance = [&](float push) {
      return kLossChance * -effect * std::exp(-3 * (interest + push - 0.4));
    };
    const double most = chance(-chorus_.MostPush());
    audience::RunMask lost = 0;
    audience::ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const double draw = audience::Uniform(audience::Extend(loss_key_, member));
      if (draw >= most) return;
      if (chorus_.empty() || draw < chance(PushOn(party, member))) lost |= audience::BitOf(place);
    });
    return lost;
  }

  // The draw of a member's next step is known, so who would have left is, too.
  audience::RunMask Retained(const Party& party, audience::RunMask members, uint32_t round,
                             float before, float after) const {
    audience::RunMask retained = 0;
    if (members == 0) return retained;
    const uint64_t key = audience::LeaveKey(settings_.seed, round);
    const double most = audience::MemberBoredChanceAtMost(
        settings_, party, before - chorus_.MostPush(), round, minutes_);
    audience::ForEachPlace(members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const double draw = audience::LeaveDraw(key, member);
      if (draw >= most) return;
      const float push = PushOn(party, member);
      const auto chance = [&](float interest) {
        return audience::MemberBoredChance(settings_, pool_, party, member, interest + push, round,
                                           minutes_);
      };
      if (draw < chance(before) && draw >= chance(after)) retained |= audience::BitOf(place);
    });
    return retained;
  }

  float PushOn(const Party& party, uint32_t member) const {
    const uint8_t archetype = pool_.ArchetypeOfRun(party.run);
    return chorus_.PushOn(member, pool_.archetypes()[archetype].personality);
  }

  const audience::RoundSettings& settings_;
  const pool::Pool& pool_;
  const audience::View& view_;
  const blending::Chorus& chorus_;
  const double minutes_;
  const uint64_t loss_key_;
  std::array<audience::RunMask, pool::kRunLength> waiting_ = {};  // by run % cohorts
};

void Feel(const pool::PerArchetype<float>& effects, const Impression& impression,
          Reaction& reaction) {
  audience::Audience& audience = reaction.audience;
  for (size_t a = 0; a < effects.size(); ++a) {
    audience.interest[a] =
        std::clamp(audience.interest[a] + kInterestGain * effects[a], 0.0f, 1.0f);
  }
  const float before = audience.excitement;
  audience.excitement = std::clamp(before + kExcitementGain * impression.effect, 0.0f, 1.0f);
  reaction.excitement_delta = audience.excitement - before;
}

// Newcomers looked for `kWordMinutes` an effect, and come the more interested.
void SpreadTheWord(const audience::RoundSettings& settings, const audience::View& view,
                   const audience::Field& field, uint32_t self, uint32_t staying_heads,
                   const pool::PerArchetype<float>& effects, uint64_t key, Reaction& reaction) {
  pool::PerArchetype<float> minutes;
  reaction.joining = audience::JoiningNow(reaction.audience, 0);
  for (size_t a = 0; a < effects.size(); ++a) {
    const float pleasure = std::max(0.0f, effects[a]);
    minutes[a] = kWordMinutes * pleasure;
    reaction.joining[a].offset = static_cast<int8_t>(
        std::lround(std::min(kMostThrill, kThrill * pleasure) / audience::kOffsetUnit));
  }
  reaction.wanted_heads = audience::Newcomers(
      view, field, self, minutes,
      settings.capacity_heads - std::min(settings.capacity_heads, staying_heads),
      audience::Random(key, audience::Draw::kReactionNewcomers));
}

}  // namespace

pool::PerArchetype<float> Effects(const pool::ArchetypeTable& archetypes,
                                  const Occurrence& occurrence) {
  const Trait& trait = TraitOf(occurrence.event);
  const float significance = std::clamp(occurrence.significance, 0.0f, 1.0f);
  const auto multiplier = static_cast<float>(
      occurrence.event == Event::kWorldFirst ? occurrence.world_first_multiplier : 1);
  pool::PerArchetype<float> effects;
  for (size_t a = 0; a < archetypes.size(); ++a) {
    const auto& [personality, interests] = archetypes[a];
    const bool likes = trait.liked_by.Count() == 0 || interests.CountCommon(trait.liked_by) > 0;
    if (!likes) {
      effects[a] = kDisregard * significance;
      continue;
    }
    const auto excitable = static_cast<float>(Leaning(personality, Personality::kHighExcitement));
    const auto flavoured = static_cast<float>(Leaning(personality, trait.flavour));
    effects[a] = significance * multiplier * (1 + kTemper * excitable) * (1 + kTemper * flavoured);
  }
  return effects;
}

Reaction React(const audience::RoundSettings& settings, const pool::Pool& pool,
               const audience::View& view, const audience::Field& field, uint32_t self,
               const audience::Audience& audience, std::span<const audience::Party> parties,
               const Occurrence& occurrence) {
  const auto effects = Effects(pool.archetypes(), occurrence);
  const Impression impression = ImpressionOn(pool, parties, effects);
  Reaction reaction;
  reaction.audience = audience;
  Feel(effects, impression, reaction);
  reaction.hype_contribution =
      std::clamp(TraitOf(occurrence.event).hype * impression.pleasure, 0.0f, 1.0f);

  const PartyJudge judge(settings, pool, view, audience, occurrence);
  for (uint32_t position = 0; position < parties.size(); ++position) {
    const Party& party = parties[position];
    const uint8_t a = pool.ArchetypeOfRun(party.run);
    const PartyReaction done =
        judge.Judge(party, effects[a], audience.interest[a], reaction.audience.interest[a]);
    const uint32_t weight = pool.WeightOfRun(party.run);
    reaction.retained_heads += audience::CountOf(done.retained) * weight;
    reaction.lost_heads += audience::CountOf(done.lost) * weight;
    if (done.lost != 0) reaction.leavers.push_back({position, done.lost});
  }
  SpreadTheWord(settings, view, field, self, impression.heads - reaction.lost_heads, effects,
                occurrence.key, reaction);
  return reaction;
}

blending::Sentiment FeelingOf(Event event, float excitement_delta) {
  return excitement_delta < 0 ? Sentiment::kBored : TraitOf(event).feeling;
}

MomentType MomentOf(Event event) { return TraitOf(event).moment; }

void Keep(std::vector<Moment>& moments, Moment moment) {
  const auto place =
      std::upper_bound(moments.begin(), moments.end(), moment,
                       [](const Moment& a, const Moment& b) { return a.reaction > b.reaction; });
  moments.insert(place, std::move(moment));
  if (moments.size() > kMomentsKept) moments.pop_back();
}

}  // namespace streaming::reactions
