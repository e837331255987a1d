#include "services/streaming/sessions/beginning.h"

#include <cmath>
#include <utility>

#include "services/streaming/audience/arrival.h"
#include "services/streaming/audience/session_view.h"

namespace streaming::sessions {
namespace {

// Sessions after which a streamer is about two thirds of the way from new to established.
constexpr double kEstablishedSessions = 10;

}  // namespace

void SetPast(audience::LiveState& state, const careers::Stats& stats, double usual_audience) {
  state.reputation = static_cast<float>(careers::ReputationOf(stats.growth));
  state.history = static_cast<float>(1 - std::exp(-stats.sessions / kEstablishedSessions));
  state.draw = audience::ExpectedDraw({.recent_sessions = stats.sessions,
                                       .recent_mean_audience = static_cast<float>(usual_audience),
                                       .followers = stats.followers});
  state.legendary_trains =
      careers::Has(careers::PhaseOf(stats.growth), careers::kLegendaryHypeTrains);
}

audience::Change FirstAudience(const audience::RoundSettings& settings, const pool::Pool& pool,
                               audience::View view, const audience::Followers& followers,
                               audience::LiveSession begins, common::Time now) {
  const auto self = static_cast<uint32_t>(view.sessions.size());
  view.sessions.push_back(audience::ViewOf(settings, pool, begins, now));
  begins.audience = audience::NewAudience(view.sessions.back(), view.round);
  audience::Change first(begins);
  first.free_heads = view.free_heads;
  audience::Draft draft =
      audience::StartDraw(settings, pool, view, audience::Survey(view), self, followers);
  first.wanted_heads = draft.wanted_heads;
  first.named = std::move(draft.followers);
  return first;
}

}  // namespace streaming::sessions
