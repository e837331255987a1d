#include "services/streaming/audience/round.h"

#include <algorithm>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::audience {
namespace {

// --- Leaving. Mean dwell 31 min, median 8, as published for live audiences. ---
constexpr double kBoredRate = 0.14;       // a minute, at interest 0.4 and no dwell
constexpr double kBoredSlope = 3;         // e-folds of the rate for 1 of interest
constexpr double kBoredPivot = 0.4;       // interest
constexpr double kDwellScaleMinutes = 5;  // a stay this long halves the rate
constexpr float kCompeteMargin = 0.15f;   // of attraction over interest, before anyone moves
constexpr double kCompeteRate = 0.5;      // a minute, for 1 of attraction beyond the margin

// --- Coming. ---
constexpr double kLookRate = 0.05;    // a minute: a free member looks around every 20 minutes
constexpr double kTemperature = 0.2;  // of attraction in the choice
constexpr double kPlainAttraction =
    0.5;                             // where attraction neither adds to nor takes from the draw
constexpr double kCrowdShare = 0.3;  // of those who are there, in the draw
// For a head in the pool. With the look rate and the mean dwell a stream of plain attraction then
// settles at about what it is expected to draw, whatever the size of the pool.
constexpr double kOfflineWeight = 2.2;
// Followers are told of a start: arrivals tenfold at first, ordinary again after about 12 minutes.
constexpr double kStartBoost = 9;
constexpr double kStartFadeMinutes = 2;
constexpr float kNewcomerDraw = 40;         // heads that a streamer without a past draws
constexpr float kNewcomerSessions = 2;      // sessions after which the past counts for half
constexpr float kFollowersWatching = 0.1f;  // of a streamer's followers at any time

// --- Interest. ---
constexpr double kInterestPace = 0.25;    // of the way to the attraction in an ordinary round
constexpr double kExcitementKept = 0.5;   // in an ordinary round
constexpr uint32_t kElapsedLimit = 1000;  // rounds made up for in the sums after a pause

constexpr uint8_t kViewVersion = 1;
constexpr uint8_t kAudienceVersion = 1;

float Unit(float value) { return std::clamp(value, 0.0f, 1.0f); }
uint64_t Quantise(float value, uint32_t steps) {
  return static_cast<uint64_t>(std::lround(Unit(value) * static_cast<float>(steps)));
}
void PutFloat(std::string& out, float value) {
  PutLittleEndian(out, std::bit_cast<uint32_t>(value), 4);
}
float TakeFloat(ByteReader& reader) {
  return std::bit_cast<float>(static_cast<uint32_t>(reader.Take(4)));
}

// exp(attraction / temperature) relative to a plain one, by attraction in 1/255.
const std::array<double, 256>& Appeal() {
  static const auto table = [] {
    std::array<double, 256> appeal;
    for (size_t i = 0; i < appeal.size(); ++i) {
      appeal[i] = std::exp((static_cast<double>(i) / 255 - kPlainAttraction) / kTemperature);
    }
    return appeal;
  }();
  return table;
}

double DrawOf(const SessionView& session) {
  return session.paused ? 0 : session.draw + kCrowdShare * session.crowd + 1;
}

double StartBoost(double age_minutes) {
  return 1 + kStartBoost * std::exp(-age_minutes / kStartFadeMinutes);
}

// A Poisson number of this mean, which is how people arrive. Beyond kNormalFrom the normal
// approximation is closer than the counts matter.
uint32_t Poisson(double mean, uint64_t bits) {
  constexpr double kNormalFrom = 30;
  if (mean <= 0) return 0;
  if (mean < kNormalFrom) {
    double left = Uniform(bits);
    double chance = std::exp(-mean);
    uint32_t count = 0;
    constexpr uint32_t kMost = 200;  // its chance is below 1e-80
    while (left >= chance && count < kMost) {
      left -= chance;
      chance *= mean / ++count;
    }
    return count;
  }
  // Box and Muller's method for one normal number.
  const double radius = std::sqrt(-2 * std::log(1 - Uniform(bits)));
  const double angle = 2 * 3.14159265358979323846 * Uniform(Mix64(bits));
  return static_cast<uint32_t>(
      std::max(0.0, std::round(mean + std::sqrt(mean) * radius * std::cos(angle))));
}

double OffsetFade(uint32_t rounds) {
  return std::pow(1 - kInterestPace, static_cast<double>(rounds));
}

double BoredRate(double interest, double dwell_minutes) {
  return kBoredRate * std::exp(-kBoredSlope * (interest - kBoredPivot)) /
         (1 + dwell_minutes / kDwellScaleMinutes);
}

double DwellMinutes(const RoundSettings& settings, const Joining& joining, uint32_t round) {
  return (round - std::min(round, joining.round)) * settings.interval_seconds / 60.0;
}

// Interest of a party before its members' own engagement, and what 1 of engagement adds to it.
struct PartyInterest {
  float common;
  float slope;
};
PartyInterest InterestOf(const AttractionWeights& weights, float archetype_interest,
                         const Joining& joining, uint32_t round) {
  const uint32_t rounds = round - std::min(round, joining.round);
  const auto fade = static_cast<float>(OffsetFade(rounds));
  float common = archetype_interest + static_cast<float>(joining.offset) * kOffsetUnit * fade;
  float slope = PersonalAttraction(weights, 1);
  if (joining.flags & kFollows) {
    common = AsFollower(weights, common);
    slope *= static_cast<float>(1 - weights.follower);
  }
  return {common, slope};
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

// Decides for the members of one party. The rates are worked out once; a member whose draw is above
// the highest chance anyone of the party can have costs one hash and one comparison.
class PartyStep {
 public:
  PartyStep(const PartyInterest& interest, double bored_rate, double compete_rate, double minutes)
      : interest_(interest), bored_(bored_rate * minutes), competed_(compete_rate * minutes) {
    const double most = bored_ * std::exp(kBoredSlope * interest.slope * pool::kEngagementSpread);
    certain_stay_ = 1 - std::exp(-(most + competed_));
  }

  enum class Fate { kStays, kBored, kCompeted };

  Fate Decide(uint64_t pool_seed, uint32_t member, double draw) const {
    if (draw >= certain_stay_) return Fate::kStays;
    const float offset = pool::EngagementOffset(pool::EngagementStep(pool_seed, member));
    const double bored = bored_ * std::exp(-kBoredSlope * interest_.slope * offset);
    if (draw < 1 - std::exp(-bored)) return Fate::kBored;
    return draw < 1 - std::exp(-(bored + competed_)) ? Fate::kCompeted : Fate::kStays;
  }

 private:
  PartyInterest interest_;
  double bored_;
  double competed_;
  double certain_stay_;
};

Leaver StepParty(const PartyStep& step, uint64_t pool_seed, uint64_t key, const Party& party,
                 Cohort cohort) {
  Leaver leaver;
  ForEachPlace(party.members, [&](uint32_t place) {
    const uint32_t member = party.run * pool::kRunLength + place;
    if (member % cohort.of != cohort.number) return;
    const auto fate = step.Decide(pool_seed, member, Uniform(Extend(key, member)));
    if (fate == PartyStep::Fate::kStays) return;
    leaver.leave.members |= BitOf(place);
    if (fate == PartyStep::Fate::kCompeted) leaver.competed |= BitOf(place);
  });
  return leaver;
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

void LeaveParties(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                  const Field& field, uint32_t self, std::span<const Party> parties, Cohort cohort,
                  Step& step) {
  const double minutes = settings.interval_seconds * view.stretch / 60.0;
  const uint64_t key = Random(settings.seed, Draw::kLeave, view.round);
  for (uint32_t position = 0; position < parties.size(); ++position) {
    const Party& party = parties[position];
    const uint8_t a = pool.ArchetypeOfRun(party.run);
    const PartyInterest interest =
        InterestOf(settings.weights, step.audience.interest[a], party.joining, view.round);
    const Rivalry rivalry = RivalryOf(view, field, self, a, pool.archetypes()[a].personality);
    const double dwell = DwellMinutes(settings, party.joining, view.round);
    const PartyStep decide(interest, BoredRate(interest.common, dwell),
                           CompeteRate(rivalry, interest.common), minutes);
    Leaver leaver = StepParty(decide, pool.spec().seed, key, party, cohort);
    if (leaver.leave.members == 0) continue;
    leaver.leave.position = position;
    if (leaver.competed != 0) leaver.destination = rivalry.destination;
    step.leaving_heads += CountOf(leaver.leave.members) * pool.WeightOfRun(party.run);
    step.leavers.push_back(leaver);
  }
}

}  // namespace

float ExpectedDraw(const StreamerPast& past) {
  const auto sessions = static_cast<float>(past.recent_sessions);
  const float mean = (kNewcomerSessions * kNewcomerDraw + sessions * past.recent_mean_audience) /
                     (kNewcomerSessions + sessions);
  return mean + kFollowersWatching * static_cast<float>(past.followers);
}

Audience NewAudience(const SessionView& session, uint32_t round) {
  Audience audience;
  audience.last_round = round;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    audience.interest[a] = static_cast<float>(session.attraction[a]) / 255;
  }
  return audience;
}

Field Survey(const View& view) {
  Field field;
  field.best.fill(Field::kNobody);
  field.second.fill(Field::kNobody);
  const auto attraction = [&](uint32_t s, size_t a) {
    return s == Field::kNobody ? -1 : static_cast<int>(view.sessions[s].attraction[a]);
  };
  for (uint32_t s = 0; s < view.sessions.size(); ++s) {
    const SessionView& session = view.sessions[s];
    if (session.paused) continue;
    const double draw = DrawOf(session);
    for (size_t a = 0; a < pool::kArchetypes; ++a) {
      field.total_weight[a] += draw * Appeal()[session.attraction[a]];
      if (attraction(s, a) > attraction(field.best[a], a)) {
        field.second[a] = field.best[a];
        field.best[a] = s;
      } else if (attraction(s, a) > attraction(field.second[a], a)) {
        field.second[a] = s;
      }
    }
  }
  return field;
}

Step StepSession(const RoundSettings& settings, const pool::Pool& pool, const View& view,
                 const Field& field, uint32_t self, const Audience& audience,
                 std::span<const Party> parties, Cohort cohort) {
  const SessionView& session = view.sessions[self];
  Step step;
  step.audience = audience;
  if (cohort.number == 0) MoveInterest(settings, pool.archetypes(), view, session, step.audience);
  LeaveParties(settings, pool, view, field, self, parties, cohort, step);

  uint32_t heads = 0;
  for (const Party& party : parties) heads += CountOf(party.members) * pool.WeightOfRun(party.run);
  const uint32_t staying = heads - step.leaving_heads;
  const double minutes =
      settings.interval_seconds * view.stretch / 60.0 * StartBoost(session.age_minutes) / cohort.of;
  pool::PerArchetype<float> looking;
  looking.fill(static_cast<float>(minutes));
  const uint64_t key = SessionKey(settings.seed, Draw::kNewcomers, view.round, session.session_id);
  step.wanted_heads =
      Newcomers(view, field, self, looking,
                settings.capacity_heads - std::min(settings.capacity_heads, staying),
                Extend(key, cohort.number));
  return step;
}

LeaveRecords EncodeLeavers(const pool::Pool& pool, const Audience& audience,
                           std::span<const Party> parties, std::span<const Leaver> leavers) {
  LeaveRecords records;
  for (const Leaver& leaver : leavers) {
    const Party& party = parties[leaver.leave.position];
    AppendLeave(records.leaves, leaver.leave);
    AppendDeparture(
        records.departures,
        {.left_round = audience.last_round,
         .mean_interest = MeanInterest(audience, pool.ArchetypeOfRun(party.run), party.joining)});
  }
  return records;
}

pool::PerArchetype<uint32_t> Newcomers(const View& view, const Field& field, uint32_t self,
                                       const pool::PerArchetype<float>& minutes,
                                       uint32_t room_heads, uint64_t key) {
  pool::PerArchetype<uint32_t> wanted = {};
  const SessionView& session = view.sessions[self];
  const double draw = DrawOf(session);
  if (draw == 0) return wanted;
  const double offline = kOfflineWeight * std::max(1u, view.pool_heads);
  const uint32_t first = Below(key, pool::kArchetypes);
  for (uint32_t i = 0; i < pool::kArchetypes && room_heads > 0; ++i) {
    const uint32_t a = (first + i) % pool::kArchetypes;
    const double share = draw * Appeal()[session.attraction[a]] / (offline + field.total_weight[a]);
    const double looks = kLookRate * std::max(0.0f, minutes[a]);
    // However long one looks, one comes once.
    const double mean = view.free_heads[a] * (1 - std::exp(-looks * share));
    wanted[a] = std::min({Poisson(mean, Extend(key, a)), view.free_heads[a], room_heads});
    room_heads -= wanted[a];
  }
  return wanted;
}

pool::PerArchetype<uint32_t> StartDraw(const RoundSettings& settings, const View& view,
                                       const Field& field, uint32_t self) {
  pool::PerArchetype<float> looking;
  looking.fill(static_cast<float>(StartBoost(0)));
  return Newcomers(
      view, field, self, looking, settings.capacity_heads,
      SessionKey(settings.seed, Draw::kNewcomers, view.round, view.sessions[self].session_id));
}

uint64_t SessionKey(uint64_t seed, Draw draw, uint32_t round, const common::Uuid& session_id) {
  const auto* id = reinterpret_cast<const char*>(session_id.bytes().data());
  return Random(seed, draw, round, GetLittleEndian(id, 8), GetLittleEndian(id + 8, 8));
}

float MemberInterest(const AttractionWeights& weights, float archetype_interest,
                     const Joining& joining, float engagement_offset, uint32_t round) {
  const PartyInterest interest = InterestOf(weights, archetype_interest, joining, round);
  return Unit(interest.common + interest.slope * engagement_offset);
}

float MeanInterest(const Audience& audience, uint8_t archetype, const Joining& joining) {
  const uint32_t rounds = audience.last_round - std::min(audience.last_round, joining.round);
  if (rounds == 0) return audience.interest[archetype];
  const uint32_t sum = (audience.sums[archetype] - joining.interest_sum) % kSumModulus;
  return Unit(static_cast<float>(sum) * kSumUnit / static_cast<float>(rounds));
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

double LeaveDraw(uint64_t seed, uint32_t round, uint32_t member) {
  return Uniform(Random(seed, Draw::kLeave, round, member));
}

pool::PerArchetype<Joining> JoiningNow(const Audience& audience, uint8_t flags) {
  pool::PerArchetype<Joining> joining;
  for (size_t a = 0; a < pool::kArchetypes; ++a) {
    joining[a] = {.round = audience.last_round, .flags = flags, .interest_sum = audience.sums[a]};
  }
  return joining;
}

std::string EncodeView(const View& view) {
  std::string out;
  PutLittleEndian(out, kViewVersion, 1);
  PutLittleEndian(out, view.round, 4);
  PutFloat(out, view.stretch);
  PutLittleEndian(out, view.pool_heads, 4);
  for (const uint32_t heads : view.free_heads) PutLittleEndian(out, heads, 4);
  PutLittleEndian(out, view.sessions.size(), 4);
  for (const SessionView& session : view.sessions) {
    out += session.session_id.ToBytes();
    out.append(reinterpret_cast<const char*>(session.attraction.data()), pool::kArchetypes);
    PutFloat(out, session.draw);
    PutLittleEndian(out, session.crowd, 4);
    PutFloat(out, session.age_minutes);
    blending::AppendMood(out, session.mood);
    PutLittleEndian(out, session.paused, 1);
  }
  return out;
}

absl::StatusOr<View> DecodeView(std::string_view bytes) {
  const auto malformed = [] { return absl::InvalidArgumentError("the view is malformed"); };
  ByteReader reader(bytes);
  if (reader.Take(1) != kViewVersion) return malformed();
  View view;
  view.round = static_cast<uint32_t>(reader.Take(4));
  view.stretch = TakeFloat(reader);
  view.pool_heads = static_cast<uint32_t>(reader.Take(4));
  for (uint32_t& heads : view.free_heads) heads = static_cast<uint32_t>(reader.Take(4));
  const uint64_t sessions = reader.Take(4);
  if (!reader.ok() || sessions > kMaxSessionsInView) return malformed();
  for (uint64_t i = 0; i < sessions && reader.ok(); ++i) {
    SessionView& session = view.sessions.emplace_back();
    const std::string_view id = reader.TakeBytes(16);
    const std::string_view attraction = reader.TakeBytes(pool::kArchetypes);
    session.draw = TakeFloat(reader);
    session.crowd = static_cast<uint32_t>(reader.Take(4));
    session.age_minutes = TakeFloat(reader);
    const std::string_view mood = reader.TakeBytes(blending::kMoodBytes);
    session.paused = reader.Take(1) != 0;
    if (!reader.ok()) return malformed();
    session.session_id = *common::Uuid::FromBytes(id);
    std::copy(attraction.begin(), attraction.end(), session.attraction.begin());
    session.mood = blending::ReadMood(mood.data());
  }
  if (!reader.Complete()) return malformed();
  return view;
}

std::string EncodeAudience(const Audience& audience) {
  std::string out;
  PutLittleEndian(out, kAudienceVersion, 1);
  PutLittleEndian(out, audience.last_round, 4);
  PutLittleEndian(out, Quantise(audience.excitement, 65535), 2);
  for (const float interest : audience.interest) PutLittleEndian(out, Quantise(interest, 65535), 2);
  for (const uint32_t sum : audience.sums) PutLittleEndian(out, sum, 3);
  return out;
}

absl::StatusOr<Audience> DecodeAudience(std::string_view bytes) {
  ByteReader reader(bytes);
  Audience audience;
  const uint64_t version = reader.Take(1);
  audience.last_round = static_cast<uint32_t>(reader.Take(4));
  audience.excitement = static_cast<float>(reader.Take(2)) / 65535;
  for (float& interest : audience.interest) interest = static_cast<float>(reader.Take(2)) / 65535;
  for (uint32_t& sum : audience.sums) sum = static_cast<uint32_t>(reader.Take(3));
  if (version != kAudienceVersion || !reader.Complete()) {
    return absl::InvalidArgumentError("the audience is malformed");
  }
  return audience;
}

}  // namespace streaming::audience
