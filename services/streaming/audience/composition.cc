#include "services/streaming/audience/composition.h"

#include <algorithm>
#include <string_view>

#include "services/streaming/audience/random.h"

namespace streaming::audience {
namespace {

using blending::Sentiment;
using pool::Archetype;
using pool::Interest;
using pool::Leaning;
using pool::Personality;

constexpr float kHigh = 0.65f;
constexpr float kMedium = 0.45f;
constexpr float kLow = 0.25f;

constexpr std::array<std::string_view, pool::kPersonalities> kAdjectives = {
    "Enthusiastic", "Calm",  "Sociable", "Solitary", "Talkative",
    "Quiet",        "Loyal", "Curious",  "Critical", "Friendly"};
constexpr std::array<std::string_view, pool::kInterests> kNouns = {
    "Fighter", "Explorer",   "Companion",   "Crafter",   "Engineer",
    "Duelist", "Discoverer", "Storyteller", "Speedster", "Artist"};

// One of the values of a mask, the same for a member whenever it is asked; `none` without any.
template <class Mask, size_t N>
std::string_view Pick(const std::array<std::string_view, N>& words, Mask mask, uint64_t bits,
                      std::string_view none) {
  std::vector<std::string_view> candidates;
  for (size_t i = 0; i < N; ++i) {
    if ((mask.bits() >> i & 1u) != 0) candidates.push_back(words[i]);
  }
  if (candidates.empty()) return none;
  return candidates[Below(bits, static_cast<uint32_t>(candidates.size()))];
}

std::string LabelOf(const Archetype& archetype, uint64_t bits) {
  return std::string(Pick(kAdjectives, archetype.personality, bits, "Steady")) + " " +
         std::string(Pick(kNouns, archetype.interests, Mix64(bits), "Viewer"));
}

// Shares as a platform's regulars have them; followers are what subscribers are recruited from.
ViewerType TypeOf(bool follows, uint64_t bits) {
  const double draw = Uniform(bits);
  if (follows && draw < 0.5) return ViewerType::kSubscriber;
  if (draw < 0.55) return ViewerType::kHighEngager;
  if (draw < 0.75) return ViewerType::kSubscriber;
  if (draw < 0.87) return ViewerType::kVip;
  return draw < 0.95 ? ViewerType::kModerator : ViewerType::kRaidLeader;
}

Sentiment FeelingOf(const Archetype& archetype, float engagement) {
  if (engagement < kLow) return Sentiment::kBored;
  const bool confrontational = Leaning(archetype.personality, Personality::kConfrontational) > 0;
  if (engagement < kMedium) return confrontational ? Sentiment::kCritical : Sentiment::kCurious;
  if (Leaning(archetype.personality, Personality::kHighExcitement) > 0) return Sentiment::kExcited;
  return confrontational ? Sentiment::kAmused : Sentiment::kSupportive;
}

// One member with its weight.
struct Viewer {
  uint32_t member;
  uint32_t heads;
  float engagement;
  bool follows;
};

void AppendViewers(const AttractionWeights& weights, const LiveSession& session, const Party& party,
                   std::vector<Viewer>& viewers) {
  const pool::Pool& pool = *session.pool;
  const uint8_t archetype = pool.ArchetypeOfRun(party.run);
  const float interest = session.audience.interest[archetype];
  const pool::PersonalityMask personality = pool.archetypes()[archetype].personality;
  ForEachPlace(party.members, [&](uint32_t place) {
    const uint32_t member = party.run * pool::kRunLength + place;
    const float offset = pool::EngagementOffset(pool::EngagementStep(pool.spec().seed, member));
    const float push = session.audience.chorus.PushOn(member, personality);
    viewers.push_back({.member = member,
                       .heads = pool.WeightOfRun(party.run),
                       .engagement = MemberInterest(weights, interest + push, party.joining, offset,
                                                    session.audience.last_round),
                       .follows = (party.joining.flags & kFollows) != 0});
  });
}

void CountKinds(const Archetype& archetype, uint32_t heads, Composition& composition) {
  composition.heads += heads;
  for (size_t i = 0; i < pool::kPersonalities; ++i) {
    if (archetype.personality.Has(static_cast<Personality>(i))) {
      composition.personalities[i] += heads;
    }
  }
  for (size_t i = 0; i < pool::kInterests; ++i) {
    if (archetype.interests.Has(static_cast<Interest>(i))) composition.interests[i] += heads;
  }
}

void CountEngagement(const Archetype& archetype, const Viewer& viewer, Composition& composition) {
  const bool lurks = Leaning(archetype.personality, Personality::kLurker) > 0;
  if (viewer.engagement >= kHigh) {
    composition.high += viewer.heads;
  } else if (lurks || viewer.engagement < kLow) {
    composition.lurking += viewer.heads;
  } else {
    (viewer.engagement >= kMedium ? composition.medium : composition.low) += viewer.heads;
  }
}

NotableViewer Describe(const LiveSession& session, const Viewer& viewer) {
  const pool::Pool& pool = *session.pool;
  const Archetype& archetype = pool.archetypes()[pool.ArchetypeOf(viewer.member)];
  const uint64_t bits = Mix64(session.state.viewer_secret ^ Mix64(viewer.member));
  return {.member = viewer.member,
          .viewer = pool::ViewerId(session.state.viewer_secret, viewer.member),
          .label = LabelOf(archetype, bits),
          .type = TypeOf(viewer.follows, Mix64(bits + 1)),
          .engagement = viewer.engagement,
          .sentiment = session.audience.chorus.FeelingOf(viewer.member)
                           .value_or(FeelingOf(archetype, viewer.engagement))};
}

bool IsMoreEngaged(const Viewer& a, const Viewer& b) {
  return a.engagement != b.engagement ? a.engagement > b.engagement : a.member < b.member;
}

}  // namespace

Composition CompositionOf(const AttractionWeights& weights, const LiveSession& session) {
  Composition composition;
  std::vector<Viewer> viewers;
  for (const Party& party : session.parties) {
    const Archetype& archetype =
        session.pool->archetypes()[session.pool->ArchetypeOfRun(party.run)];
    const size_t first = viewers.size();
    AppendViewers(weights, session, party, viewers);
    uint32_t heads = 0;
    for (size_t i = first; i < viewers.size(); ++i) {
      heads += viewers[i].heads;
      CountEngagement(archetype, viewers[i], composition);
    }
    CountKinds(archetype, heads, composition);
  }
  const size_t notable = std::min(kNotableViewersMax, viewers.size());
  std::partial_sort(viewers.begin(), viewers.begin() + static_cast<ptrdiff_t>(notable),
                    viewers.end(), IsMoreEngaged);
  for (size_t i = 0; i < notable; ++i) {
    composition.notable.push_back(Describe(session, viewers[i]));
  }
  return composition;
}

}  // namespace streaming::audience
