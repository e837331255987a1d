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
struct Seat {
  uint32_t member;
  uint32_t heads;
  float engagement;
  bool follows;
};

void AppendSeats(const AttractionWeights& weights, const LiveSession& session, const Party& party,
                 std::vector<Seat>& seats) {
  const pool::Pool& pool = *session.pool;
  const float interest = session.audience.interest[pool.ArchetypeOfRun(party.run)];
  ForEachPlace(party.members, [&](uint32_t place) {
    const uint32_t member = party.run * pool::kRunLength + place;
    const float offset = pool::EngagementOffset(pool::EngagementStep(pool.spec().seed, member));
    seats.push_back({.member = member,
                     .heads = pool.WeightOfRun(party.run),
                     .engagement = MemberInterest(weights, interest, party.joining, offset,
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

void CountEngagement(const Archetype& archetype, const Seat& seat, Composition& composition) {
  const bool lurks = Leaning(archetype.personality, Personality::kLurker) > 0;
  if (seat.engagement >= kHigh) {
    composition.high += seat.heads;
  } else if (lurks || seat.engagement < kLow) {
    composition.lurking += seat.heads;
  } else {
    (seat.engagement >= kMedium ? composition.medium : composition.low) += seat.heads;
  }
}

NotableViewer Describe(const LiveSession& session, const Seat& seat) {
  const pool::Pool& pool = *session.pool;
  const Archetype& archetype = pool.archetypes()[pool.ArchetypeOf(seat.member)];
  const common::Uuid viewer = pool::ViewerId(session.state.viewer_secret, seat.member);
  const uint64_t bits = Mix64(session.state.viewer_secret ^ Mix64(seat.member));
  return {.member = seat.member,
          .viewer = viewer,
          .label = LabelOf(archetype, bits),
          .type = TypeOf(seat.follows, Mix64(bits + 1)),
          .engagement = seat.engagement,
          .sentiment = FeelingOf(archetype, seat.engagement)};
}

bool IsMoreEngaged(const Seat& a, const Seat& b) {
  return a.engagement != b.engagement ? a.engagement > b.engagement : a.member < b.member;
}

}  // namespace

Composition CompositionOf(const AttractionWeights& weights, const LiveSession& session) {
  Composition composition;
  std::vector<Seat> seats;
  for (const Party& party : session.parties) {
    const Archetype& archetype =
        session.pool->archetypes()[session.pool->ArchetypeOfRun(party.run)];
    const size_t first = seats.size();
    AppendSeats(weights, session, party, seats);
    uint32_t heads = 0;
    for (size_t i = first; i < seats.size(); ++i) {
      heads += seats[i].heads;
      CountEngagement(archetype, seats[i], composition);
    }
    CountKinds(archetype, heads, composition);
  }
  const size_t notable = std::min(kNotableViewersMax, seats.size());
  std::partial_sort(seats.begin(), seats.begin() + static_cast<ptrdiff_t>(notable), seats.end(),
                    IsMoreEngaged);
  for (size_t i = 0; i < notable; ++i) {
    composition.notable.push_back(Describe(session, seats[i]));
  }
  return composition;
}

uint32_t SeatedHeads(const LiveSession& session) {
  uint32_t heads = 0;
  for (const Party& party : session.parties) {
    if ((party.joining.flags & kSeated) != 0) {
      heads += CountOf(party.members) * session.pool->WeightOfRun(party.run);
    }
  }
  return heads;
}

std::vector<common::Uuid> SeatedViewers(const LiveSession& session, size_t limit) {
  std::vector<common::Uuid> viewers;
  for (const Party& party : session.parties) {
    if ((party.joining.flags & kSeated) == 0) continue;
    ForEachPlace(party.members, [&](uint32_t place) {
      if (viewers.size() < limit) {
        viewers.push_back(
            pool::ViewerId(session.state.viewer_secret, party.run * pool::kRunLength + place));
      }
    });
  }
  return viewers;
}

}  // namespace streaming::audience
