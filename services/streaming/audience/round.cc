#include "services/streaming/audience/round.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace streaming::audience {
namespace {

// --- Leaving. Simulated (docs/tuning.md): mean dwell 29 min (published 31.4), median 10. ---
constexpr double kBoredRate = 0.25;       // a minute, at interest 0.4 and no dwell
constexpr double kBoredSlope = 3;         // e-folds of the rate for 1 of interest
constexpr double kBoredPivot = 0.4;       // interest
constexpr double kDwellScaleMinutes = 2;  // a stay this long halves the rate,
constexpr double kBoredLeast = 0.1;       // but for this part of it, which the longest stay leaves
constexpr float kCompeteMargin = 0.15f;   // of attraction over interest, before anyone moves
constexpr double kCompeteRate = 0.5;      // a minute, for 1 of attraction beyond the margin

// --- Interest. ---
constexpr double kInterestPace = 0.5;     // of the way to the attraction in an ordinary round
constexpr double kExcitementKept = 0.5;   // in an ordinary round
constexpr uint32_t kElapsedLimit = 1000;  // rounds made up for in the sums after a pause

float Unit(float value) { return std::clamp(value, 0.0f, 1.0f); }

double OffsetFade(uint32_t rounds) {
  return std::pow(1 - kInterestPace, static_cast<double>(rounds));
}

// The rate of leaving is what the interest makes of it times what the dwell does.
double BoredByInterest(double interest) {
  return kBoredRate * std::exp(-kBoredSlope * (interest - kBoredPivot));
}
double BoredByDwell(double minutes) { return kBoredLeast + 1 / (1 + minutes / kDwellScaleMinutes); }
double BoredRate(double interest, double dwell_minutes) {
  return BoredByInterest(interest) * BoredByDwell(dwell_minutes);
}

// BoredByInterest for parties, most of which have their archetype's interest and no more.
class InterestRates {
 public:
  explicit InterestRates(const Audience& audience) : interest_(audience.interest) {
    rates_.fill(kUnknown);
  }
  double Of(uint8_t archetype, float interest) {
    if (interest != interest_[archetype]) return BoredByInterest(interest);
    double& rate = rates_[archetype];
    if (rate == kUnknown) rate = BoredByInterest(interest);
    return rate;
  }

 private:
  static constexpr double kUnknown = -1;
  const pool::PerArchetype<float>& interest_;
  pool::PerArchetype<double> rates_;
};

double DwellMinutes(const RoundSettings& settings, const Joining& joining, uint32_t round) {
  return (round - std::min(round, joining.round)) * settings.interval_seconds / 60.0;
}

// Interest of a party before its members' own engagement, and what 1 of engagement and 1 of their
// voices' push add to it.
struct PartyInterest {
  float common;
  float slope;
  float push;
};
PartyInterest InterestOf(const AttractionWeights& weights, float archetype_interest,
                         const Joining& joining, uint32_t round) {
  float common = archetype_interest;
  if (joining.offset != 0) {  // few bring any, and the power is the dearest part of a party's step
    const uint32_t rounds = round - std::min(round, joining.round);
    common += static_cast<float>(joining.offset * kOffsetUnit * OffsetFade(rounds));
  }
  if ((joining.flags & kFollows) == 0) return {common, PersonalAttraction(weights, 1), 1};
  const auto others = static_cast<float>(1 - weights.follower);
  return {AsFollower(weights, common), others * PersonalAttraction(weights, 1), others};
}

// Whether a rival wins members of an archetype away, and how quickly.
struct Rivalry {
  uint32_t destination = Field::kNobody;
  float attraction = 0;
  double temper = 1;
};
Rivalry RivalryOf(const View& view, const Field& field, uint32_t self, uint8_t archetype,
                  pool::PersonalityMask personality) {
  Rivalry rivalry;
  rivalry.destination =
      field.best[archetype] == self ? field.second[archetype] : field.best[archetype];
  if (rivalry.destination != Field::kNobody) {
    rivalry.attraction =
        static_cast<float>(view.sessions[rivalry.destination].attraction[archetype]) / 255;
  }
  // Loyal members are half as easily won, explorers half as easily kept.
  rivalry.temper = 1 - 0.5 * pool::Leaning(personality, pool::Personality::kLoyal);
  return rivalry;
}

double CompeteRate(const Rivalry& rivalry, float interest) {
  if (rivalry.destination == Field::kNobody) return 0;
  const float excess = rivalry.attraction - interest - kCompeteMargin;
  return excess <= 0 ? 0 : kCompeteRate * rivalry.temper * excess;
}

// What the members of one party feel with the voices to which they listen.
class Listeners {
 public:
  Listeners(const blending::Chorus& chorus, pool::PersonalityMask personality,
            const PartyInterest& interest)
      : chorus_(chorus), personality_(personality), scale_(interest.push) {}
  bool any() const { return !chorus_.empty(); }
  float PushOn(uint32_t member) const { return scale_ * chorus_.PushOn(member, personality_); }
  float MostPush() const { return scale_ * chorus_.MostPush(); }

