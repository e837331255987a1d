#include "services/streaming/bind.h"

#include <thread>

#include <bannou/stream/v1/events.pb.h>
#include <bannou/streaming/v1/commands.pb.h>
#include <bannou/streaming/v1/events.pb.h>

#include "embedded/streaming/functions.h"
#include "embedded/streaming/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/nats/contract.h"
#include "libs/common/outbox/bus.h"
#include "libs/common/outbox/message.h"
#include "libs/common/redis/library.h"
#include "libs/common/runtime/servers.h"
#include "services/streaming/audience/audience_rpc.h"
#include "services/streaming/audience/flow_store.h"
#include "services/streaming/audience/news_worker.h"
#include "services/streaming/audience/round_worker.h"
#include "services/streaming/audience/snapshot_worker.h"
#include "services/streaming/blending/platform_session_worker.h"
#include "services/streaming/blending/pulse_worker.h"
#include "services/streaming/careers/career_rpc.h"
#include "services/streaming/careers/career_worker.h"
#include "services/streaming/economy/earnings_store.h"
#include "services/streaming/economy/economy_rpc.h"
#include "services/streaming/economy/economy_worker.h"
#include "services/streaming/events/client_event_worker.h"
#include "services/streaming/events/watch_worker.h"
#include "services/streaming/follows/follow_rpc.h"
#include "services/streaming/hype/hum.h"
#include "services/streaming/hype/hype_rpc.h"
#include "services/streaming/hype/hype_worker.h"
#include "services/streaming/neighbours/dispatch_worker.h"
#include "services/streaming/observatory/observatory_rpc.h"
#include "services/streaming/observatory/observatory_store.h"
#include "services/streaming/pool/pool_rpc.h"
#include "services/streaming/privacy/erasure_worker.h"
#include "services/streaming/rule_settings.h"
#include "services/streaming/sessions/inbound_worker.h"
#include "services/streaming/sessions/session_rpc.h"
#include "services/streaming/sessions/session_worker.h"

namespace streaming {
namespace {

using bannou::streaming::v1::SeedCreateCommand;
using bannou::streaming::v1::StreamingSessionEndedEvent;
using common::outbox::Bus;
using common::runtime::App;

// What neighbours are asked; the stream may be one that a setting names.
std::vector<common::nats::StreamSpec> CommandStreams(const std::string& name) {
  auto streams = common::nats::StreamsOf(*SeedCreateCommand::descriptor()->file());
  for (auto& spec : streams) {
    spec.foreign = spec.name != name;
    spec.name = name;
  }
  return streams;
}

// The events that this daemon publishes and those that it consumes live in these streams. It
// declares both, so that it need not wait for the stream daemon, which may never come.
std::vector<common::nats::StreamSpec> StreamTable(const Settings& settings) {
  auto streams = common::nats::StreamsOf(*StreamingSessionEndedEvent::descriptor()->file());
  for (auto& spec : common::nats::StreamsOf(
           *bannou::stream::v1::StreamPlatformLinkedEvent::descriptor()->file())) {
    streams.push_back(std::move(spec));
  }
  for (auto& spec : CommandStreams(settings.commands_stream)) streams.push_back(std::move(spec));
  for (auto& spec : common::runtime::InboundStreams(settings.inbound_stream)) {
    streams.push_back(std::move(spec));
  }
  return streams;
}

std::string FunctionLibrary(std::string_view file) {
  for (const auto& embedded : functions::Files()) {
    if (embedded.name == file) return common::redis::Stamped(embedded.content);
  }
  return "";
}

economy::TipRates TipRatesOf(const Settings& settings) {
  return {.per_stream_hour = settings.tips_per_stream_hour,
          .per_follower_hour = settings.tips_per_follower_hour};
}

// The servers and the stores on them.
struct Stores {
  Stores(const Settings& settings, common::metrics::Registry& metrics)
      : round(RoundSettingsOf(settings)),
        hype_settings(HypeSettingsOf(settings)),
        mysql(common::runtime::MysqlOptions(settings.server)),
        redis(common::runtime::RedisOptions(settings.server)),
        bus(mysql, common::runtime::NatsOptions(settings.server, "streaming"),
            StreamTable(settings), metrics),
        news(metrics),
        live(audience, pools, news, metrics, {.max_heads = round.capacity_heads}),
        follows(mysql, FollowSettingsOf(settings)),
        earnings(TipRatesOf(settings), metrics),
        hype(redis, mysql, metrics),
        clients(bus, metrics),
        watchers(metrics,
                 {.max = static_cast<size_t>(settings.max_watchers),
                  .per_account_max = static_cast<size_t>(settings.max_watches_per_account),
                  .last_sequence = [this] { return bus.jetstream().LastSequence("STREAMING"); }}),
        raid(mysql, live, metrics,
             {.round = round,
              .cool_down = settings.raid_cooldown,
              .moved = [this](const auto& shard, const auto& flow) { Note(shard, {flow}); }}) {}

