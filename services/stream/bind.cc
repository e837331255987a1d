#include "services/stream/bind.h"

#include <cstring>

#include <bannou/stream/v1/events.pb.h>

#include "embedded/stream/functions.h"
#include "embedded/stream/migrations.h"
#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/nats/contract.h"
#include "libs/common/outbox/bus.h"
#include "libs/common/runtime/servers.h"
#include "services/stream/ingest/webhook_rpc.h"
#include "services/stream/linking/oauth_rpc.h"
#include "services/stream/linking/platform_rpc.h"
#include "services/stream/linking/subscriber_worker.h"
#include "services/stream/platforms/twitch_client.h"
#include "services/stream/pulses/admin_rpc.h"
#include "services/stream/pulses/publisher_worker.h"
#include "services/stream/sessions/cleanup_worker.h"
#include "services/stream/sessions/session_rpc.h"

namespace stream {
namespace {

using common::config::Secret;
using common::outbox::Bus;
using common::runtime::App;

uint64_t RandomBits() {
  const std::string bytes = common::crypto::RandomBytes(sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return bits;
}

// Without a key nothing is ever sealed, since no platform is configured: any key will do.
Secret EncryptionKey(const Settings& settings) {
  return DecodeKey(settings.token_encryption_key)
      .value_or(Secret(common::crypto::RandomBytes(common::crypto::KeyRing::kKeyBytes)));
}

Secret IdentityKey(const Settings& settings, const Secret& encryption_key) {
  if (!settings.identity_key.empty()) return settings.identity_key;
  return Secret(common::crypto::HmacSha256(encryption_key, {"identity"}));
}

std::unique_ptr<platforms::Platforms> MakePlatforms(const Settings& settings,
                                                    common::http::Client& http) {
  std::vector<std::unique_ptr<platforms::PlatformClient>> clients;
  if (!settings.twitch_client_id.empty()) {
    clients.push_back(std::make_unique<platforms::TwitchClient>(
        platforms::TwitchOptions{.client_id = settings.twitch_client_id,
                                 .client_secret = settings.twitch_client_secret,
                                 .webhook_secret = settings.twitch_webhook_secret,
                                 .id_url = settings.twitch_id_url,
                                 .api_url = settings.twitch_api_url},
        http));
  }
  return std::make_unique<platforms::Platforms>(std::move(clients));
}

// Stated beside the events that they carry.
std::vector<common::nats::StreamSpec> StreamTable() {
  return common::nats::StreamsOf(
      *bannou::stream::v1::StreamPlatformLinkedEvent::descriptor()->file());
}

// The stores and what they stand on.
struct Stores {
  explicit Stores(const Settings& settings, const Secret& encryption_key,
                  common::crypto::KeyRing key_ring)
      : keys(std::move(key_ring)),
        marks(IdentityKey(settings, encryption_key)),
        mysql(common::runtime::MysqlOptions(settings.server)),
        redis(common::runtime::RedisOptions(settings.server)),
        buffer(redis, functions, 2 * settings.sentiment_max_hold) {}

  const common::crypto::KeyRing keys;
  const Marks marks;
  common::mysql::Pool mysql;
  common::redis::Redis redis;
  common::redis::Functions functions{redis, std::string(functions::Files().front().content)};
  linking::LinkStore links{mysql, keys, marks};
  linking::PendingStore pending{redis};
  sessions::SessionStore sessions{mysql};
  sessions::LiveSessions live{sessions};
  ingest::MarkStore seen{redis};
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
};

struct Workers {
  pulses::PublisherWorker& publisher;
  linking::SubscriberWorker& subscriber;
  sessions::CleanupWorker& cleanup;
  ingest::ChatWorker& chat;
};

absl::StatusOr<Base> MakeBase(const Settings& settings, App& app) {
  const Secret encryption_key = EncryptionKey(settings);
  ASSIGN_OR_RETURN(auto key_ring, common::crypto::KeyRing::Create(encryption_key, {}));
  auto& stores = app.Make<Stores>(settings, encryption_key, std::move(key_ring));
  auto& http = app.Make<common::http::Client>();
  common::runtime::WatchPool(app, "http_client", http.max_in_flight(),
                             [&http] { return http.stats(); });
  auto& platforms = app.Make<std::unique_ptr<platforms::Platforms>>(MakePlatforms(settings, http));
  const privacy::TrackingRules tracking{.max_tracked = settings.max_tracked_viewers,
                                        .subscribers = settings.track_subscribers,
                                        .moderators = settings.track_moderators};
  return Base{settings,
              app,
              stores,
              app.Make<Bus>(stores.mysql, common::runtime::NatsOptions(settings.server, "stream"),
                            StreamTable(), app.metrics()),
              *platforms,
              app.Make<privacy::ViewerRegistry>(tracking, RandomBits)};
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
          .viewers = base.viewers,
          .random = RandomBits,
          .publish = [&bus = base.bus](const auto& event) { return bus.Publish(event); },
          .on_ended = [&bus = base.bus] { bus.NotifyRelay(); }},
      base.app.metrics());
}

Workers MakeWorkers(const Base& base) {
  const Settings& settings = base.settings;
  Stores& stores = base.stores;
  return {
      .publisher = MakePublisher(base),
      .subscriber = base.app.Make<linking::SubscriberWorker>(
          settings.public_url,
          linking::SubscriberWorker::Parts{.platforms = base.platforms,
                                           .links = stores.links,
                                           .sessions = stores.sessions,
                                           .marks = stores.marks,
                                           .on_opened = [&bus = base.bus] { bus.NotifyRelay(); }},
          base.app.metrics()),
      .cleanup = base.app.Make<sessions::CleanupWorker>(
          stores.sessions, settings.session_history_retention, base.app.metrics()),
      .chat = base.app.Make<ingest::ChatWorker>(
          static_cast<size_t>(settings.chat_queue_max),
          ingest::ChatWorker::Parts{
              .live = stores.live, .buffer = stores.buffer, .viewers = base.viewers},
          base.app.metrics())};
}

absl::Status Serve(const Base& base, const Workers& workers) {
  const Settings& settings = base.settings;
  App& app = base.app;
  Stores& stores = base.stores;
  const auto on_session_changed = [&publisher = workers.publisher, &bus = base.bus] {
    publisher.Wake();
    bus.NotifyRelay();
  };
  auto& twitch = app.Make<ingest::TwitchWebhook>(
      settings.twitch_webhook_secret,
      ingest::TwitchWebhook::Parts{.links = stores.links,
                                   .sessions = stores.sessions,
                                   .live = stores.live,
                                   .marks_seen = stores.seen,
                                   .chat = workers.chat,
                                   .marks = stores.marks,
                                   .on_changed = on_session_changed},
      app.metrics());
  auto& flow = app.Make<linking::OAuthFlow>(
      linking::OAuthOptions{.public_url = settings.public_url,
                            .callbacks_allowed = settings.oauth_callbacks_allowed},
      base.platforms, stores.links, stores.pending,
      [&subscriber = workers.subscriber, &bus = base.bus] {
        subscriber.Wake();
        bus.NotifyRelay();
      });

  RETURN_IF_ERROR(app.Serve<linking::PlatformRpc>(flow, stores.links));
  RETURN_IF_ERROR(app.Serve<sessions::SessionRpc>(
      sessions::SessionRpc::Parts{.links = stores.links,
                                  .sessions = stores.sessions,
                                  .live = stores.live,
                                  .platforms = base.platforms,
                                  .viewers = base.viewers,
                                  .marks = stores.marks,
                                  .on_changed = on_session_changed}));
  RETURN_IF_ERROR(app.Serve<ingest::WebhookRpc>(twitch));
  RETURN_IF_ERROR(app.Serve<pulses::AdminRpc>(stores.buffer));
  std::vector<common::http::Route> routes = ingest::WebhookRoutes(twitch);
  for (auto& route : flow.Routes()) routes.push_back(std::move(route));
  app.ServeHttp(settings.http_addr, std::move(routes));
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
  app.OnStart("workers", [workers] {
    workers.chat.Start();
    workers.publisher.Start();
    workers.subscriber.Start();
    workers.cleanup.Start();
    return absl::OkStatus();
  });
  app.OnStop([workers] {
    workers.cleanup.Stop();
    workers.subscriber.Stop();
    workers.chat.Stop();
    workers.publisher.Stop();
  });
  app.OnDrained([&bus = base.bus] { bus.Finish(); });
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

}  // namespace stream
