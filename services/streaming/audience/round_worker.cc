#include "services/streaming/audience/round_worker.h"

#include <algorithm>
#include <utility>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "services/streaming/audience/session_view.h"
#include "services/streaming/blending/crowd.h"
#include "services/streaming/errors.h"

namespace streaming::audience {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookMin{10};
constexpr milliseconds kLookMax{1000};

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
      steps_(metrics.GetCounter("streaming_round_steps_total", "Sessions stepped.")),
      failures_(metrics.GetCounter("streaming_round_step_failures_total",
                                   "Sessions whose step failed and is tried again.")),
      repaired_(metrics.GetCounter("streaming_pool_bits_repaired_total",
                                   "Bits of a pool's bitmap that an audit found wrong.")),
      joined_(
          metrics.GetCounter("streaming_audience_joined_total", "Heads that joined in a round.")),
      bored_(metrics.GetCounter(kLeft, kLeftHelp, {{"reason", "Bored"}})),
      competed_(metrics.GetCounter(kLeft, kLeftHelp, {{"reason", "Competed"}})),
      gauges_(metrics),
      loop_("rounds", metrics, [this] { return Tick(); }) {}

void RoundWorker::Stop() {
  stopping_ = true;
  loop_.Stop();
  const auto shards = Shards();
  if (!shards.ok()) return;
  // Best effort: a lead that is not given up runs out.
  for (const Shard& shard : *shards) rounds_.YieldLead(shard, self_).IgnoreError();
}

common::executor::Loop::Outcome RoundWorker::Tick() {
  next_ = kLookMax;
  const absl::Status status = RunOnce().status();
  return {std::clamp(next_, kLookMin, kLookMax), status};
}

absl::StatusOr<std::vector<Shard>> RoundWorker::Shards() {
  ASSIGN_OR_RETURN(const auto games, pools_.Games());
  std::vector<Shard> shards;
  for (const common::Uuid& game : games) {
    ASSIGN_OR_RETURN(const auto pool, pools_.Get(game));
    for (uint32_t number = 0; number < pool->spec().shards; ++number) {
      shards.push_back({.game_service_id = game, .number = number});
    }
  }
  return shards;
}

absl::StatusOr<uint32_t> RoundWorker::RunOnce() {
  ASSIGN_OR_RETURN(const auto shards, Shards());
  uint32_t stepped = 0;
  absl::Status failure;
  for (const Shard& shard : shards) {
    if (stopping_) break;
    const auto here = RunShard(shard);
    if (here.ok()) {
      stepped += *here;
    } else {
      failure = here.status();  // the other shards shall not wait for this one
    }
  }
  Report();
  RETURN_IF_ERROR(failure);
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
  if (progress.finished_round == lead.round) return 0;
  const common::Time begin = clock_();
  const auto stretch = static_cast<float>(interval.count()) / options_.interval.count();
  ASSIGN_OR_RETURN(const View view, rounds_.OfRound(shard, lead.round, stretch, begin));
  progress.census = CensusOf(view);
  ASSIGN_OR_RETURN(const uint32_t stepped, StepAll(shard, view));
  const common::Duration took = clock_() - begin;
  duration_.Observe(common::ToSeconds(took));
  // Half of the time is the most that the heartbeat may take from everything else.
  progress.finished_round = stopping_ ? 0 : lead.round;
  progress.loaded = took > options_.interval / 2;
  return stepped;
}

absl::StatusOr<Lead> RoundWorker::TakeLead(const Shard& shard, milliseconds interval) {
  ASSIGN_OR_RETURN(const Lead lead, rounds_.TakeLead(shard, self_, options_.lease, interval));
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

absl::StatusOr<uint32_t> RoundWorker::StepAll(const Shard& shard, const View& view) {
  const Field field = Survey(view);
  std::vector<LiveSession> batch;
  uint32_t stepped = 0;
  absl::Status failure;
  common::Time renewed = clock_();
  for (uint32_t i = 0; i < view.sessions.size() && !stopping_; ++i) {
    auto session = StepOne({.game = shard.game_service_id,
                            .shard = shard.number,
                            .session = view.sessions[i].session_id},
                           view, field, i);
    if (!session.ok()) {
      failures_.Increment();
      failure = session.status();  // the other sessions shall not wait for this one
    } else if (session->has_value()) {
      ++stepped;
      batch.push_back(**std::move(session));
    }
    if (batch.size() == kBatch) Tell(batch);
    if (clock_() - renewed < options_.lease / 3) continue;
    renewed = clock_();
    ASSIGN_OR_RETURN(const Lead lead, TakeLead(shard, options_.interval));
    if (lead.round == 0) break;  // another instance is at it
  }
  Tell(batch);
  RETURN_IF_ERROR(failure);
  return stepped;
}

absl::StatusOr<std::optional<LiveSession>> RoundWorker::StepOne(const LiveKey& key,
                                                                const View& view,
                                                                const Field& field, uint32_t self) {
  bool late = false;
  const common::Time now = clock_();
  auto applied = live_.Update(key, now, [&](const LiveSession& session) -> absl::StatusOr<Change> {
    late = session.audience.last_round >= view.round;
    if (late) return absl::AlreadyExistsError("the session took part in this round");
    const RoundSettings settings = SettingsOf(options_.settings, *session.pool, key.shard);
    Change change = ChangeOf(
        session, view,
        StepSession(settings, *session.pool, view, field, self, session.audience, session.parties));
    change.mood = blending::FadeCrowd(session.mood, now - options_.interval,
                                      options_.mood_decay_rate, view.stretch);
    return change;
  });
  if (late || common::errors::Is(applied.status(), kSessionNotLive)) return std::nullopt;
  RETURN_IF_ERROR(applied.status());
  Count(*applied);
  return std::move(applied->session);
}

void RoundWorker::Count(const Applied& applied) {
  steps_.Increment();
  joined_.Increment(applied.joined_heads);
  bored_.Increment(applied.left_heads - applied.competed_heads);
  competed_.Increment(applied.competed_heads);
}

void RoundWorker::Tell(std::vector<LiveSession>& stepped) {
  if (options_.stepped && !stepped.empty()) options_.stepped(stepped);
  stepped.clear();
}

}  // namespace streaming::audience
