#include "services/streaming/reactions/reaction.h"

#include <array>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "services/streaming/audience/random.h"

namespace streaming::reactions {
namespace {

using audience::Audience;
using audience::Party;
using audience::View;
using pool::Personality;

const pool::Pool& ThePool() {
  static const pool::Pool pool({.seed = 4, .size = 20000});
  return pool;
}

View TheView() {
  View view;
  view.round = 20;
  view.cohorts = 3;
  view.pool_heads = 20000;
  view.free_heads.fill(60);
  audience::SessionView& session = view.sessions.emplace_back();
  session.attraction.fill(128);
  session.draw = 1000;
  return view;
}

Audience Interested(float interest) {
  Audience audience;
  audience.last_round = 20;
  audience.steps = 5;  // all three cohorts
  audience.interest.fill(interest);
  return audience;
}

// Half of every fourth run: 2 500 members.
std::vector<Party> TheParties() {
  std::vector<Party> parties;
  for (uint32_t run = 0; run + 1 < ThePool().runs(); run += 4) {
    parties.push_back({run, 0xffffffffull, {.round = 15}});
  }
  return parties;
}

Reaction ReactTo(Event event, float significance, float interest = 0.4f,
                 const std::vector<Party>& parties = TheParties(), double multiplier = 10) {
  const View view = TheView();
  return React({.seed = 8}, ThePool(), view, Survey(view), 0, Interested(interest), parties,
               {.event = event,
                .significance = significance,
                .world_first_multiplier = multiplier,
                .key = 12});
}

uint32_t Wanted(const Reaction& reaction) {
  return std::accumulate(reaction.wanted_heads.begin(), reaction.wanted_heads.end(), 0u);
}

TEST(ReactionTest, EveryEventStaysInItsRanges) {
  for (size_t event = 0; event < kEvents; ++event) {
    for (const float significance : {0.0f, 0.3f, 1.0f, 5.0f}) {
      const Reaction reaction = ReactTo(static_cast<Event>(event), significance);
      EXPECT_GE(reaction.excitement_delta, -1);
      EXPECT_LE(reaction.excitement_delta, 1);
      EXPECT_GE(reaction.hype_contribution, 0);
      EXPECT_LE(reaction.hype_contribution, 1);
      for (const float interest : reaction.audience.interest) {
        EXPECT_GE(interest, 0);
        EXPECT_LE(interest, 1);
      }
      uint32_t lost = 0;
      for (const audience::Leave& leaver : reaction.leavers) {
        EXPECT_EQ(leaver.members & ~TheParties()[leaver.position].members, 0u);
        lost += audience::CountOf(leaver.members);
      }
      EXPECT_EQ(lost, reaction.lost_heads);
    }
  }
}

TEST(ReactionTest, GrowsWithSignificance) {
  for (size_t i = 0; i < kEvents; ++i) {
    const auto event = static_cast<Event>(i);
    const Reaction none = ReactTo(event, 0);
    const Reaction small = ReactTo(event, 0.1f, 0.4f, TheParties(), 2);
    const Reaction big = ReactTo(event, 0.5f, 0.4f, TheParties(), 2);
    EXPECT_EQ(none.hype_contribution, 0);
    EXPECT_EQ(Wanted(none), 0u);
    EXPECT_EQ(none.lost_heads, 0u);
    EXPECT_EQ(none.retained_heads, 0u);
    EXPECT_GT(big.hype_contribution, small.hype_contribution);
    EXPECT_GE(Wanted(big), Wanted(small));
    EXPECT_GE(big.retained_heads, small.retained_heads);
  }
}

TEST(ReactionTest, TheWorldFirstMultiplierAppliesBeforeTheClamp) {
  const auto effects = [](double multiplier) {
    return Effects(ThePool().archetypes(), {.event = Event::kWorldFirst,
                                            .significance = 0.1f,
                                            .world_first_multiplier = multiplier})[5];
  };
  EXPECT_FLOAT_EQ(effects(10), 10 * effects(1));
  const Reaction tenfold = ReactTo(Event::kWorldFirst, 0.05f);
  const Reaction plain = ReactTo(Event::kWorldFirst, 0.05f, 0.4f, TheParties(), 1);
  EXPECT_NEAR(tenfold.hype_contribution, 10 * plain.hype_contribution, 1e-4);
  EXPECT_GT(Wanted(tenfold), 5 * Wanted(plain));
  EXPECT_EQ(ReactTo(Event::kWorldFirst, 1).hype_contribution, 1);
}

TEST(ReactionTest, TasteDecides) {
  const auto& table = ThePool().archetypes();
  const auto effects = Effects(table, {.event = Event::kCombatKill, .significance = 1});
  for (size_t a = 0; a < table.size(); ++a) {
    const bool likes = table[a].interests.Has(pool::Interest::kCombat) ||
                       table[a].interests.Has(pool::Interest::kPvp);
    EXPECT_EQ(effects[a] > 0, likes);
  }
  const Reaction reaction = ReactTo(Event::kCombatKill, 1, 0.2f);
  EXPECT_GT(reaction.lost_heads, 0u);
  EXPECT_GT(reaction.retained_heads, 0u);
  for (const audience::Leave& leaver : reaction.leavers) {
    EXPECT_LT(effects[ThePool().ArchetypeOfRun(TheParties()[leaver.position].run)], 0);
  }
}

// Whom an event pleases the most, of all who like it at all.
constexpr std::array<Personality, kEvents> kFlavours = {
    Personality::kSupportive,       // Achievement
    Personality::kExplorer,         // WorldFirst
    Personality::kConfrontational,  // CombatKill
    Personality::kConfrontational,  // CombatDeath
    Personality::kExplorer,         // Discovery
    Personality::kGroupOriented,    // SocialEvent
    Personality::kSupportive,       // CraftComplete
    Personality::kLoyal,            // QuestComplete
    Personality::kSupportive,       // LevelUp
    Personality::kExplorer,         // RareItem
    Personality::kGroupOriented,    // CustomEvent
};
Personality OppositeOf(Personality side) {
  return static_cast<Personality>(static_cast<uint8_t>(side) ^ 1u);
}

TEST(ReactionTest, TemperDecidesHowMuch) {
  const auto everything = pool::InterestMask::FromBits((1u << pool::kInterests) - 1);
  for (size_t event = 0; event < kEvents; ++event) {
    const auto effect = [&](pool::PersonalityMask personality) {
      pool::ArchetypeTable table;
      table.fill({.personality = personality, .interests = everything});
      return Effects(table, {.event = static_cast<Event>(event), .significance = 0.5f})[0];
    };
    for (size_t i = 0; i < pool::kPersonalities; i += 2) {
      auto side = static_cast<Personality>(i);
      if (OppositeOf(side) == kFlavours[event]) side = OppositeOf(side);
      const bool matters = side == Personality::kHighExcitement || side == kFlavours[event];
      EXPECT_EQ(effect({side}) > effect({}), matters) << event << " " << i;
      EXPECT_EQ(effect({OppositeOf(side)}) < effect({}), matters) << event << " " << i;
    }
  }
}

// Two audiences of people who all like it, of the one temper and of the other.
TEST(ReactionTest, AnAudienceOfItsTemperIsTheMoreExcited) {
  for (size_t event = 0; event < kEvents; ++event) {
    const auto effects =
        Effects(ThePool().archetypes(), {.event = static_cast<Event>(event), .significance = 0.1f});
    const auto told = [&](Personality side) {
      std::vector<Party> parties;
      for (const Party& party : TheParties()) {
        const uint8_t a = ThePool().ArchetypeOfRun(party.run);
        if (effects[a] > 0 && ThePool().archetypes()[a].personality.Has(side)) {
          parties.push_back(party);
        }
      }
      EXPECT_FALSE(parties.empty()) << event;
      return ReactTo(static_cast<Event>(event), 0.1f, 0.4f, parties, 1);
    };
    for (const Personality side : {Personality::kHighExcitement, kFlavours[event]}) {
      const Reaction fond = told(side);
      const Reaction cool = told(OppositeOf(side));
      EXPECT_GT(fond.excitement_delta, cool.excitement_delta) << event;
      EXPECT_GT(fond.hype_contribution, cool.hype_contribution) << event;
    }
  }
}

TEST(ReactionTest, OnlyThoseLeaveWhoDoNotCare) {
  for (size_t i = 0; i < kEvents; ++i) {
    const auto event = static_cast<Event>(i);
    const auto effects = Effects(ThePool().archetypes(), {.event = event, .significance = 1});
    const auto told = [&](bool fond) {
      std::vector<Party> parties;
      for (const Party& party : TheParties()) {
        if ((effects[ThePool().ArchetypeOfRun(party.run)] > 0) == fond) parties.push_back(party);
      }
      return ReactTo(event, 1, 0.2f, parties);
    };
    EXPECT_EQ(told(true).lost_heads, 0u) << i;
    EXPECT_GT(told(true).retained_heads, 0u) << i;
    const bool pleases_all = event == Event::kWorldFirst || event == Event::kCustomEvent;
    EXPECT_EQ(told(false).lost_heads > 0, !pleases_all) << i;
    EXPECT_EQ(told(false).hype_contribution, 0) << i;
    EXPECT_EQ(told(false).retained_heads, 0u) << i;
  }
}

TEST(ReactionTest, TheRetainedReallyStay) {
  const View view = TheView();
  const auto leaving_next = [&](const Audience& audience) {
    View next = view;
    ++next.round;
    // The later cohorts step without moving interest, so that only the reaction differs.
    uint32_t heads = 0;
    for (uint32_t cohort = 1; cohort < 3; ++cohort) {
      heads += StepSession({.seed = 8}, ThePool(), next, Survey(next), 0, audience, TheParties(),
                           {}, cohort)
                   .leaving_heads;
    }
    return heads;
  };
  const Reaction reaction = ReactTo(Event::kWorldFirst, 0.3f);
  const uint32_t without = leaving_next(Interested(0.4f));
  const uint32_t with = leaving_next(reaction.audience);
  EXPECT_LT(with, without);
  EXPECT_NEAR(without - with, reaction.retained_heads * 2.0 / 3, reaction.retained_heads * 0.2);
}

TEST(ReactionTest, WhoIsYetToStepInThisRoundIsRetainedForIt) {
  View view = TheView();
  Audience audience = Interested(0.4f);
  audience.steps = 3;  // the last cohort has still to step
  const auto retained = [&](const Audience& before) {
    return React({.seed = 8}, ThePool(), view, Survey(view), 0, before, TheParties(),
                 {.event = Event::kWorldFirst, .significance = 0.3f, .key = 12})
        .retained_heads;
  };
  const auto leaving = [&](const Audience& before) {
    return StepSession({.seed = 8}, ThePool(), view, Survey(view), 0, before, TheParties(), {}, 2)
        .leaving_heads;
  };
  const Audience after =
      React({.seed = 8}, ThePool(), view, Survey(view), 0, audience, TheParties(),
            {.event = Event::kWorldFirst, .significance = 0.3f, .key = 12})
          .audience;
  const uint32_t stay = leaving(audience) - leaving(after);
  EXPECT_GT(stay, 0u);
  EXPECT_NEAR(stay, retained(audience) / 3.0, retained(audience) * 0.15);
}

// A scene of which everything that judges members is drawn by lot.
struct AnyScene {
  audience::RoundSettings settings = {.seed = 8};
  View view = TheView();
  Audience audience;
  std::vector<Party> parties;
  Occurrence occurrence;