  const audience::RoundSettings round;
  const hype::Settings hype_settings;
  common::mysql::Pool mysql;
  common::redis::Redis redis;
  Bus bus;
  common::redis::Functions audience_functions{redis, FunctionLibrary("audience.lua")};
  common::redis::Functions round_functions{redis, FunctionLibrary("rounds.lua")};
  common::redis::Functions board_functions{redis, FunctionLibrary("boards.lua")};
  pool::PoolStore pools{mysql};
  audience::AudienceStore audience{redis, audience_functions};
  audience::NewsQueue news;
  audience::LiveStore live;
  audience::RoundStore rounds{redis, round_functions, audience, live, pools, round};
  audience::FlowStore flows{redis};
  audience::AttendanceStore attendance{mysql};
  reactions::ReactionStore reactions{redis};
  follows::FollowStore follows;
  const economy::Earnings earnings;
  careers::CareerStore careers{mysql, [this](auto& transaction, const auto& session) {
                                 return earnings.Add(transaction, session);
                               }};
  careers::LeaderboardStore leaderboards{mysql, redis, board_functions};
  hype::HypeStore hype;
  blending::PlatformSessionStore platform_sessions{mysql};
  sessions::SessionStore sessions{mysql};
  sessions::SessionLife life{{.mysql = mysql,
                              .sessions = sessions,
                              .pools = pools,
                              .live = live,
                              .rounds = rounds,
                              .news = news,
                              .follows = follows},
                             round};
  events::ClientPublisher clients;
  events::Watchers watchers;
  sessions::SessionRaid raid;
  privacy::ErasureStore erasure{mysql};
  observatory::ObservatoryStore observatory{
      {.mysql = mysql, .audience = audience, .live = live, .flows = flows}, hype_settings};

  // What front ends miss while NATS is away they see at the next snapshot.
  void Tell(const common::Uuid& session, const bannou::streaming::v1::ClientEvent& event) {
    clients.Publish(session, event).IgnoreError();
  }

