#include "services/streaming/audience/session_view.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "services/streaming/audience/attraction.h"
#include "services/streaming/audience/random.h"
#include "services/streaming/audience/seats.h"

namespace streaming::audience {
namespace {

// The bits of a run; those that lie behind the bitmap's end are 0.
RunMask TakenOf(std::string_view taken, uint32_t run) {
  constexpr size_t kRunBytes = pool::kRunLength / 8;
  RunMask members = 0;
  for (size_t i = 0; i < kRunBytes; ++i) {
    const size_t at = run * kRunBytes + i;
    members = members << 8 | (at < taken.size() ? static_cast<uint8_t>(taken[at]) : 0u);
  }
  return members;
}

void AppendAttendees(std::vector<Attendee>& attendees, const AttractionWeights& weights,
                     const pool::Pool& pool, const Party& party, float archetype_mean,
                     uint32_t round, const std::vector<uint32_t>& seated) {
  ForEachPlace(party.members, [&](uint32_t place) {
    const uint32_t member = party.run * pool::kRunLength + place;
    const float offset = pool::EngagementOffset(pool::EngagementStep(pool.spec().seed, member));
    attendees.push_back(
        {.member = member,
         .mean_interest = MeanMemberInterest(weights, archetype_mean, party.joining, offset, round),
         .seated = std::ranges::binary_search(seated, member)});
  });
}

}  // namespace

RoundSettings SettingsOf(RoundSettings settings, const pool::Pool& pool, uint32_t shard) {
  settings.seed = Mix64(pool.spec().seed + shard);
  return settings;
}

SessionView ViewOf(const RoundSettings& settings, const pool::Pool& pool,
                   const LiveSession& session, common::Time now) {
  const LiveState& state = session.state;
  const StreamSignals signals = {.tags = state.tags,
                                 .reputation = state.reputation,
                                 .hype = state.hype_progress,
                                 .excitement = session.audience.excitement,
                                 .crowd = session.heads,
                                 .novelty = 1 - state.history,
                                 .history = state.history,
                                 .caller_score = state.caller_score};
  const auto attractions = Attractions(settings.weights, pool.archetypes(), signals);
  SessionView view = {.session_id = session.key.session,
                      .draw = state.draw,
                      .crowd = session.heads,
                      .mood = MoodOf(session),
                      .paused = state.paused};
  view.age_minutes =
      static_cast<float>(std::max(0.0, common::ToSeconds(now - state.started_at)) / 60);
  std::transform(attractions.begin(), attractions.end(), view.attraction.begin(),
                 [](float value) { return static_cast<uint8_t>(std::lround(value * 255)); });
  return view;
}

pool::PerArchetype<uint32_t> FreeHeads(const pool::Pool& pool, uint32_t shard,
                                       std::string_view taken) {
  pool::PerArchetype<uint32_t> free = {};
  for (uint32_t run = shard; run < pool.runs(); run += pool.spec().shards) {
    // A pool that has grown meanwhile may have more members in its last run than this one.
    const uint32_t known = pool.MembersOfRun(run);
    const RunMask existing = kWholeRun << (pool::kRunLength - known);
    const uint32_t members = known - CountOf(TakenOf(taken, run) & existing);
    free[pool.ArchetypeOfRun(run)] += members * pool.WeightOfRun(run);
  }
  return free;
}

Change ChangeOf(const LiveSession& session, const View& view, Step step) {
  Change change(session);
  change.leavers = std::move(step.leavers);
  change.named = std::move(step.followers);
  change.wanted_heads = step.wanted_heads;
  change.free_heads = view.free_heads;
  change.audience = step.audience;
  return change;
}

std::vector<Attendee> AttendeesOf(const AttractionWeights& weights, const pool::Pool& pool,
                                  const LiveSession& session,
                                  const std::vector<DepartedParty>& departed) {
  const Audience& audience = session.audience;
  const std::vector<uint32_t> seated = SeatedAttendees(session, departed);
  std::vector<Attendee> attendees;
  for (const Party& party : session.parties) {
    const float mean = MeanInterest(audience, pool.ArchetypeOfRun(party.run), party.joining);
    AppendAttendees(attendees, weights, pool, party, mean, audience.last_round, seated);
  }
  for (const DepartedParty& gone : departed) {
    AppendAttendees(attendees, weights, pool, gone.party, gone.departure.mean_interest,
                    gone.departure.left_round, seated);
  }
  return attendees;
}

}  // namespace streaming::audience