 private:
  const blending::Chorus& chorus_;
  pool::PersonalityMask personality_;
  float scale_;
};

// Decides for the members of one party. The rate is worked out once; a member whose draw is above
// the highest chance anyone of the party can have costs one hash and one comparison.
class Boredom {
 public:
  Boredom(const PartyInterest& interest, const Listeners& listeners, double rate, double minutes)
      : slope_(interest.slope), listeners_(listeners), bored_(rate * minutes) {
    // 1 - exp(-x) is at most x, and exp(x) at most 1 + x + x² while x is below 1.
    const double spread = kBoredSlope * (slope_ * pool::kEngagementSpread + listeners_.MostPush());
    certain_stay_ = bored_ * (spread < 1 ? 1 + spread + spread * spread : std::exp(spread));
  }

  bool Leaves(uint64_t pool_seed, uint32_t member, double draw) const {
    if (draw >= certain_stay_) return false;
    const float offset = pool::EngagementOffset(pool::EngagementStep(pool_seed, member));
    const double interest = slope_ * offset + listeners_.PushOn(member);
    return draw < 1 - std::exp(-bored_ * std::exp(-kBoredSlope * interest));
  }

 private:
  double slope_;
  Listeners listeners_;
  double bored_;
  double certain_stay_;
};

// The members of the cohort in every run, worked out once a step.
class CohortMasks {
 public:
  explicit CohortMasks(Cohort cohort) : of_(cohort.of) {
    for (uint32_t run = 0; run < of_; ++run) masks_[run] = CohortMask(run, cohort);
  }
  RunMask Of(uint32_t run) const { return masks_[run % of_]; }

