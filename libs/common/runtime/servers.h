// What every daemon does with the three servers that it stands on.
#pragma once
#include <string>
#include <vector>

#include "libs/common/mysql/pool.h"
#include "libs/common/nats/connection.h"
#include "libs/common/outbox/bus.h"
#include "libs/common/redis/redis.h"
#include "libs/common/runtime/app.h"
#include "libs/common/runtime/settings.h"

namespace common::runtime {

mysql::Options MysqlOptions(const ServerSettings& settings);
redis::Options RedisOptions(const ServerSettings& settings);
// `name` is shown in the server's list of connections.
nats::Options NatsOptions(const ServerSettings& settings, std::string name);

// The streams of inbound.proto. When `inbound` names another stream than INBOUND, that is foreign
// and must have the subjects that this daemon listens to; none: all of INBOUND's.
std::vector<nats::StreamSpec> InboundStreams(const std::string& inbound,
                                             const std::vector<std::string>& subjects = {});

// Measures a pool at every scrape. `stats` must not wait.
void WatchPool(App& app, const std::string& name, std::function<pool::Stats()> stats);

// Makes readiness depend on all three, and measures the pools. They outlive the app's loop.
void WatchServers(App& app, mysql::Pool& mysql, redis::Redis& redis, outbox::Bus& bus);

// Limits how often an account may call, by the settings and over all instances that share `redis`.
void LimitRates(App& app, redis::Redis& redis);

}  // namespace common::runtime
