#include "services/streaming/hype/session_hype.h"

#include <algorithm>
#include <bit>

#include "libs/common/base/status.h"
#include "services/streaming/audience/bytes.h"

namespace streaming::hype {
namespace {

using audience::ByteReader;
using audience::PutLittleEndian;

constexpr uint8_t kVersion = 1;
constexpr size_t kIdBytes = 16;
constexpr uint8_t kPeakMoment = 6;  // bannou.streaming.v1.StreamMomentType: HypeTrainPeak

void PutTime(std::string& out, common::Time time) {
  PutLittleEndian(out, static_cast<uint64_t>(common::ToMicros(time)), 8);
}
common::Time TakeTime(ByteReader& reader) {
  return common::FromMicros(static_cast<int64_t>(reader.Take(8)));
}

// The progress that a transition announces: a level that the train passed at once was full.
float ProgressAfter(const Settings& settings, const State& state, const Transition& transition) {
  const bool last = state.train && state.train->ordinal == transition.ordinal &&
                    state.train->level == transition.level;
  return last ? static_cast<float>(ProgressOf(settings, *state.train)) : 1.0f;
}

// When the train ends unless somebody contributes: a hum may have come since somebody did.
common::Time ExpiryAfter(const Settings& settings, const State& state,
                         const Transition& transition) {
  const bool runs = state.train && state.train->ordinal == transition.ordinal;
  return runs ? state.train->expires_at : transition.at + settings.duration;
}

// Levels that a train of this streamer may have.
double LevelsOf(const Settings& settings) {
  return settings.levels + (settings.legendary_allowed ? 1 : 0);
}

// A train is one moment, at the highest level that it reached.
void TellPeak(const Settings& settings, const Transition& transition, audience::Change& change) {
  std::erase_if(change.moments, [&](const audience::Moment& moment) {
    return moment.type == kPeakMoment && moment.at >= transition.started_at;
  });
  const double share = static_cast<double>(transition.level) / LevelsOf(settings);
  audience::AddMoment(change.moments, {.at = transition.at,
                                       .type = kPeakMoment,
                                       .reaction = static_cast<float>(std::min(share, 1.0))});
}

void Put(const Settings& settings, const common::Uuid& session, const State& state,
         const std::vector<Transition>& transitions, audience::Change& change) {
  for (const Transition& transition : transitions) {
    // Not State::trains: that begins anew when Redis has lost the session.
    if (transition.kind == TransitionKind::kTriggered) ++change.state.hype_trains;
    if (transition.kind != TransitionKind::kCompleted) TellPeak(settings, transition, change);
    change.state.peak_hype_level =
        std::max(change.state.peak_hype_level, static_cast<uint8_t>(transition.level));
    change.hype_pending.push_back(
        EncodePending({.session = session,
                       .transition = transition,
                       .expires_at = ExpiryAfter(settings, state, transition),
                       .progress = ProgressAfter(settings, state, transition)}));
  }
  change.hype = EncodeState(state);
  change.state.hype_progress = ProgressThroughLevels(settings, state);
}

}  // namespace

std::string EncodePending(const PendingTransition& pending) {
  std::string bytes;
  PutLittleEndian(bytes, kVersion, 1);
  bytes += pending.session.ToBytes();
  PutLittleEndian(bytes, static_cast<uint8_t>(pending.transition.kind), 1);
  PutLittleEndian(bytes, pending.transition.ordinal, 4);
  PutLittleEndian(bytes, static_cast<uint8_t>(pending.transition.level), 1);
  PutLittleEndian(bytes, pending.transition.trigger, 1);
  PutTime(bytes, pending.transition.at);
  PutTime(bytes, pending.transition.started_at);
  PutTime(bytes, pending.expires_at);
  PutLittleEndian(bytes, std::bit_cast<uint32_t>(pending.progress), 4);
  return bytes;
}

absl::StatusOr<PendingTransition> DecodePending(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint64_t version = reader.Take(1);
  const auto session = common::Uuid::FromBytes(reader.TakeBytes(kIdBytes));
  PendingTransition pending;
  Transition& transition = pending.transition;
  transition.kind = static_cast<TransitionKind>(reader.Take(1));
  transition.ordinal = static_cast<uint32_t>(reader.Take(4));
  transition.level = static_cast<Level>(reader.Take(1));
  transition.trigger = static_cast<uint8_t>(reader.Take(1));
  transition.at = TakeTime(reader);
  transition.started_at = TakeTime(reader);
  pending.expires_at = TakeTime(reader);
  pending.progress = std::bit_cast<float>(static_cast<uint32_t>(reader.Take(4)));
  if (version != kVersion || !session || !reader.Complete() ||
      transition.kind > TransitionKind::kCompleted || transition.level < Level::kLevel1 ||
      transition.level > Level::kLegendary) {
    return absl::InvalidArgumentError("a pending hype transition is malformed");
  }
  pending.session = *session;
  return pending;
}

absl::StatusOr<State> StateOf(std::string_view hype) {
  if (hype.empty()) return State{};
  return DecodeState(hype);
}

float ProgressThroughLevels(const Settings& settings, const State& state) {
  if (!state.train) return 0;
  const double passed = state.train->level == Level::kLegendary
                            ? settings.levels
                            : static_cast<double>(state.train->level) - 1;
  // A train that has just begun is one, too.
  return static_cast<float>(
      std::clamp((passed + ProgressOf(settings, *state.train)) / LevelsOf(settings), 0.01, 1.0));
}

Settings ForStreamer(Settings settings, const audience::LiveState& state) {
  settings.legendary_allowed = state.legendary_trains;
  return settings;
}

absl::StatusOr<bool> Contribute(const Settings& settings, const common::Uuid& session,
                                const Contribution& contribution, audience::Change& change) {
  ASSIGN_OR_RETURN(State state, StateOf(change.hype));
  const uint32_t before = state.trains;
  const std::vector<Transition> transitions = Apply(settings, state, contribution);
  Put(settings, session, state, transitions, change);
  return state.trains > before;
}

absl::Status Hum(const Settings& settings, const common::Uuid& session, common::Time at,
                 double amount, audience::Change& change) {
  ASSIGN_OR_RETURN(State state, StateOf(change.hype));
  const double before = state.train ? state.train->progress : 0;
  const std::vector<Transition> transitions = hype::Hum(settings, state, at, amount);
  const bool moved = !transitions.empty() || (state.train && state.train->progress != before);
  if (moved) Put(settings, session, state, transitions, change);
  return absl::OkStatus();
}

absl::StatusOr<bool> Expire(const Settings& settings, const common::Uuid& session, common::Time now,
                            audience::Change& change) {
  ASSIGN_OR_RETURN(State state, StateOf(change.hype));
  const std::vector<Transition> transitions = Tick(settings, state, now);
  if (transitions.empty()) return false;
  Put(settings, session, state, transitions, change);
  return true;
}

}  // namespace streaming::hype