  explicit AnyScene(uint64_t number) {
    std::mt19937_64 random(number);
    const auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
    const auto unit = [&] { return static_cast<float>(below(1001)) / 1000; };
    view.cohorts = 1 + below(7);
    view.stretch = below(2) == 0 ? 1 : 5;
    audience.last_round = 19 + below(3);
    audience.steps = static_cast<uint8_t>(below(2 * view.cohorts + 1));
    for (float& interest : audience.interest) interest = unit();
    if (below(2) == 0) {
      std::vector<blending::Voice> voices(1 + below(5));
      for (blending::Voice& voice : voices) {
        for (float& level : voice.felt.levels) level = unit();
      }
      audience.chorus = blending::Chorus(std::move(voices), random());
    }
    for (uint32_t run = below(3); run + 1 < ThePool().runs(); run += 1 + below(3)) {
      parties.push_back({run,
                         random() | 1,
                         {.round = below(21),
                          .flags = static_cast<uint8_t>(below(2) * audience::kFollows),
                          .offset = static_cast<int8_t>(below(3) == 0 ? below(40) : 0)}});
    }
    occurrence = {
        .event = static_cast<Event>(below(kEvents)), .significance = unit(), .key = random()};
  }
};

// Member by member, as the rules say it.
struct PlainReaction {
  uint32_t lost = 0;
  uint32_t retained = 0;
  std::vector<audience::RunMask> leavers = {};  // by party
};
PlainReaction JudgePlainly(const AnyScene& scene, const Audience& after) {
  PlainReaction plain;
  const auto effects = Effects(ThePool().archetypes(), scene.occurrence);
  const double minutes = scene.settings.interval_seconds * scene.view.stretch / 60.0;
  const uint32_t stepped = NextCohort(scene.audience, scene.view);
  for (const Party& party : scene.parties) {
    const uint8_t a = ThePool().ArchetypeOfRun(party.run);
    audience::RunMask leavers = 0;
    audience::ForEachPlace(party.members, [&](uint32_t place) {
      const uint32_t member = party.run * pool::kRunLength + place;
      const float push =
          scene.audience.chorus.PushOn(member, ThePool().archetypes()[a].personality);
      const double loss =
          0.1 * -effects[a] * std::exp(-3 * (scene.audience.interest[a] + push - 0.4));
      const uint64_t bits =
          audience::Random(scene.occurrence.key, audience::Draw::kReactionLeave, member);
      if (effects[a] < 0 && audience::Uniform(bits) < loss) leavers |= audience::BitOf(place);
      const bool waits =
          member % scene.view.cohorts >= stepped && party.joining.round < scene.view.round;
      const uint32_t round = scene.view.round + (waits ? 0 : 1);
      const auto leaves = [&](float interest) {
        return audience::LeaveDraw(scene.settings.seed, round, member) <
               audience::MemberBoredChance(scene.settings, ThePool(), party, member,
                                           interest + push, round, minutes);
      };
      plain.retained +=
          effects[a] > 0 && leaves(scene.audience.interest[a]) && !leaves(after.interest[a]);
    });
    plain.lost += audience::CountOf(leavers);
    if (leavers != 0) plain.leavers.push_back(leavers);
  }
  return plain;
}

TEST(ReactionTest, EveryMemberIsJudgedAsIfAlone) {
  uint32_t lost = 0;
  uint32_t retained = 0;
  for (uint64_t number = 0; number < 60; ++number) {
    const AnyScene scene(number);
    const Reaction reaction = React(scene.settings, ThePool(), scene.view, Survey(scene.view), 0,
                                    scene.audience, scene.parties, scene.occurrence);
    const PlainReaction plain = JudgePlainly(scene, reaction.audience);
    EXPECT_EQ(reaction.lost_heads, plain.lost) << number;
    EXPECT_EQ(reaction.retained_heads, plain.retained) << number;
    ASSERT_EQ(reaction.leavers.size(), plain.leavers.size()) << number;
    for (size_t i = 0; i < plain.leavers.size(); ++i) {
      EXPECT_EQ(reaction.leavers[i].members, plain.leavers[i]) << number;
    }
    lost += plain.lost;
    retained += plain.retained;
  }
  EXPECT_GT(lost, 100u);
  EXPECT_GT(retained, 100u);
}

TEST(ReactionTest, NobodyFeelsNothing) {
  const Reaction reaction = ReactTo(Event::kWorldFirst, 1, 0.4f, {});
  EXPECT_EQ(reaction.excitement_delta, 0);
  EXPECT_EQ(reaction.hype_contribution, 0);
  EXPECT_GT(Wanted(reaction), 0u);
}

TEST(ReactionTest, IsRepeatable) {
  const Reaction one = ReactTo(Event::kRareItem, 0.7f);
  const Reaction same = ReactTo(Event::kRareItem, 0.7f);
  EXPECT_EQ(one.wanted_heads, same.wanted_heads);
  EXPECT_EQ(EncodeAudience(one.audience), EncodeAudience(same.audience));
}

TEST(ReactionTest, NewcomersComeThrilledWithinBounds) {
  const Reaction reaction = ReactTo(Event::kWorldFirst, 1);
  for (const audience::Joining& joining : reaction.joining) {
    EXPECT_GT(joining.offset, 0);
    EXPECT_LE(joining.offset * audience::kOffsetUnit, 0.31f);
    EXPECT_EQ(joining.round, 20u);
  }
}

TEST(MomentTest, EveryEventMakesAMoment) {
  EXPECT_EQ(MomentOf(Event::kWorldFirst), MomentType::kWorldFirst);
  EXPECT_EQ(MomentOf(Event::kCombatDeath), MomentType::kCombatHighlight);
  EXPECT_EQ(MomentOf(Event::kRareItem), MomentType::kDiscovery);
  EXPECT_EQ(MomentOf(Event::kLevelUp), MomentType::kAchievement);
  EXPECT_EQ(MomentOf(Event::kCustomEvent), MomentType::kSocialMoment);
  EXPECT_EQ(FeelingOf(Event::kWorldFirst, -0.1f), blending::Sentiment::kBored);
  EXPECT_EQ(FeelingOf(Event::kWorldFirst, 0.1f), blending::Sentiment::kSurprised);
}

TEST(MomentTest, TheStrongestAreKept) {
  std::vector<Moment> moments;
  for (int i = 0; i < 50; ++i) {
    Keep(moments, {.description = std::to_string(i), .reaction = static_cast<float>(i * 7 % 25)});
  }
  ASSERT_EQ(moments.size(), kMomentsKept);
  for (size_t i = 1; i < moments.size(); ++i) {
    EXPECT_GE(moments[i - 1].reaction, moments[i].reaction);
  }
  EXPECT_EQ(moments[0].reaction, 24);
  EXPECT_LT(std::stoi(moments[0].description), std::stoi(moments[1].description));
}

}  // namespace
}  // namespace streaming::reactions
