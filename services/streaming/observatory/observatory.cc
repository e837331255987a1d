#include "services/streaming/observatory/observatory.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "services/streaming/blending/crowd.h"
#include "services/streaming/hype/session_hype.h"

namespace streaming::observatory {
namespace {

using audience::Flow;
using audience::FlowKind;
using audience::LiveSession;
using common::Time;
using common::Uuid;

// How many SeatedMembers there are, without drawing who they are.
uint32_t SeatedCount(const LiveSession& session, const blending::Crowd& crowd) {
  uint64_t members = 0;
  for (const audience::Party& party : session.parties) {
    if (session.pool->WeightOfRun(party.run) == 1) members += audience::CountOf(party.members);
  }
  return static_cast<uint32_t>(std::min<uint64_t>(members, crowd.seats()));
}

std::optional<Train> TrainOf(const hype::Settings& settings, const LiveSession& session, Time now) {
  const auto state = hype::StateOf(session.hype);
  if (!state.ok() || !state->train || state->train->expires_at <= now) return std::nullopt;
  const hype::Train& train = *state->train;
  return Train{.level = train.level,
               .progress = hype::ProgressOf(hype::ForStreamer(settings, session.state), train),
               .expires_at = train.expires_at};
}

// What is left of `all` without `part`; they may have been counted at two moments.
uint64_t Without(uint64_t all, uint64_t part) { return all - std::min(all, part); }

Truth TruthOf(const std::vector<Stream>& streams) {
  Truth truth;
  uint64_t real = 0;
  for (const Stream& stream : streams) {
    truth.heads += stream.heads;
    real += stream.seated;
  }
  if (real == 0 || real >= kRealLeast) truth.real = real;
  return truth;
}

}  // namespace

Stream StreamOf(const hype::Settings& settings, const LiveSession& session, Time now) {
  const blending::Crowd crowd = blending::DecodeCrowd(session.mood);
  Stream stream = {.session = session.key.session,
                   .game = session.key.game,
                   .streamer_type = session.state.streamer_type,
                   .tags = session.state.tags,
                   .paused = session.state.paused,
                   .started_at = session.state.started_at,
                   .heads = session.heads,
                   .peak_heads = std::max(session.state.peak_heads, session.heads),
                   .excitement = session.audience.excitement,
                   .mood = blending::MoodNow(crowd),
                   .train = TrainOf(settings, session, now),
                   .seated = SeatedCount(session, crowd)};
  if (crowd.last_pulse_at) {
    stream.pulses = Pulses{
        .applied = crowd.pulses, .last_at = *crowd.last_pulse_at, .lag_millis = crowd.lag_millis};
  }
  return stream;
}

Lanes LanesOf(const std::vector<Flow>& flows, Time now) {
  std::map<std::tuple<FlowKind, Uuid, Uuid>, Lane> lanes;
  for (const Flow& flow : flows) {
    if (flow.heads == 0 || now - flow.at > kFlowsWindow) continue;
    Lane& lane = lanes[{flow.kind, flow.from, flow.to}];
    lane.kind = flow.kind;
    lane.from = flow.from;
    lane.to = flow.to;
    lane.heads += flow.heads;
    ++lane.times;
    lane.last = std::max(lane.last, flow.at);
  }
  Lanes sums;
  for (const auto& [pair, lane] : lanes) sums.shown.push_back(lane);
  std::ranges::stable_sort(sums.shown, std::greater<>{}, &Lane::last);
  for (; sums.shown.size() > kLanesMost; sums.shown.pop_back()) {
    sums.other_heads += sums.shown.back().heads;
  }
  return sums;
}

Picture PictureOf(Records records, Time now) {
  std::ranges::sort(records.streams, [](const Stream& a, const Stream& b) {
    return std::tuple(b.heads, a.session) < std::tuple(a.heads, b.session);
  });
  Picture picture = {.at = now,
                     .other_streams = Without(records.live_streams, records.looked_for),
                     .other_heads = Without(records.live_heads, records.looked_for_heads),
                     .truth = TruthOf(records.streams),
                     .other_games = Without(records.games_in_all, records.games.size()),
                     .lanes = LanesOf(records.flows, now)};
  picture.streams = std::move(records.streams);
  picture.games = std::move(records.games);
  return picture;
}

}  // namespace streaming::observatory