  // For the observatory alone: what cannot be noted is not shown.
  void Note(const audience::Shard& shard, const std::vector<audience::Flow>& moved) {
    flows.Note(shard, moved).IgnoreError();
  }
};

absl::Status ServeRpcs(const Settings& settings, App& app, Stores& stores) {
  const pool::NewPool new_pool{.shards = static_cast<uint32_t>(settings.pool_shards),
                               .collective_share = settings.collective_share,
                               .collective_size = static_cast<uint32_t>(settings.collective_size)};
  RETURN_IF_ERROR(app.Serve<pool::PoolRpc>(
      stores.pools, stores.audience,
      pool::PoolRpc::Options{.default_size = static_cast<uint32_t>(settings.default_pool_size),
                             .defaults = new_pool}));
  RETURN_IF_ERROR(app.Serve<sessions::SessionRpc>(
      sessions::SessionRpc::Parts{.mysql = stores.mysql,
                                  .sessions = stores.sessions,
                                  .life = stores.life,
                                  .raid = stores.raid,
                                  .live = stores.live,
                                  .pools = stores.pools,
                                  .watchers = stores.watchers,
                                  .weights = stores.round.weights}));
  RETURN_IF_ERROR(app.Serve<audience::AudienceRpc>(
      audience::AudienceRpc::Parts{
          .sessions = stores.sessions,
          .pools = stores.pools,
          .live = stores.live,
          .rounds = stores.rounds,
          .attendance = stores.attendance,
          .reactions = stores.reactions,
          .metrics = app.metrics(),
          .tell = [&stores](const auto& session,
                            const auto& event) { stores.Tell(session, event); }},
      audience::AudienceRpc::Options{
          .round = stores.round,
          .hype = stores.hype_settings,
          .user_significance_max = static_cast<float>(settings.user_significance_max),
          .user_reactions_per_minute = settings.user_reactions_per_minute,
          .world_first_multiplier = settings.world_first_hype_multiplier}));
  RETURN_IF_ERROR(
      app.Serve<hype::HypeRpc>(stores.live, stores.hype, stores.sessions, stores.hype_settings));
  RETURN_IF_ERROR(app.Serve<careers::CareerRpc>(stores.mysql, stores.leaderboards));
  RETURN_IF_ERROR(app.Serve<follows::FollowRpc>(stores.mysql, stores.follows, stores.pools));
  return app.Serve<economy::EconomyRpc>(stores.mysql, app.metrics());
}

// The loops.
class Workers {
 public:
  Workers(const Settings& settings, Stores& stores, common::metrics::Registry& metrics)
      : stores_(stores),
        blending_(settings.real_audience_blending_enabled),
        sessions_({.sessions = stores.sessions,
                   .life = stores.life,
                   .live = stores.live,
                   .pools = stores.pools},
                  metrics, common::Now,
                  {.pending_timeout = settings.pending_session_timeout,
                   .idle_timeout = settings.idle_session_timeout,
                   .retention = std::chrono::hours(24) * settings.session_retention_days}),
        rounds_(stores.rounds, stores.live, stores.pools, metrics, common::Now,
                RoundOptions(settings)),
        hype_(stores.live, stores.hype, stores.pools, metrics,
              {.settings = stores.hype_settings,
               .announce =
                   [this] {
                     stores_.bus.NotifyRelay();
                     careers_.Notify();  // a session may have waited for its trains
                   }}),
        careers_(stores.careers, metrics, {.announce = [this] { stores_.bus.NotifyRelay(); }}),
        economy_(stores.mysql, metrics,
                 {.followers = {.rates = TipRatesOf(settings),
                                .active = std::chrono::hours(24) * settings.follower_tips_days},
                  .announce = [this] { stores_.bus.NotifyRelay(); }}),
        news_(stores.news, stores.bus, metrics, common::Now),
        snapshots_({.audience = stores.audience, .live = stores.live, .pools = stores.pools},
                   metrics,
                   {.interval = settings.audience_update_interval,
                    .weights = stores.round.weights,
                    .hype = stores.hype_settings,
                    .publish = [&stores](const auto& session,
                                         const auto& event) { stores.Tell(session, event); }}),
        client_events_(stores.clients, metrics),
        watch_(stores.watchers, metrics,
               {.ended = [&stores](auto sessions) { return stores.sessions.NotActive(sessions); }}),
        platform_sessions_(stores.platform_sessions, metrics),
        pulses_(stores.live, stores.platform_sessions, metrics,
                static_cast<uint32_t>(settings.max_real_derived_viewers)),
        inbound_({.sessions = stores.sessions, .life = stores.life, .live = stores.live}, metrics,
                 {.stream = settings.inbound_stream, .grace = settings.disconnect_grace}),
        erasure_({.mysql = stores.mysql,
                  .erasure = stores.erasure,
                  .life = stores.life,
                  .live = stores.live,
                  .audience = stores.audience,
                  .leaderboards = stores.leaderboards},
                 metrics, {.stream = settings.inbound_stream}) {
    if (settings.neighbours_base_url.empty()) return;
    dispatch_.emplace(
        stores.mysql, metrics,
        neighbours::DispatchWorker::Options{.stream = settings.commands_stream,
                                            .client = {.base_url = settings.neighbours_base_url,
                                                       .token = settings.neighbours_token,
                                                       .timeout = settings.neighbours_timeout}});
  }

  // The subscription calls careers_ until the connection is gone, and consumers go before it.
  ~Workers() {
    StopConsumers();
    watch_.Stop();
    stores_.bus.Close();
  }

  // After the bus has started. UNAVAILABLE may be followed by another call.
  absl::Status Start() {
    auto& bus = stores_.bus;
    if (!subscribed_) {
      // A session that ends anywhere wakes the careers here.
      RETURN_IF_ERROR(bus.connection().Subscribe(
          common::outbox::SubjectOf(StreamingSessionEndedEvent::default_instance()),
          [this](std::string_view, std::string_view) { careers_.Notify(); }));
      subscribed_ = true;
    }
    if (blending_) {
      RETURN_IF_ERROR(platform_sessions_.Start(bus.jetstream()));
      RETURN_IF_ERROR(pulses_.Start(bus.jetstream()));
    }
    RETURN_IF_ERROR(inbound_.Start(bus.jetstream()));
    RETURN_IF_ERROR(erasure_.Start(bus.jetstream()));
    if (dispatch_) RETURN_IF_ERROR(dispatch_->Start(bus.jetstream()));
    RETURN_IF_ERROR(client_events_.Start(bus.jetstream()));
    RETURN_IF_ERROR(watch_.Start(bus));
    snapshots_.Start();
    news_.Start();
    careers_.Start();
    economy_.Start();
    hype_.Start();
    sessions_.Start();
    rounds_.Start();
    return absl::OkStatus();
  }

