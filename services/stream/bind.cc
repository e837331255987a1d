#include "services/stream/bind.h"

#include <bannou/stream/v1/events.pb.h>

#include "embedded/stream/functions.h"
#include "embedded/stream/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/log/log.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/nats/contract.h"
#include "libs/common/outbox/bus.h"
#include "libs/common/redis/library.h"
#include "libs/common/runtime/servers.h"
#include "services/stream/ingest/webhook_rpc.h"
#include "services/stream/ingest/youtube_chat_worker.h"
#include "services/stream/linking/farewell_worker.h"
#include "services/stream/linking/oauth_rpc.h"
#include "services/stream/linking/platform_rpc.h"
#include "services/stream/linking/webhook_subscription_worker.h"
#include "services/stream/platforms/platforms_client.h"
#include "services/stream/privacy/erasure_worker.h"
#include "services/stream/privacy/reseal_store.h"
#include "services/stream/privacy/returner_store.h"
#include "services/stream/privacy/viewer_worker.h"
#include "services/stream/pulses/admin_rpc.h"
#include "services/stream/pulses/publisher_worker.h"
#include "services/stream/sessions/cleanup_worker.h"
#include "services/stream/sessions/session_rpc.h"

namespace stream {
namespace {

using common::config::Secret;
using common::outbox::Bus;
using common::runtime::App;

std::unique_ptr<platforms::TwitchClient> MakeTwitch(const Settings& settings,
                                                    common::http::Client& http) {
  if (settings.twitch_client_id.empty()) return nullptr;
  return std::make_unique<platforms::TwitchClient>(
      platforms::TwitchOptions{.client_id = settings.twitch_client_id,
                               .client_secret = settings.twitch_client_secret,
                               .webhook_secret = settings.twitch_webhook_secret,
                               .id_url = settings.twitch_id_url,
                               .api_url = settings.twitch_api_url},
      http);
}

std::unique_ptr<platforms::YouTubeClient> MakeYouTube(const Settings& settings,
                                                      common::http::Client& http) {
  if (settings.youtube_client_id.empty()) return nullptr;
  return std::make_unique<platforms::YouTubeClient>(
      platforms::YouTubeOptions{.client_id = settings.youtube_client_id,
                                .client_secret = settings.youtube_client_secret,
                                .webhook_token = settings.youtube_webhook_token,
                                .accounts_url = settings.youtube_accounts_url,
                                .token_url = settings.youtube_token_url,
                                .api_url = settings.youtube_api_url,
                                .hub_url = settings.youtube_hub_url},
      http);
}

// Stated beside the events that they carry.
std::vector<common::nats::StreamSpec> StreamTable(const Settings& settings) {
  auto streams =
      common::nats::StreamsOf(*bannou::stream::v1::StreamPlatformLinkedEvent::descriptor()->file());
  for (auto& spec : common::runtime::InboundStreams(settings.inbound_stream, {"account.deleted"})) {
    streams.push_back(std::move(spec));
  }
  return streams;
}

// Who holds a lock of the database keeps a connection, and needs another one to work: out of one
// pool they could take each other's.
common::mysql::Options LockOptions(const Settings& settings) {
  constexpr size_t kLocksMax = 16;
  auto options = common::runtime::MysqlOptions(settings.server);
  options.pool_size = kLocksMax;
  return options;
}

// The stores and what they stand on.
struct Stores {
  Stores(const Settings& settings, common::crypto::KeyRing keys)
      : sealer(std::move(keys)),
        marks(IdentityKeyOf(settings)),
        mysql(common::runtime::MysqlOptions(settings.server)),
        locks(LockOptions(settings)),
        redis(common::runtime::RedisOptions(settings.server)),
        youtube_quota(redis, settings.youtube_client_id),
        buffer(redis, functions, 2 * settings.sentiment_max_hold) {}

