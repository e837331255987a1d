#include "services/streaming/bind.h"

#include "embedded/streaming/migrations.h"
#include "libs/common/mysql/migrations.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/redis/redis.h"

namespace streaming {
namespace {

using common::runtime::ServerSettings;

common::mysql::Options MysqlOptions(const ServerSettings& settings) {
  common::mysql::Options options;
  options.host = settings.mysql_addr.host;
  options.port = settings.mysql_addr.port;
  options.user = settings.mysql_user;
  options.password = settings.mysql_password;
  options.database = settings.mysql_database;
  options.pool_size = static_cast<size_t>(settings.mysql_pool_size);
  return options;
}

common::redis::Options RedisOptions(const ServerSettings& settings) {
  common::redis::Options options;
  options.host = settings.redis_addr.host;
  options.port = settings.redis_addr.port;
  options.user = settings.redis_user;
  options.password = settings.redis_password;
  options.pool_size = static_cast<size_t>(settings.redis_pool_size);
  return options;
}

}  // namespace

absl::Status Bind(const Settings& settings, common::runtime::App& app) {
  auto& mysql = app.Make<common::mysql::Pool>(MysqlOptions(settings.server));
  auto& redis = app.Make<common::redis::Redis>(RedisOptions(settings.server));
  app.OnStart("migrations", [&] { return common::mysql::Migrate(mysql, migrations::Files()); });
  app.Watch("mysql", [&] { return mysql.Query("SELECT 1").status(); });
  app.Watch("redis", [&] { return redis.Command({"PING"}).status(); });
  return absl::OkStatus();
}

}  // namespace streaming
