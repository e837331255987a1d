#include "libs/common/runtime/servers.h"

#include "libs/common/ratelimit/limiter.h"

namespace common::runtime {

mysql::Options MysqlOptions(const ServerSettings& settings) {
  mysql::Options options;
  options.host = settings.mysql_addr.host;
  options.port = settings.mysql_addr.port;
  options.user = settings.mysql_user;
  options.password = settings.mysql_password;
  options.database = settings.mysql_database;
  options.tls_ca = settings.mysql_tls_ca_file;
  options.pool_size = static_cast<size_t>(settings.mysql_pool_size);
  return options;
}

redis::Options RedisOptions(const ServerSettings& settings) {
  redis::Options options;
  options.host = settings.redis_addr.host;
  options.port = settings.redis_addr.port;
  options.user = settings.redis_user;
  options.password = settings.redis_password;
  options.pool_size = static_cast<size_t>(settings.redis_pool_size);
  return options;
}

nats::Options NatsOptions(const ServerSettings& settings, std::string name) {
  nats::Options options;
  options.url = settings.nats_url;
  options.name = std::move(name);
  options.user = settings.nats_user;
  options.password = settings.nats_password;
  options.token = settings.nats_token;
  options.credentials_file = settings.nats_credentials_file;
  options.tls_ca = settings.nats_tls_ca_file;
  options.tls_hostname = settings.nats_tls_hostname;
  options.tls_certificate = settings.nats_tls_cert_file;
  options.tls_key = settings.nats_tls_key_file;
  return options;
}

void WatchServers(App& app, mysql::Pool& mysql, redis::Redis& redis, outbox::Bus& bus) {
  app.Watch("mysql", [&mysql] { return mysql.Query("SELECT 1").status(); });
  app.Watch("redis", [&redis] { return redis.Command({"PING"}).status(); });
  app.Watch("nats", [&bus] { return bus.Probe(); });

  constexpr const char* kName = "pool_connections_in_use";
  constexpr const char* kHelp = "Connections that are lent, by pool.";
  auto& mysql_lent = app.metrics().GetGauge(kName, kHelp, {{"pool", "mysql"}});
  auto& redis_lent = app.metrics().GetGauge(kName, kHelp, {{"pool", "redis"}});
  auto& backlog = app.metrics().GetGauge("outbox_backlog", "Events that wait to be published.");
  app.metrics().OnScrape([&] {
    mysql_lent.Set(static_cast<double>(mysql.stats().in_use));
    redis_lent.Set(static_cast<double>(redis.stats().in_use));
    backlog.Set(static_cast<double>(bus.backlog()));
  });
}

void LimitRates(App& app, redis::Redis& redis) {
  const ServerSettings& settings = app.settings();
  auto& limiter = app.Make<ratelimit::Limiter>(
      app.name(),
      ratelimit::Rate{.per_second = settings.rate_limit_per_second,
                      .burst = settings.rate_limit_burst},
      redis, app.metrics());
  app.edge().LimitRate([&limiter](const Uuid& account) { return limiter.Admit(account); });
  app.OnStart("rate limits", [&limiter] { return limiter.Load(); });
}

}  // namespace common::runtime