 private:
  uint32_t of_;
  std::array<RunMask, pool::kRunLength> masks_;
};

// Who of a party is asked in this step: those of the cohort, but for a party that came in this
// round.
RunMask AskedOf(const View& view, const CohortMasks& masks, const Party& party) {
  return party.joining.round < view.round ? party.members & masks.Of(party.run) : 0;
}

// Those of a run's members for whom `chosen(member, draw)` holds.
template <typename F>
RunMask Choose(uint64_t key, uint32_t run, RunMask asked, F&& chosen) {
  RunMask members = 0;
  ForEachPlace(asked, [&](uint32_t place) {
    const uint32_t member = run * pool::kRunLength + place;
    if (chosen(member, Uniform(Extend(key, member)))) members |= BitOf(place);
  });
  return members;
}

void MoveInterest(const RoundSettings& settings, const pool::ArchetypeTable& archetypes,
                  const View& view, const SessionView& session, Audience& audience) {
  const double pace = 1 - std::pow(1 - kInterestPace, view.stretch);
  const double boredom = settings.decay_rate * (1 - audience.excitement);
  const double kept = std::pow(std::clamp(1 - boredom, 0.0, 1.0), view.stretch);
  const uint32_t elapsed =
      std::min(view.round - std::min(view.round, audience.last_round), kElapsedLimit);
  for (size_t a = 0; a < archetypes.size(); ++a) {
    const float push = blending::MoodPush(session.mood, archetypes[a].personality);
    const float target = Unit(static_cast<float>(session.attraction[a]) / 255 + push);
    float& interest = audience.interest[a];
    interest = Unit(static_cast<float>((interest + pace * (target - interest)) * kept));
    const auto units = static_cast<uint32_t>(std::lround(interest / kSumUnit));
    audience.sums[a] = (audience.sums[a] + elapsed * units) % kSumModulus;
  }
  audience.excitement *= static_cast<float>(std::pow(kExcitementKept, view.stretch));
  audience.last_round = view.round;
}

double RoundMinutes(const RoundSettings& settings, const View& view) {
  return settings.interval_seconds * view.stretch / 60.0;
}

void LeaveParties(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                  std::span<const Party> parties, uint32_t cohort, Step& step) {
  const double minutes = RoundMinutes(settings, view);
  const uint64_t key = LeaveKey(settings.seed, view.round);
  const CohortMasks masks({.number = cohort, .of = view.cohorts});
  InterestRates rates(step.audience);
  for (uint32_t position = 0; position < parties.size(); ++position) {
    const Party& party = parties[position];
    const RunMask asked = AskedOf(view, masks, party);
    if (asked == 0) continue;
    const uint8_t a = pool.ArchetypeOfRun(party.run);
    const PartyInterest interest =
        InterestOf(settings.weights, step.audience.interest[a], party.joining, view.round);
    const double dwell = DwellMinutes(settings, party.joining, view.round);
    const double rate = rates.Of(a, interest.common) * BoredByDwell(dwell);
    const Listeners listeners(step.audience.chorus, pool.archetypes()[a].personality, interest);
    const Boredom boredom(interest, listeners, rate, minutes);
    const RunMask members = Choose(key, party.run, asked, [&](uint32_t member, double draw) {
      return boredom.Leaves(pool.spec().seed, member, draw);
    });
    if (members == 0) continue;
    step.leaving_heads += CountOf(members) * pool.WeightOfRun(party.run);
    step.leavers.push_back({.position = position, .members = members});
  }
}

}  // namespace

Step StepSession(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                 const Field& field, uint32_t self, const Audience& audience,
                 std::span<const Party> parties, const Followers& followers, uint32_t cohort) {
  const SessionView& session = view.sessions[self];
  Step step;
  step.audience = audience;
  if (cohort == 0) MoveInterest(settings, pool.archetypes(), view, session, step.audience);
  step.audience.steps = static_cast<uint8_t>(2 * cohort + 1);
  LeaveParties(settings, pool, view, parties, cohort, step);

  uint32_t heads = 0;
  for (const Party& party : parties) heads += CountOf(party.members) * pool.WeightOfRun(party.run);
  const uint32_t staying = heads - step.leaving_heads;
  const auto minutes =
      static_cast<float>(RoundMinutes(settings, view) * StartBoost(session.age_minutes));
  step.followers =
      FollowersComing(settings, pool, view, self, followers, JoiningNow(step.audience, kFollows),
                      minutes, {.number = cohort, .of = view.cohorts});
  pool::PerArchetype<float> looking;
  looking.fill(minutes / static_cast<float>(view.cohorts));
  const uint64_t key = SessionKey(settings.seed, Draw::kNewcomers, view.round, session.session_id);
  step.wanted_heads = Newcomers(
      view, field, self, looking,
      settings.capacity_heads - std::min(settings.capacity_heads, staying), Extend(key, cohort));
  return step;
}

