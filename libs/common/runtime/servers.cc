#include "libs/common/runtime/servers.h"

#include <bannou/common/v1/inbound.pb.h>

#include "libs/common/nats/contract.h"
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

std::vector<nats::StreamSpec> InboundStreams(const std::string& inbound,
                                             const std::vector<std::string>& subjects) {
  auto streams = nats::StreamsOf(*bannou::common::v1::AccountDeletedEvent::descriptor()->file());
  for (nats::StreamSpec& stream : streams) {
    if (stream.name != "INBOUND" || inbound == "INBOUND") continue;
    stream.name = inbound;
    stream.foreign = true;
    if (!subjects.empty()) stream.subjects = subjects;
  }
  return streams;
}

redis::Options RedisOptions(const ServerSettings& settings) {
  redis::Options options;
  options.host = settings.redis_addr.front().host;
  options.port = settings.redis_addr.front().port;
  if (settings.redis_cluster) options.cluster = settings.redis_addr;
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

void WatchPool(App& app, const std::string& name, std::function<pool::Stats()> stats) {
  metrics::Registry& metrics = app.metrics();
  const metrics::Labels labels = {{"pool", name}};
  auto& limit =
      metrics.GetGauge("pool_connections_limit", "Connections that may be open, by pool.", labels);
  auto& open =
      metrics.GetGauge("pool_connections_open", "Connections that are open, by pool.", labels);
  auto& in_use =
      metrics.GetGauge("pool_connections_in_use", "Connections that are lent, by pool.", labels);
  auto& waits = metrics.GetCounter("pool_waits_total",
                                   "Borrowers that found every connection lent, by pool.", labels);
  metrics.OnScrape([&limit, &open, &in_use, &waits, stats = std::move(stats)] {
    const pool::Stats now = stats();
    limit.Set(static_cast<double>(now.limit));
    open.Set(static_cast<double>(now.open));
    in_use.Set(static_cast<double>(now.in_use));
    metrics::RaiseTo(waits, now.waits);
  });
}

namespace {

// All zero with one server.
void WatchCluster(App& app, redis::Redis& redis) {
  metrics::Registry& metrics = app.metrics();
  const auto redirects = [&metrics](const char* kind) -> metrics::Counter& {
    return metrics.GetCounter("redis_cluster_redirects_total",
                              "Commands that a Redis Cluster sent on to another node: for good "
                              "(moved) or for once, while a slot is being moved (ask).",
                              {{"kind", kind}});
  };
  auto& waits = metrics.GetCounter(
      "redis_cluster_waits_total",
      "Pauses before a command was tried again, because a slot was being moved or a master away.");
  auto& maps = metrics.GetCounter("redis_cluster_maps_read_total",
                                  "How often the map of a Redis Cluster's slots was read.");
  metrics.OnScrape([&redis, &moved = redirects("moved"), &asked = redirects("ask"), &waits, &maps] {
    const redis::ClusterStats now = redis.cluster_stats();
    metrics::RaiseTo(moved, now.moved);
    metrics::RaiseTo(asked, now.asked);
    metrics::RaiseTo(waits, now.waits);
    metrics::RaiseTo(maps, now.maps_read);
  });
}

}  // namespace

void WatchServers(App& app, mysql::Pool& mysql, redis::Redis& redis, outbox::Bus& bus) {
  app.Watch("mysql", [&mysql] { return mysql.Query("SELECT 1").status(); });
  app.Watch("redis", [&redis] { return redis.Probe(); });
  app.Watch("nats", [&bus] { return bus.Probe(); });
  WatchPool(app, "mysql", [&mysql] { return mysql.stats(); });
  WatchPool(app, "redis", [&redis] { return redis.stats(); });
  WatchCluster(app, redis);
}

void LimitRates(App& app, redis::Redis& redis) {
  const ServerSettings& settings = app.settings();
  auto& limiter =
      app.Make<ratelimit::Limiter>(app.name(),
                                   ratelimit::Rate{.per_second = settings.rate_limit_per_second,
                                                   .burst = settings.rate_limit_burst},
                                   redis, app.metrics());
  app.edge().LimitRate([&limiter](const Uuid& account) { return limiter.Admit(account); });
  app.OnStart("rate limits", [&limiter] { return limiter.Load(); });
}

}  // namespace common::runtime