  const Sealer sealer;
  const Marks marks;
  common::mysql::Pool mysql;
  common::mysql::Pool locks;
  common::redis::Redis redis;
  common::redis::Functions functions{redis,
                                     common::redis::Stamped(functions::Files().front().content)};
  linking::LinkStore links{mysql, sealer, marks};
  linking::TokenStore tokens{mysql, sealer};
  linking::SubscriptionStore subscriptions{mysql, sealer};
  linking::FarewellStore farewells{mysql, sealer};
  linking::ExpectedStore expected{mysql, sealer, marks};
  sessions::ScheduleStore schedule{mysql};
  linking::PendingStore pending{redis, sealer};
  sessions::SessionStore sessions{mysql, sealer, marks};
  sessions::LiveSessions live{sessions};
  privacy::ErasureStore accounts{mysql, marks};
  ingest::MarkStore seen{redis};
  privacy::ReturnerStore returners{redis, marks};
  ingest::YouTubeQuotaStore youtube_quota;
  pulses::BufferStore buffer;
};

// What every step of Bind builds on. All of it belongs to the app.
struct Base {
  const Settings& settings;
  App& app;
  Stores& stores;
  Bus& bus;
  const platforms::Platforms& platforms;
  privacy::ViewerRegistry& viewers;
  ingest::CrowdStore& crowd;
};

struct Workers {
  pulses::PublisherWorker& publisher;
  privacy::ViewerWorker& viewers;
  linking::TokenRefreshWorker& tokens;
  linking::WebhookSubscriptionManager& subscriptions;
  linking::FarewellWorker& farewells;
  sessions::SessionCleanupWorker& cleanup;
  privacy::ErasureWorker& erasure;
  ingest::ChatWorker& chat;
  ingest::YouTubeChatWorker& youtube_chat;
};

absl::StatusOr<Base> MakeBase(const Settings& settings, App& app) {
  ASSIGN_OR_RETURN(auto keys, KeyRingOf(settings));
  auto& stores = app.Make<Stores>(settings, std::move(keys));
  auto& http = app.Make<common::http::Client>();
  common::runtime::WatchPool(app, "http_client", [&http] { return http.stats(); });
  auto& platforms =
      app.Make<platforms::Platforms>(MakeTwitch(settings, http), MakeYouTube(settings, http));
  const privacy::TrackingRules tracking{.max_tracked = settings.max_tracked_viewers,
                                        .high_engagement = settings.engagement_threshold,
                                        .min_group = settings.viewer_type_min_group,
                                        .subscribers = settings.track_subscribers,
                                        .moderators = settings.track_moderators,
                                        .raid_leaders = settings.track_raid_leaders};
  auto& viewers = app.Make<privacy::ViewerRegistry>(tracking, common::crypto::RandomBits);
  return Base{settings,
              app,
              stores,
              app.Make<Bus>(stores.mysql, common::runtime::NatsOptions(settings.server, "stream"),
                            StreamTable(settings), app.metrics()),
              platforms,
              viewers,
              app.Make<ingest::CrowdStore>(ingest::CrowdStore::Parts{
                  .live = stores.live,
                  .buffer = stores.buffer,
                  .viewers = viewers,
                  .returners = settings.returner_detection ? &stores.returners : nullptr})};
}

pulses::PublisherWorker& MakePublisher(const Base& base) {
  const Settings& settings = base.settings;
  return base.app.Make<pulses::PublisherWorker>(
      pulses::PublisherOptions{.rules = {.min_batch = settings.min_batch_size,
                                         .max_batch = settings.max_batch_size,
                                         .min_contributors = settings.min_distinct_contributors,
                                         .max_hold = settings.sentiment_max_hold},
                               .interval = settings.pulse_interval},
      pulses::PublisherWorker::Parts{
          .sessions = base.stores.sessions,
          .buffer = base.stores.buffer,
          .returners = settings.returner_detection ? &base.stores.returners : nullptr,
          .random = common::crypto::RandomBits,
          .publish = [&bus = base.bus](const auto& event) { return bus.Publish(event); },
          .on_ended = [&bus = base.bus] { bus.NotifyRelay(); }},
      base.app.metrics());
}

// A session began or began to end: the publisher cares for its buffer, the relay for the news.
std::function<void()> OnSessionChanged(const Base& base, pulses::PublisherWorker& publisher) {
  return [&publisher, &bus = base.bus] {
    publisher.Wake();
    bus.NotifyRelay();
  };
}

linking::WebhookSubscriptionManager& MakeSubscriptions(const Base& base,
                                                       linking::TokenRefreshWorker& tokens,
                                                       pulses::PublisherWorker& publisher) {
  const Settings& settings = base.settings;
  return base.app.Make<linking::WebhookSubscriptionManager>(
      linking::WebhookSubscriptionManager::Options{.public_url = settings.public_url,
                                                   .interval = settings.webhook_reconcile_interval,
                                                   .lag = settings.session_orphan_grace,
                                                   .twitch_secret = settings.twitch_webhook_secret,
                                                   .youtube_token = settings.youtube_webhook_token},
      linking::WebhookSubscriptionManager::Parts{.platforms = base.platforms,
                                                 .subscriptions = base.stores.subscriptions,
                                                 .tokens = tokens,
                                                 .sessions = base.stores.sessions,
                                                 .marks = base.stores.marks,
                                                 .locks = base.stores.locks,
                                                 .on_opened = OnSessionChanged(base, publisher)},
      base.app.metrics());
}

sessions::SessionCleanupWorker& MakeCleanup(const Base& base, linking::TokenRefreshWorker& tokens,
                                            pulses::PublisherWorker& publisher) {
  const Settings& settings = base.settings;
  return base.app.Make<sessions::SessionCleanupWorker>(
      sessions::SessionCleanupWorker::Options{.interval = settings.session_poll_interval,
                                              .orphan_grace = settings.session_orphan_grace,
                                              .custom_silence = settings.custom_silence,
                                              .scan = settings.channel_scan_interval,
                                              .retention = settings.session_history_retention},
      sessions::SessionCleanupWorker::Parts{.sessions = base.stores.sessions,
                                            .live = base.stores.live,
                                            .links = base.stores.links,
                                            .expected = base.stores.expected,
                                            .tokens = tokens,
                                            .platforms = base.platforms,
                                            .schedule = base.stores.schedule,
                                            .locks = base.stores.locks,
                                            .on_changed = OnSessionChanged(base, publisher)},
      base.app.metrics());
}

ingest::YouTubeChatWorker& MakeYouTubeChat(const Base& base, linking::TokenRefreshWorker& tokens,
                                           pulses::PublisherWorker& publisher) {
  Stores& stores = base.stores;
  return base.app.Make<ingest::YouTubeChatWorker>(
      ingest::YouTubeChatWorker::Options{.daily_quota = base.settings.youtube_daily_quota},
      ingest::YouTubeChatWorker::Parts{.youtube = base.platforms.youtube(),
                                       .tokens = tokens,
                                       .sessions = stores.sessions,
                                       .live = stores.live,
                                       .buffer = stores.buffer,
                                       .viewers = base.viewers,
                                       .crowd = base.crowd,
                                       .quota = stores.youtube_quota,
                                       .on_changed = OnSessionChanged(base, publisher)},
      base.app.metrics());
}

Workers MakeWorkers(const Base& base) {
  const Settings& settings = base.settings;
  Stores& stores = base.stores;
  App& app = base.app;
  auto& publisher = MakePublisher(base);
  auto& viewers = app.Make<privacy::ViewerWorker>(stores.sessions, base.viewers, app.metrics());
  auto& farewells = app.Make<linking::FarewellWorker>(
      settings.public_url,
      linking::FarewellWorker::Parts{.platforms = base.platforms,
                                     .links = stores.links,
                                     .farewells = stores.farewells,
                                     .locks = stores.locks},
      app.metrics());
  // A link without a grant has no session and no subscriptions; the latter are looked at soon.
  auto& tokens = app.Make<linking::TokenRefreshWorker>(
      settings.token_refresh_interval,
      linking::TokenRefreshWorker::Parts{.platforms = base.platforms,
                                         .links = stores.links,
                                         .tokens = stores.tokens,
                                         .locks = stores.locks,
                                         .on_deactivated = OnSessionChanged(base, publisher)},
      app.metrics());
  auto& erasure = app.Make<privacy::ErasureWorker>(
      settings.inbound_stream,
      privacy::ErasureWorker::Parts{.accounts = stores.accounts,
                                    .on_erased =
                                        [&farewells, changed = OnSessionChanged(base, publisher)] {
                                          farewells.Wake();
                                          changed();
                                        }},
      app.metrics());
  return {.publisher = publisher,
          .viewers = viewers,
          .tokens = tokens,
          .subscriptions = MakeSubscriptions(base, tokens, publisher),
          .farewells = farewells,
          .cleanup = MakeCleanup(base, tokens, publisher),
          .erasure = erasure,
          .chat = app.Make<ingest::ChatWorker>(static_cast<size_t>(settings.chat_queue_max),
                                               base.crowd, app.metrics()),
          .youtube_chat = MakeYouTubeChat(base, tokens, publisher)};
}

ingest::TwitchWebhook& MakeTwitchWebhook(const Base& base, const Workers& workers) {
  Stores& stores = base.stores;
  return base.app.Make<ingest::TwitchWebhook>(
      base.settings.twitch_webhook_secret,
      ingest::TwitchWebhook::Parts{
          .links = stores.links,
          .tokens = stores.tokens,
          .sessions = stores.sessions,
          .live = stores.live,
          .marks_seen = stores.seen,
          .chat = workers.chat,
          .crowd = base.crowd,
          .marks = stores.marks,
          .on_changed = OnSessionChanged(base, workers.publisher),
          .on_suspected =
              [&tokens = workers.tokens, &subscriptions = workers.subscriptions] {
                tokens.Wake();
                subscriptions.Wake();
              }},
      base.app.metrics());
}

ingest::YouTubeWebhook& MakeYouTubeWebhook(const Base& base, const Workers& workers) {
  Stores& stores = base.stores;
  return base.app.Make<ingest::YouTubeWebhook>(
      base.settings.youtube_webhook_token,
      ingest::YouTubeWebhook::Parts{
          .youtube = base.platforms.youtube(),
          .links = stores.links,
          .subscriptions = stores.subscriptions,
          .expected = stores.expected,
          .sessions = stores.sessions,
          .live = stores.live,
          .marks_seen = stores.seen,
          .marks = stores.marks,
          .access_token = [&tokens = workers.tokens](
                              const common::Uuid& link_id) { return tokens.AccessToken(link_id); },
          .on_changed = OnSessionChanged(base, workers.publisher),
          .on_leased = [&subscriptions = workers.subscriptions] { subscriptions.Wake(); }},
      base.app.metrics());
}

ingest::CustomWebhook& MakeCustomWebhook(const Base& base, const Workers& workers) {
  Stores& stores = base.stores;
  return base.app.Make<ingest::CustomWebhook>(
      ingest::CustomWebhook::Parts{.links = stores.links,
                                   .sessions = stores.sessions,
                                   .live = stores.live,
                                   .marks_seen = stores.seen,
                                   .chat = workers.chat,
                                   .crowd = base.crowd,
                                   .marks = stores.marks,
                                   .on_changed = OnSessionChanged(base, workers.publisher)},
      base.app.metrics());
}

absl::Status ServeLinking(const Base& base, const Workers& workers,
                          std::vector<common::http::Route>& routes) {
  const Settings& settings = base.settings;
  Stores& stores = base.stores;
  const auto on_linked = [&subscriptions = workers.subscriptions, &bus = base.bus] {
    subscriptions.Wake();
    bus.NotifyRelay();
  };
  auto& flow = base.app.Make<linking::OAuthFlow>(
      linking::OAuthOptions{.public_url = settings.public_url,
                            .callbacks_allowed = settings.oauth_callbacks_allowed},
      base.platforms, stores.links, stores.pending, on_linked);
  for (auto& route : flow.Routes()) routes.push_back(std::move(route));
  return base.app.Serve<linking::PlatformRpc>(linking::PlatformRpc::Parts{
      .flow = flow,
      .links = stores.links,
      .public_url = settings.public_url,
      .on_linked = on_linked,
      .on_unlinked = [&farewells = workers.farewells,
                      changed = OnSessionChanged(base, workers.publisher)] {
        farewells.Wake();
        changed();
      }});
}

absl::Status Serve(const Base& base, const Workers& workers) {
  App& app = base.app;
  Stores& stores = base.stores;
  const ingest::Webhooks webhooks{.twitch = MakeTwitchWebhook(base, workers),
                                  .youtube = MakeYouTubeWebhook(base, workers),
                                  .custom = MakeCustomWebhook(base, workers)};
  std::vector<common::http::Route> routes = ingest::WebhookRoutes(webhooks);
  RETURN_IF_ERROR(ServeLinking(base, workers, routes));
  RETURN_IF_ERROR(app.Serve<sessions::SessionRpc>(
      sessions::SessionRpc::Parts{.links = stores.links,
                                  .sessions = stores.sessions,
                                  .live = stores.live,
                                  .platforms = base.platforms,
                                  .tokens = workers.tokens,
                                  .buffer = stores.buffer,
                                  .on_changed = OnSessionChanged(base, workers.publisher)}));
  RETURN_IF_ERROR(app.Serve<ingest::WebhookRpc>(webhooks));
  RETURN_IF_ERROR(app.Serve<pulses::AdminRpc>(stores.buffer));
  app.ServeHttp(base.settings.http_addr, std::move(routes));
  return absl::OkStatus();
}

void StartAndStop(const Base& base, const Workers& workers) {
  App& app = base.app;
  app.OnStart("migrations", [&mysql = base.stores.mysql] {
    return common::mysql::Migrate(mysql.options(), migrations::Files());
  });
  app.OnStart("functions", [&stores = base.stores] { return stores.functions.Load(); });
  common::runtime::LimitRates(app, base.stores.redis);
  app.OnStart("nats", [&bus = base.bus] { return bus.Start(); });
  app.OnStart("workers", [workers, &bus = base.bus]() -> absl::Status {
    RETURN_IF_ERROR(workers.erasure.Start(bus.jetstream()));
    workers.chat.Start();
    workers.publisher.Start();
    workers.viewers.Start();
    workers.tokens.Start();
    workers.subscriptions.Start();
    workers.farewells.Start();
    workers.cleanup.Start();
    workers.youtube_chat.Start();
    return absl::OkStatus();
  });
  app.OnStop([workers] {
    workers.erasure.Stop();
    workers.youtube_chat.Stop();
    workers.cleanup.Stop();
    workers.farewells.Stop();
    workers.subscriptions.Stop();
    workers.tokens.Stop();
    workers.chat.Stop();
    workers.viewers.Stop();
    workers.publisher.Stop();
  });
  app.OnDrained([&bus = base.bus] { bus.Finish(); });
}

// `stream reseal`: after the encryption key was rotated.
absl::Status Reseal(const Settings& settings) {
  ASSIGN_OR_RETURN(auto keys, KeyRingOf(settings));
  common::mysql::Pool mysql(common::runtime::MysqlOptions(settings.server));
  ASSIGN_OR_RETURN(const auto done, privacy::ResealAll(mysql, Sealer(std::move(keys))));
  common::log::Info("resealed", {{"values", done.changed}, {"unreadable", done.unreadable}});
  if (done.unreadable == 0) return absl::OkStatus();
  return absl::DataLossError("some values are under none of the keys");
}

}  // namespace

absl::Status Bind(const Settings& settings, App& app) {
  ASSIGN_OR_RETURN(const Base base, MakeBase(settings, app));
  const Workers workers = MakeWorkers(base);
  RETURN_IF_ERROR(Serve(base, workers));
  StartAndStop(base, workers);
  common::runtime::WatchServers(app, base.stores.mysql, base.stores.redis, base.bus);
  return absl::OkStatus();
}

std::vector<common::runtime::Command<Settings>> Commands() {
  return {{.name = "reseal",
           .help = "Seal all that is stored under an older key anew, while daemons may run",
           .run = Reseal}};
}

}  // namespace stream
