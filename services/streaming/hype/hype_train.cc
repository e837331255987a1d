#include "services/streaming/hype/hype_train.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "services/streaming/audience/bytes.h"

namespace streaming::hype {
namespace {

constexpr size_t kStartEvents = 2;  // one event alone is a moment, not a train
constexpr uint8_t kVersion = 1;

// The level above, if this train may reach it.
std::optional<Level> Above(const Settings& settings, Level level) {
  if (level == Level::kLegendary) return std::nullopt;
  if (static_cast<uint32_t>(level) < settings.levels) {
    return static_cast<Level>(static_cast<uint8_t>(level) + 1);
  }
  if (settings.legendary_allowed) return Level::kLegendary;
  return std::nullopt;
}

Transition TransitionOf(TransitionKind kind, const Train& train, common::Time at) {
  return {kind, train.ordinal, train.level, at, train.started_at, train.trigger};
}

void Complete(const Settings& settings, State& state, common::Time at,
              std::vector<Transition>& transitions) {
  transitions.push_back(TransitionOf(TransitionKind::kCompleted, *state.train, at));
  state.train.reset();
  state.window.clear();
  state.cool_until = at + settings.cool_down;
}

void Advance(const Settings& settings, State& state, double amount, common::Time now,
             std::vector<Transition>& transitions) {
  Train& train = *state.train;
  train.progress += amount;
  while (train.progress >= CostOf(settings, train.level)) {
    const std::optional<Level> above = Above(settings, train.level);
    if (!above) return Complete(settings, state, now, transitions);
    train.progress -= CostOf(settings, train.level);
    train.level = *above;
    transitions.push_back(TransitionOf(TransitionKind::kLevelUp, train, now));
  }
}

void Gather(const Settings& settings, State& state, const Contribution& contribution) {
  const common::Time oldest = contribution.at - settings.window;
  std::erase_if(state.window, [&](const Contribution& c) { return c.at <= oldest; });
  if (state.window.size() == kWindowCapacity) state.window.erase(state.window.begin());
  state.window.push_back(contribution);
}

void StartIfReady(const Settings& settings, State& state, const Contribution& contribution,
                  std::vector<Transition>& transitions) {
  if (state.window.size() < kStartEvents) return;
  double sum = 0;
  for (const Contribution& c : state.window) sum += c.amount;
  if (sum < settings.start_threshold) return;
  state.window.clear();
  state.train = Train{.ordinal = ++state.trains,
                      .trigger = contribution.trigger,
                      .started_at = contribution.at,
                      .expires_at = contribution.at + settings.duration};
  transitions.push_back(TransitionOf(TransitionKind::kTriggered, *state.train, contribution.at));
  Advance(settings, state, sum - settings.start_threshold, contribution.at, transitions);
}

void PutDouble(std::string& out, double value) {
  audience::PutLittleEndian(out, std::bit_cast<uint64_t>(value), 8);
}
double TakeDouble(audience::ByteReader& reader) { return std::bit_cast<double>(reader.Take(8)); }
void PutTime(std::string& out, common::Time time) {
  audience::PutLittleEndian(out, static_cast<uint64_t>(common::ToMicros(time)), 8);
}
common::Time TakeTime(audience::ByteReader& reader) {
  return common::FromMicros(static_cast<int64_t>(reader.Take(8)));
}

void PutTrain(std::string& out, const Train& train) {
  audience::PutLittleEndian(out, train.ordinal, 4);
  audience::PutLittleEndian(out, static_cast<uint8_t>(train.level), 1);
  PutDouble(out, train.progress);
  audience::PutLittleEndian(out, train.trigger, 1);
  PutTime(out, train.started_at);
  PutTime(out, train.expires_at);
}
Train TakeTrain(audience::ByteReader& reader) {
  Train train;
  train.ordinal = static_cast<uint32_t>(reader.Take(4));
  train.level = static_cast<Level>(reader.Take(1));
  train.progress = TakeDouble(reader);
  train.trigger = static_cast<uint8_t>(reader.Take(1));
  train.started_at = TakeTime(reader);
  train.expires_at = TakeTime(reader);
  return train;
}

}  // namespace

absl::Status Validate(const Settings& settings) {
  if (settings.levels < 1 || settings.levels > kMaxOrdinaryLevels) {
    return absl::InvalidArgumentError("hype train levels is out of range");
  }
  constexpr common::Duration kNone{0};
  if (settings.duration <= kNone || settings.window <= kNone || settings.cool_down < kNone) {
    return absl::InvalidArgumentError("a hype train duration is out of range");
  }
  if (!(settings.start_threshold > 0) || !(settings.first_cost > 0) ||
      !(settings.cost_growth >= 1)) {
    return absl::InvalidArgumentError("a hype train threshold is out of range");
  }
  return absl::OkStatus();
}

double CostOf(const Settings& settings, Level level) {
  // Legendary comes right after the last ordinary level, however many there are.
  const uint32_t steps =
      level == Level::kLegendary ? settings.levels : static_cast<uint32_t>(level) - 1;
  return settings.first_cost * std::pow(settings.cost_growth, steps);
}

double ProgressOf(const Settings& settings, const Train& train) {
  return std::clamp(train.progress / CostOf(settings, train.level), 0.0, 1.0);
}

std::vector<Transition> Apply(const Settings& settings, State& state,
                              const Contribution& contribution) {
  std::vector<Transition> transitions = Tick(settings, state, contribution.at);
  if (!(contribution.amount > 0)) return transitions;
  const double amount = std::min(contribution.amount, 1.0);
  if (state.train) {
    state.train->expires_at = contribution.at + settings.duration;
    Advance(settings, state, amount, contribution.at, transitions);
  } else if (contribution.at >= state.cool_until) {
    Gather(settings, state, {contribution.at, amount, contribution.trigger});
    StartIfReady(settings, state, contribution, transitions);
  }
  return transitions;
}

std::vector<Transition> Hum(const Settings& settings, State& state, common::Time at,
                            double amount) {
  std::vector<Transition> transitions;
  if (!state.train || at >= state.train->expires_at || !(amount > 0)) return transitions;
  // A step may lie before the contribution that it finds already made.
  const common::Time last = state.train->expires_at - settings.duration;
  Advance(settings, state, std::min(amount, 1.0), std::max(at, last), transitions);
  return transitions;
}

std::vector<Transition> Tick(const Settings& settings, State& state, common::Time now) {
  std::vector<Transition> transitions;
  if (state.train && now >= state.train->expires_at) {
    Complete(settings, state, state.train->expires_at, transitions);
  }
  return transitions;
}

std::vector<Transition> EndSession(const Settings& settings, State& state, common::Time now) {
  std::vector<Transition> transitions = Tick(settings, state, now);
  if (state.train) Complete(settings, state, now, transitions);
  return transitions;
}

common::Uuid HypeId(const common::Uuid& session_id, uint32_t ordinal, common::Time started_at) {
  return common::Uuid::V5(session_id, "hype:" + std::to_string(ordinal) + ":" +
                                          std::to_string(common::ToMicros(started_at)));
}

std::string EncodeState(const State& state) {
  std::string out;
  audience::PutLittleEndian(out, kVersion, 1);
  audience::PutLittleEndian(out, state.trains, 4);
  PutTime(out, state.cool_until);
  audience::PutLittleEndian(out, state.train.has_value(), 1);
  if (state.train) PutTrain(out, *state.train);
  audience::PutLittleEndian(out, state.window.size(), 1);
  for (const Contribution& contribution : state.window) {
    PutTime(out, contribution.at);
    PutDouble(out, contribution.amount);
    audience::PutLittleEndian(out, contribution.trigger, 1);
  }
  return out;
}

absl::StatusOr<State> DecodeState(std::string_view bytes) {
  audience::ByteReader reader(bytes);
  const auto malformed = [] { return absl::InvalidArgumentError("the hype state is malformed"); };
  if (reader.Take(1) != kVersion) return malformed();
  State state;
  state.trains = static_cast<uint32_t>(reader.Take(4));
  state.cool_until = TakeTime(reader);
  if (reader.Take(1) != 0) {
    state.train = TakeTrain(reader);
    if (state.train->level < Level::kLevel1 || state.train->level > Level::kLegendary) {
      return malformed();
    }
  }
  const uint64_t contributions = reader.Take(1);
  if (contributions > kWindowCapacity) return malformed();
  for (uint64_t i = 0; i < contributions; ++i) {
    Contribution& contribution = state.window.emplace_back();
    contribution.at = TakeTime(reader);
    contribution.amount = TakeDouble(reader);
    contribution.trigger = static_cast<uint8_t>(reader.Take(1));
  }
  if (!reader.Complete()) return malformed();
  return state;
}

}  // namespace streaming::hype