  void Stop() {
    stores_.watchers.Close();
    snapshots_.Stop();
    StopConsumers();
    rounds_.Stop();
    sessions_.Stop();
    hype_.Stop();
    economy_.Stop();
    careers_.Stop();
    news_.Stop();
  }

  // When no call is open any more.
  void StopWatching() { watch_.Stop(); }

 private:
  // A consumer ends with its fetch, which may wait for a second: so all of them at once.
  void StopConsumers() {
    std::vector<std::jthread> stops;
    stops.emplace_back([this] { pulses_.Stop(); });
    stops.emplace_back([this] { platform_sessions_.Stop(); });
    stops.emplace_back([this] { client_events_.Stop(); });
    stops.emplace_back([this] { watch_.StopFeed(); });
    stops.emplace_back([this] { inbound_.Stop(); });
    stops.emplace_back([this] { erasure_.Stop(); });
    if (dispatch_) stops.emplace_back([this] { dispatch_->Stop(); });
  }
  audience::RoundWorker::Options RoundOptions(const Settings& settings) {
    const auto hum = [hype = stores_.hype_settings](const auto& round, const auto& view,
                                                    uint32_t self, auto& change) {
      return hype::HumAtStep(hype, round, view, self, change);
    };
    return {.settings = stores_.round,
            .interval = settings.check_in_interval,
            .high_load_interval = settings.high_load_check_in_interval,
            .mood_decay_rate = settings.real_derived_viewer_decay_rate,
            .voices_most = static_cast<uint32_t>(settings.max_real_derived_viewers),
            .growth = {.free_share = settings.pool_growth_free_share,
                       .max_members = static_cast<uint32_t>(settings.pool_max_members)},
            .beside = hum,
            .stepped = [this](auto stepped) { sessions_.Checkpoint(stepped); },
            .moved = [this](const auto& shard, const auto& moved) { stores_.Note(shard, moved); }};
  }

  Stores& stores_;
  const bool blending_;
  bool subscribed_ = false;
  sessions::SessionWorker sessions_;
  audience::RoundWorker rounds_;
  hype::HypeWorker hype_;
  careers::CareerProgressionWorker careers_;
  economy::EconomyWorker economy_;
  audience::NewsWorker news_;
  audience::SnapshotWorker snapshots_;
  events::ClientEventWorker client_events_;
  events::WatchWorker watch_;
  blending::PlatformSessionWorker platform_sessions_;
  blending::PulseWorker pulses_;
  sessions::InboundWorker inbound_;
  privacy::ErasureWorker erasure_;
  std::optional<neighbours::DispatchWorker> dispatch_;
};

}  // namespace

absl::Status Bind(const Settings& settings, App& app) {
  auto& stores = app.Make<Stores>(settings, app.metrics());
  auto& workers = app.Make<Workers>(settings, stores, app.metrics());
  RETURN_IF_ERROR(ServeRpcs(settings, app, stores));
  observatory::ServeObservatory(app, stores.observatory);

  app.OnStart("migrations",
              [&] { return common::mysql::Migrate(stores.mysql.options(), migrations::Files()); });
  app.OnStart("functions", [&]() -> absl::Status {
    RETURN_IF_ERROR(stores.audience_functions.Load());
    RETURN_IF_ERROR(stores.round_functions.Load());
    return stores.board_functions.Load();
  });
  common::runtime::LimitRates(app, stores.redis);
  app.OnStart("nats", [&] { return stores.bus.Start(); });
  app.OnStart("workers", [&] { return workers.Start(); });
  app.OnStop([&] { workers.Stop(); });
  app.OnDrained([&] {
    workers.StopWatching();
    stores.bus.Finish();
  });
  common::runtime::WatchServers(app, stores.mysql, stores.redis, stores.bus);
  return absl::OkStatus();
}

}  // namespace streaming
