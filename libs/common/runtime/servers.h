// What the servers' clients need of the settings.
#pragma once
#include "libs/common/mysql/pool.h"
#include "libs/common/redis/redis.h"
#include "libs/common/runtime/settings.h"

namespace common::runtime {

inline mysql::Options MysqlOptions(const ServerSettings& settings) {
  mysql::Options options;
  options.host = settings.mysql_addr.host;
  options.port = settings.mysql_addr.port;
  options.user = settings.mysql_user;
  options.password = settings.mysql_password;
  options.database = settings.mysql_database;
  options.pool_size = static_cast<size_t>(settings.mysql_pool_size);
  // Together well below a call's deadline, so that a database that hangs is told in time.
  options.connect_timeout = std::chrono::seconds(2);
  options.read_timeout = std::chrono::seconds(4);
  options.write_timeout = std::chrono::seconds(4);
  options.statement_timeout = std::chrono::seconds(3);
  return options;
}

inline redis::Options RedisOptions(const ServerSettings& settings) {
  redis::Options options;
  options.host = settings.redis_addr.host;
  options.port = settings.redis_addr.port;
  options.user = settings.redis_user;
  options.password = settings.redis_password;
  options.pool_size = static_cast<size_t>(settings.redis_pool_size);
  return options;
}

}  // namespace common::runtime