std::vector<Mover> MoversOf(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                            const Field& field, uint32_t self, const Audience& audience,
                            std::span<const Party> parties, uint32_t cohort) {
  std::vector<Mover> movers;
  const double minutes = RoundMinutes(settings, view);
  const uint64_t key = Random(settings.seed, Draw::kMove, view.round);
  const CohortMasks masks({.number = cohort, .of = view.cohorts});
  for (uint32_t position = 0; position < parties.size(); ++position) {
    const Party& party = parties[position];
    const RunMask asked = AskedOf(view, masks, party);
    if (asked == 0) continue;
    const uint8_t a = pool.ArchetypeOfRun(party.run);
    const PartyInterest interest =
        InterestOf(settings.weights, audience.interest[a], party.joining, view.round);
    const pool::PersonalityMask personality = pool.archetypes()[a].personality;
    const Listeners listeners(audience.chorus, personality, interest);
    const Rivalry rivalry = RivalryOf(view, field, self, a, personality);
    const auto chance = [&](float push) {
      return 1 - std::exp(-CompeteRate(rivalry, interest.common + push) * minutes);
    };
    const double most = chance(-listeners.MostPush());
    if (most == 0) continue;
    const RunMask members = Choose(key, party.run, asked, [&](uint32_t member, double draw) {
      return draw < most && (!listeners.any() || draw < chance(listeners.PushOn(member)));
    });
    if (members == 0) continue;
    movers.push_back(
        {.leave = {.position = position, .members = members}, .destination = rivalry.destination});
  }
  return movers;
}

Departure DepartureOf(const pool::Pool& pool, const Audience& audience, const Party& party) {
  return {.left_round = audience.last_round,
          .mean_interest = MeanInterest(audience, pool.ArchetypeOfRun(party.run), party.joining)};
}

float MemberInterest(const AttractionWeights& weights, float archetype_interest,
                     const Joining& joining, float engagement_offset, uint32_t round) {
  const PartyInterest interest = InterestOf(weights, archetype_interest, joining, round);
  return Unit(interest.common + interest.slope * engagement_offset);
}

float MeanMemberInterest(const AttractionWeights& weights, float archetype_mean,
                         const Joining& joining, float engagement_offset, uint32_t round) {
  const uint32_t rounds = std::max(1u, round - std::min(round, joining.round));
  // The mean of a fading offset: a geometric series.
  const double mean_fade = (1 - OffsetFade(rounds)) / (kInterestPace * rounds);
  Joining averaged = joining;
  averaged.offset = 0;
  const float offset =
      static_cast<float>(joining.offset) * kOffsetUnit * static_cast<float>(mean_fade);
  return MemberInterest(weights, archetype_mean + offset, averaged, engagement_offset, round);
}

double BoredChance(float interest, double dwell_minutes, double minutes) {
  return 1 - std::exp(-BoredRate(interest, dwell_minutes) * minutes);
}

double MemberBoredChance(const RoundSettings& settings, const pool::Pool& pool, const Party& party,
                         uint32_t member, float archetype_interest, uint32_t round,
                         double minutes) {
  const PartyInterest interest =
      InterestOf(settings.weights, archetype_interest, party.joining, round);
  const float offset = pool::EngagementOffset(pool::EngagementStep(pool.spec().seed, member));
  const double dwell = DwellMinutes(settings, party.joining, round);
  return 1 - std::exp(-BoredRate(interest.common + interest.slope * offset, dwell) * minutes);
}

double MemberBoredChanceAtMost(const RoundSettings& settings, const Party& party,
                               float archetype_interest, uint32_t round, double minutes) {
  const PartyInterest interest =
      InterestOf(settings.weights, archetype_interest, party.joining, round);
  const float lowest = interest.common - interest.slope * pool::kEngagementSpread;
  const double dwell = DwellMinutes(settings, party.joining, round);
  // 1 - exp(-x) is at most x, and the margins are beyond what is lost in rounding.
  constexpr double kRelative = 1e-6;
  constexpr double kAbsolute = 1e-12;
  return BoredRate(lowest, dwell) * minutes * (1 + kRelative) + kAbsolute;
}

double LeaveDraw(uint64_t seed, uint32_t round, uint32_t member) {
  return LeaveDraw(LeaveKey(seed, round), member);
}
uint64_t LeaveKey(uint64_t seed, uint32_t round) { return Random(seed, Draw::kLeave, round); }
double LeaveDraw(uint64_t key, uint32_t member) { return Uniform(Extend(key, member)); }

}  // namespace streaming::audience
