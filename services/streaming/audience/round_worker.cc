#include "services/streaming/audience/round_worker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/audience/shards_store.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/errors.h"

namespace streaming::audience {
namespace {

using common::redis::ErrorCode;
using std::chrono::milliseconds;

constexpr milliseconds kLookMin{10};
constexpr milliseconds kLookMax{1000};

uint32_t RunsOf(uint32_t members) { return (members + pool::kRunLength - 1) / pool::kRunLength; }

constexpr char kLeft[] = "streaming_audience_left_total";
constexpr char kLeftHelp[] = "Heads that left in a round, by reason.";

}  // namespace

RoundWorker::Gauges::Gauges(common::metrics::Registry& metrics)
    : shards(metrics.GetGauge("streaming_round_shards_led", "Shards whose rounds we lead.")),
      sessions(metrics.GetGauge("streaming_live_sessions",
                                "Sessions with an audience in the shards that we lead, at their "
                                "last round.")),
      audience_heads(metrics.GetGauge("streaming_audience_heads",
                                      "Heads in an audience in the shards that we lead, at their "
                                      "last round.")),
      pool_heads(metrics.GetGauge("streaming_pool_heads", "Heads in the shards that we lead.")),
      free_heads(metrics.GetGauge("streaming_pool_free_heads",
                                  "Heads in nobody's audience in the shards that we lead, at their "
                                  "last round.")) {}

RoundWorker::RoundWorker(RoundStore& rounds, LiveStore& live, pool::PoolStore& pools,
                         common::metrics::Registry& metrics, common::Clock clock, Options options)
    : rounds_(rounds),
      live_(live),
      pools_(pools),
      clock_(std::move(clock)),
      options_(std::move(options)),
      self_(common::Uuid::V4().ToString()),
      duration_(metrics.GetTimer("streaming_round_duration_seconds",
                                 "What a shard's round took its leader.")),
      lateness_(metrics.GetTimer("streaming_round_lateness_seconds",
                                 "How long after it was due a shard's round began.")),
      steps_(metrics.GetCounter("streaming_round_steps_total", "Steps of sessions, one a cohort.")),
      failures_(metrics.GetCounter("streaming_round_step_failures_total",
                                   "Sessions whose step failed and is tried again.")),
      repaired_(metrics.GetCounter("streaming_pool_bits_repaired_total",
                                   "By how many bits a pool's bitmap differed from its sessions' "
                                   "members when an audit made them agree.")),
      joined_(
          metrics.GetCounter("streaming_audience_joined_total", "Heads that joined in a round.")),
      bored_(metrics.GetCounter(kLeft, kLeftHelp, {{"reason", "Bored"}})),
      competed_(metrics.GetCounter(kLeft, kLeftHelp, {{"reason", "Competed"}})),
      grown_(metrics.GetCounter("streaming_pool_grown_members_total",
                                "Members that pools grew by because too few were free.")),
      gauges_(metrics),
      loop_("rounds", metrics, [this] { return Tick(); }) {}

void RoundWorker::Stop() {
  stopping_ = true;
  loop_.Stop();
  const auto shards = ShardsOf(pools_);
  if (!shards.ok()) return;
  // Best effort: a lead that is not given up runs out.
  for (const Shard& shard : *shards) rounds_.YieldLead(shard, self_).IgnoreError();
}

common::executor::Loop::Outcome RoundWorker::Tick() {
  next_ = kLookMax;
  const absl::Status status = RunOnce().status();
  return {std::clamp(next_, kLookMin, kLookMax), status};
}

absl::StatusOr<uint32_t> RoundWorker::RunOnce() {
  ASSIGN_OR_RETURN(const auto shards, ShardsOf(pools_));
  uint32_t stepped = 0;
  failure_ = absl::OkStatus();
  for (const Shard& shard : shards) {
    if (stopping_) break;
    const auto here = RunShard(shard);
    if (here.ok()) {
      stepped += *here;
    } else {
      failure_.Update(here.status());  // the other shards shall not wait for this one
    }
  }
  Report();
  RETURN_IF_ERROR(failure_);
  return stepped;
}

absl::StatusOr<uint32_t> RoundWorker::RunShard(const Shard& shard) {
  const std::string name = ShardPrefix(shard);
  const auto known = progress_.find(name);
  const bool loaded = known != progress_.end() && known->second.loaded;
  const milliseconds interval = loaded ? options_.high_load_interval : options_.interval;
  ASSIGN_OR_RETURN(const Lead lead, TakeLead(shard, interval));
  next_ = std::min({next_, lead.next, options_.lease / 3});
  if (lead.round == 0) {
    progress_.erase(name);
    return 0;
  }
  if (known == progress_.end()) {
    ASSIGN_OR_RETURN(const uint64_t repaired, rounds_.Audit(shard));
    repaired_.Increment(static_cast<double>(repaired));
  }
  Progress& progress = progress_[name];
  auto stepped = StepDue(shard, lead, Stretch(interval), progress);
  // What we know of the sessions is of use to the leader only.
  if (ErrorCode(stepped.status()) == kNotLeader) progress_.erase(name);
  return stepped;
}

absl::StatusOr<uint32_t> RoundWorker::StepDue(const Shard& shard, const Lead& lead, float stretch,
                                              Progress& progress) {
  uint32_t stepped = 0;
  if (!progress.view || progress.view->round != lead.round) {
    ASSIGN_OR_RETURN(stepped, EndRoundBefore(shard, lead, progress));
    if (stopping_) return stepped;
    RETURN_IF_ERROR(BeginRound(shard, lead.round, stretch, progress));
  }
  const View& view = *progress.view;
  if (progress.cohort == view.cohorts) return stepped;
  const auto length = milliseconds(std::llround(options_.interval.count() * view.stretch));
  const milliseconds passed = length - std::min(length, lead.next);
  const auto due = static_cast<uint32_t>(passed * view.cohorts / length) + 1;
  ASSIGN_OR_RETURN(const uint32_t now, StepUntil(shard, std::min(due, view.cohorts), progress));
  if (progress.cohort < view.cohorts) {
    next_ = std::min(next_, length * progress.cohort / view.cohorts - passed);
  }
  return stepped + now;
}

// A round does not begin before the one before it is through, whoever was to step that.
absl::StatusOr<uint32_t> RoundWorker::EndRoundBefore(const Shard& shard, const Lead& lead,
                                                     Progress& progress) {
  if (!progress.view) {
    ASSIGN_OR_RETURN(std::optional<View> before, rounds_.Find(shard, lead.before));
    if (!before) return 0;
    Enter(*std::move(before), progress);
  }
  return StepUntil(shard, progress.view->cohorts, progress);
}

absl::Status RoundWorker::BeginRound(const Shard& shard, uint32_t round, float stretch,
                                     Progress& progress) {
  ASSIGN_OR_RETURN(View view, rounds_.OfRound(shard, round, stretch, options_.cohorts, clock_()));
  // So that no step of this round is planned with fewer members than the view has.
  RETURN_IF_ERROR(pools_.Get(shard.game_service_id, RunsOf(view.pool_members)).status());
  Enter(std::move(view), progress);
  progress.census = CensusOf(*progress.view);
  return absl::OkStatus();
}

void RoundWorker::Enter(View view, Progress& progress) {
  progress.field = Survey(view);
  progress.sessions.clear();
  progress.sessions.resize(view.sessions.size());
  progress.view = std::move(view);
  progress.cohort = 0;
  progress.spent = common::Duration::zero();
}

float RoundWorker::Stretch(milliseconds interval) const {
  return static_cast<float>(interval.count()) / static_cast<float>(options_.interval.count());
}

absl::StatusOr<Lead> RoundWorker::TakeLead(const Shard& shard, milliseconds interval) {
  const auto intervals = static_cast<uint32_t>(std::max(1l, std::lround(Stretch(interval))));
  ASSIGN_OR_RETURN(const Lead lead,
                   rounds_.TakeLead(shard, self_, options_.lease, interval, intervals));
  if (lead.late) lateness_.Observe(common::ToSeconds(*lead.late));
  return lead;
}

RoundWorker::Census RoundWorker::CensusOf(const View& view) {
  Census census = {.sessions = static_cast<uint32_t>(view.sessions.size()),
                   .pool_heads = view.pool_heads};
  for (const SessionView& session : view.sessions) census.audience_heads += session.crowd;
  for (const uint32_t heads : view.free_heads) census.free_heads += heads;
  return census;
}

void RoundWorker::Report() {
  Census sum;
  for (const auto& [shard, progress] : progress_) {
    sum.sessions += progress.census.sessions;
    sum.audience_heads += progress.census.audience_heads;
    sum.pool_heads += progress.census.pool_heads;
    sum.free_heads += progress.census.free_heads;
  }
  gauges_.shards.Set(static_cast<double>(progress_.size()));
  gauges_.sessions.Set(sum.sessions);
  gauges_.audience_heads.Set(sum.audience_heads);
  gauges_.pool_heads.Set(sum.pool_heads);
  gauges_.free_heads.Set(sum.free_heads);
}

absl::StatusOr<uint32_t> RoundWorker::StepUntil(const Shard& shard, uint32_t until,
                                                Progress& progress) {
  uint32_t stepped = 0;
  while (progress.cohort < until) {
    const common::Time begin = clock_();
    ASSIGN_OR_RETURN(const uint32_t now, StepCohort(shard, progress));
    progress.spent += clock_() - begin;
    stepped += now;
    if (stopping_) break;
    if (++progress.cohort < progress.view->cohorts) continue;
    duration_.Observe(common::ToSeconds(progress.spent));
    // Half of the time is the most that the heartbeat may take from everything else.
    progress.loaded = progress.spent > options_.interval / 2;
    Tell(progress);
    TellMoved(shard, progress);
    Grow(shard, *progress.view);
  }
  return stepped;
}

absl::StatusOr<uint32_t> RoundWorker::StepCohort(const Shard& shard, Progress& progress) {
  const auto sessions = static_cast<uint32_t>(progress.sessions.size());
  uint32_t stepped = 0;
  // Without a server or the lead nobody can be stepped, and the cohort has to wait. For one session
  // that cannot be stepped the others shall not.
  const auto must_wait = [&](const absl::Status& status) {
    if (status.ok()) return false;
    failures_.Increment();
    failure_.Update(status);
    return absl::IsUnavailable(status) || ErrorCode(status) == kNotLeader;
  };
  common::Time renewed = clock_();
  for (uint32_t i = 0; i < sessions && !stopping_; ++i) {
    const auto steps = StepOne({.game = shard.game_service_id,
                                .shard = shard.number,
                                .session = progress.view->sessions[i].session_id},
                               progress, i);
    if (must_wait(steps.status())) return steps.status();
    stepped += steps.value_or(0);
    RETURN_IF_ERROR(KeepLead(shard, renewed));
  }
  for (uint32_t i = 0; i < sessions && !stopping_; ++i) {
    const absl::Status moved = MoveOne(shard, progress, i);
    if (must_wait(moved)) return moved;
    RETURN_IF_ERROR(KeepLead(shard, renewed));
  }
  return stepped;
}

absl::Status RoundWorker::KeepLead(const Shard& shard, common::Time& renewed) {
  if (clock_() - renewed < options_.lease / 3) return absl::OkStatus();
  renewed = clock_();
  // The round stays what it is: its interval is over only when the next one may begin.
  return rounds_.RenewLead(shard, self_, options_.lease);
}

absl::StatusOr<uint32_t> RoundWorker::StepOne(const LiveKey& key, Progress& progress,
                                              uint32_t self) {
  const View& view = *progress.view;
  const common::Time now = clock_();
  std::optional<LiveSession>& session = progress.sessions[self];
  bool through = false;
  const auto rule = [&](const LiveSession& live) -> absl::StatusOr<Change> {
    const uint32_t cohort = NextCohort(live.audience, view);
    through = cohort > progress.cohort;
    if (through) {
      session = live;
      return absl::AlreadyExistsError("the session took this step before");
    }
    const RoundSettings settings = SettingsOf(options_.settings, *live.pool, key.shard);
    Change change = ChangeOf(live, view,
                             StepSession(settings, *live.pool, view, progress.field, self,
                                         live.audience, live.parties, *live.followers, cohort));
    if (live.state.paused) {  // since the view was taken
      change.wanted_heads = {};
      change.named.clear();
    }
    if (cohort == 0) {
      change.mood = blending::StepCrowd(live.mood, {.round = view.round,
                                                    .steps = view.stretch,
                                                    .decay_rate = options_.mood_decay_rate,
                                                    .voices_most = options_.voices_most});
    }
    if (options_.beside) RETURN_IF_ERROR(options_.beside(settings, view, self, change));
    return change;
  };
  for (uint32_t steps = 0;; ++steps) {
    auto applied = live_.Update(key, now, rule, std::nullopt, self_);
    if (through) return steps;
    if (common::errors::Is(applied.status(), kSessionNotLive)) {
      session.reset();
      return steps;
    }
    RETURN_IF_ERROR(applied.status());
    steps_.Increment();
    joined_.Increment(applied->joined_heads);
    bored_.Increment(applied->left_heads);
    session = std::move(applied->session);
    if (NextCohort(session->audience, view) > progress.cohort) return steps + 1;
  }
}

absl::Status RoundWorker::MoveOne(const Shard& shard, Progress& progress, uint32_t self) {
  for (int attempt = 0; attempt < LiveStore::kAttempts; ++attempt) {
    std::optional<LiveSession>& from = progress.sessions[self];
    if (!from || !MayMove(from->audience, *progress.view, progress.cohort)) {
      return absl::OkStatus();
    }
    Outing outing =
        OutingOf(progress, self, SettingsOf(options_.settings, *from->pool, shard.number));
    if (outing.movers.empty()) return absl::OkStatus();
    const common::Time now = clock_();
    Accrue(*from, *from->pool, now);
    Crossing crossing(*from);
    crossing.movers = std::move(outing.movers);
    crossing.change.audience.steps = static_cast<uint8_t>(2 * progress.cohort + 2);
    std::vector<uint32_t> before;
    for (const LiveSession* there : outing.to) before.push_back(there->heads);
    const auto moved = live_.Cross(*from, outing.to, std::move(crossing), now, std::nullopt, self_);
    if (moved.ok()) {
      competed_.Increment(*moved);
      for (size_t i = 0; i < outing.to.size(); ++i) {
        const LiveSession& there = *outing.to[i];
        progress.migrations.Add(from->key.session, there.key.session, there.heads - before[i]);
      }
      return absl::OkStatus();
    }
    if (!LiveStore::IsOvertaken(moved.status())) return moved.status();
    RETURN_IF_ERROR(Reload(shard, progress, self));
    for (const uint32_t number : outing.numbers) {
      RETURN_IF_ERROR(Reload(shard, progress, number));
    }
  }
  failures_.Increment();  // it changed whenever we looked; those stay where they are
  return absl::OkStatus();
}

RoundWorker::Outing RoundWorker::OutingOf(Progress& progress, uint32_t self,
                                          const RoundSettings& settings) {
  const LiveSession& from = *progress.sessions[self];
  Outing outing;
  outing.movers = MoversOf(settings, *from.pool, *progress.view, progress.field, self,
                           from.audience, from.parties, progress.cohort);
  std::erase_if(outing.movers, [&](Mover& mover) {
    std::optional<LiveSession>& there = progress.sessions[mover.destination];
    // Whoever failed to step is not where the others are, and nobody comes to a paused one.
    if (!there || there->state.paused || there->audience.last_round != progress.view->round) {
      return true;
    }
    const auto found = std::ranges::find(outing.numbers, mover.destination);
    const auto position = static_cast<uint32_t>(found - outing.numbers.begin());
    if (found == outing.numbers.end()) {
      outing.numbers.push_back(mover.destination);
      outing.to.push_back(&*there);
    }
    mover.destination = position;
    return false;
  });
  return outing;
}

absl::Status RoundWorker::Reload(const Shard& shard, Progress& progress, uint32_t number) {
  auto session = live_.Load({.game = shard.game_service_id,
                             .shard = shard.number,
                             .session = progress.view->sessions[number].session_id});
  progress.sessions[number].reset();
  if (common::errors::Is(session.status(), kSessionNotLive)) return absl::OkStatus();
  RETURN_IF_ERROR(session.status());
  if (!session->sealed) progress.sessions[number] = *std::move(session);
  return absl::OkStatus();
}

void RoundWorker::Grow(const Shard& shard, const View& view) {
  const Census census = CensusOf(view);
  const uint32_t more =
      pool::GrowthOf(options_.growth, view.pool_members, census.pool_heads, census.free_heads);
  if (more == 0) return;
  // From the size that the view saw: other shards, and whoever steps this round again, do not grow
  // it again for the same want.
  const auto grown = pools_.GrowFrom(shard.game_service_id, view.pool_members, more, clock_());
  failure_.Update(grown.status());
  grown_.Increment(grown.value_or(0));
}

void RoundWorker::Tell(Progress& progress) {
  if (!options_.stepped) return;
  std::vector<LiveSession> batch;
  for (std::optional<LiveSession>& session : progress.sessions) {
    if (session) batch.push_back(*std::move(session));
    if (batch.size() < kBatch) continue;
    options_.stepped(batch);
    batch.clear();
  }
  if (!batch.empty()) options_.stepped(batch);
  progress.sessions.clear();
}

void RoundWorker::TellMoved(const Shard& shard, Progress& progress) {
  const std::vector<Flow> flows = progress.migrations.Take(clock_());
  if (options_.moved && !flows.empty()) options_.moved(shard, flows);
}

}  // namespace streaming::audience
