// The settings that every daemon has, each under the daemon's own prefix.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "libs/common/config/address.h"
#include "libs/common/config/secret.h"
#include "libs/common/config/settings.h"

namespace common::runtime {

struct ServerSettings {
  bool enabled = false;
  config::Address grpc_addr;
  std::string grpc_tls_cert_file;
  std::string grpc_tls_key_file;
  std::string grpc_tls_client_ca_file;
  config::Address admin_addr;
  std::string log_level;
  bool reflection = false;
  int threads = 0;
  int queue_max = 0;
  std::chrono::milliseconds deadline_max{};
  int rate_limit_per_second = 0;
  int rate_limit_burst = 0;
  std::chrono::milliseconds drain_delay{};
  std::chrono::milliseconds drain_grace{};
  std::string auth_mode;
  config::Secret auth_hs256_key;
  std::string auth_keys_file;
  std::string auth_issuer;
  std::string auth_audience;
  std::chrono::seconds auth_clock_skew{};
  std::string nats_url;
  std::string nats_user;
  config::Secret nats_password;
  config::Secret nats_token;
  std::string nats_credentials_file;
  std::string nats_tls_ca_file;
  std::string nats_tls_hostname;
  std::string nats_tls_cert_file;
  std::string nats_tls_key_file;
  std::vector<config::Address> redis_addr;
  bool redis_cluster = false;
  std::string redis_user;
  config::Secret redis_password;
  int redis_pool_size = 0;
  config::Address mysql_addr;
  std::string mysql_user;
  config::Secret mysql_password;
  std::string mysql_database;
  std::string mysql_tls_ca_file;
  int mysql_pool_size = 0;
};

// The rows of those settings; `server` is the daemon's member that holds them. `database` and the
// two ports are the defaults that differ between daemons.
struct ServerDefaults {
  std::string prefix;  // "STREAM"
  std::string database;
  int grpc_port = 0;
  int admin_port = 0;
};
template <class S>
config::Table<S> ServerRows(const ServerDefaults& defaults, ServerSettings S::*server);

// What no single row can see, and files that cannot be used. Empty when all is well.
std::vector<std::string> Check(const ServerSettings& settings, const std::string& prefix);

// --- implementation ------------------------------------------------------------------------------
inline std::string OnLoopback(int port) { return "127.0.0.1:" + std::to_string(port); }

// What callers and operators meet.
template <class S>
config::Table<S> EdgeRows(const ServerDefaults& defaults, ServerSettings S::*server) {
  using V = ServerSettings;
  using config::Into;
  const auto name = [&](const char* rest) { return defaults.prefix + "_" + rest; };
  return {
      {name("GRPC_ADDR"), OnLoopback(defaults.grpc_port),
       "Where gRPC listens, host:port; port 0 takes a free one.", Into(server, &V::grpc_addr)},
      {name("GRPC_TLS_CERT_FILE"), "",
       "PEM file of gRPC's certificate chain, its own first; empty: gRPC is plaintext. A renewed "
       "file is used within seconds.",
       Into(server, &V::grpc_tls_cert_file)},
      {name("GRPC_TLS_KEY_FILE"), "", "PEM file of that certificate's key, without a passphrase.",
       Into(server, &V::grpc_tls_key_file)},
      {name("GRPC_TLS_CLIENT_CA_FILE"), "",
       "PEM file of the authorities of which gRPC clients must present a certificate; empty: they "
       "need none.",
       Into(server, &V::grpc_tls_client_ca_file)},
      {name("ADMIN_ADDR"), OnLoopback(defaults.admin_port),
       "Where /healthz, /readyz and /metrics listen, host:port. Keep it away from players.",
       Into(server, &V::admin_addr)},
      {name("LOG_LEVEL"), "info", "The least level that is logged: debug, info, warning or error.",
       Into(server, &V::log_level)},
      {name("REFLECTION"), "true", "Whether gRPC reflection describes the services.",
       Into(server, &V::reflection)},
      {name("THREADS"), "8", "Threads that run RPC and HTTP handlers, 1 to 256.",
       Into(server, &V::threads, 1, 256)},
      {name("QUEUE_MAX"), "512",
       "Calls that may wait for a thread, 1 to 65536; more are refused with RESOURCE_EXHAUSTED.",
       Into(server, &V::queue_max, 1, 65536)},
      {name("DEADLINE_MAX_MS"), "10000",
       "The longest that one call may take, in milliseconds, whatever the caller asks for.",
       Into(server, &V::deadline_max, 100, 600000)},
      {name("RATE_LIMIT_PER_SECOND"), "50",
       "Calls that one account may make in a second, in the long run and over all instances, 1 to "
       "100000; admins and services are not limited.",
       Into(server, &V::rate_limit_per_second, 1, 100000)},
      {name("RATE_LIMIT_BURST"), "100",
       "Calls that one account may make at once after a pause, 1 to 100000.",
       Into(server, &V::rate_limit_burst, 1, 100000)},
      {name("DRAIN_DELAY_MS"), "0",
       "On SIGTERM, how long to answer calls as not ready before draining, in milliseconds; "
       "at least the load balancer's probe period.",
       Into(server, &V::drain_delay, 0, 120000)},
      {name("DRAIN_GRACE_MS"), "10000",
       "On SIGTERM, how long calls in flight may take to end, in milliseconds.",
       Into(server, &V::drain_grace, 0, 120000)},
  };
}

template <class S>
config::Table<S> AuthRows(const ServerDefaults& defaults, ServerSettings S::*server) {
  using V = ServerSettings;
  using config::Into;
  const auto name = [&](const char* rest) { return defaults.prefix + "_" + rest; };
  constexpr bool kSecret = true;
  return {
      {name("AUTH_MODE"), "token",
       "token: every call carries a valid JWT. insecure: every caller is an admin; never in "
       "production.",
       Into(server, &V::auth_mode)},
      {name("AUTH_HS256_KEY"), "", "The shared key of HS256 tokens, at least 32 bytes.",
       Into(server, &V::auth_hs256_key), kSecret},
      {name("AUTH_KEYS_FILE"), "",
       "A file with the JWK Set of the keys that sign HS256, RS256 and ES256 tokens; looked at "
       "every second.",
       Into(server, &V::auth_keys_file)},
      {name("AUTH_ISSUER"), "bannou", "The required `iss` of tokens.",
       Into(server, &V::auth_issuer)},
      {name("AUTH_AUDIENCE"), "bannou-streaming", "The required `aud` of tokens.",
       Into(server, &V::auth_audience)},
      {name("AUTH_CLOCK_SKEW_SECONDS"), "30",
       "How far the issuer's clock and ours may differ when `exp`, `nbf` and `iat` are checked, in "
       "seconds, 0 to 300.",
       Into(server, &V::auth_clock_skew, 0, 300)},
  };
}

template <class S>
config::Table<S> NatsRows(const ServerDefaults& defaults, ServerSettings S::*server) {
  using V = ServerSettings;
  using config::Into;
  const auto name = [&](const char* rest) { return defaults.prefix + "_NATS_" + rest; };
  constexpr bool kSecret = true;
  return {
      {name("URL"), "nats://127.0.0.1:4222",
       "The NATS server with JetStream, or a cluster's servers with commas between; may hold user "
       "and password.",
       Into(server, &V::nats_url), kSecret},
      {name("USER"), "", "The NATS user.", Into(server, &V::nats_user)},
      {name("PASSWORD"), "", "The NATS user's password.", Into(server, &V::nats_password), kSecret},
      {name("TOKEN"), "", "The NATS token, in place of user and password.",
       Into(server, &V::nats_token), kSecret},
      {name("CREDENTIALS_FILE"), "",
       "A NATS .creds file with JWT and seed, in place of user and password; read again at each "
       "connect.",
       Into(server, &V::nats_credentials_file)},
      {name("TLS_CA_FILE"), "",
       "PEM file of the authority of the NATS server's certificate. Given: an encrypted and "
       "verified connection or none; empty: plaintext.",
       Into(server, &V::nats_tls_ca_file)},
      {name("TLS_HOSTNAME"), "",
       "The host name that the NATS server's certificate must carry; required with the CA.",
       Into(server, &V::nats_tls_hostname)},
      {name("TLS_CERT_FILE"), "",
       "PEM file of the certificate chain that is shown to the NATS server.",
       Into(server, &V::nats_tls_cert_file)},
      {name("TLS_KEY_FILE"), "", "PEM file of that certificate's key, without a passphrase.",
       Into(server, &V::nats_tls_key_file)},
  };
}

template <class S>
config::Table<S> DatabaseRows(const ServerDefaults& defaults, ServerSettings S::*server) {
  using V = ServerSettings;
  using config::Into;
  const auto name = [&](const char* rest) { return defaults.prefix + "_" + rest; };
  constexpr bool kSecret = true;
  return {
      {name("REDIS_ADDR"), OnLoopback(6379),
       "The Redis 7 server, host:port, or some of a cluster's nodes with commas between.",
       Into(server, &V::redis_addr)},
      {name("REDIS_CLUSTER"), "false",
       "Whether that is a Redis Cluster, whose other nodes it then names itself.",
       Into(server, &V::redis_cluster)},
      {name("REDIS_USER"), "", "The Redis ACL user; empty is the default user.",
       Into(server, &V::redis_user)},
      {name("REDIS_PASSWORD"), "", "The Redis password; empty sends no AUTH.",
       Into(server, &V::redis_password), kSecret},
      {name("REDIS_POOL_SIZE"), "16",
       "Connections to Redis at most, to each node of a cluster, 1 to 256.",
       Into(server, &V::redis_pool_size, 1, 256)},
      {name("MYSQL_ADDR"), OnLoopback(3306), "The MySQL or MariaDB server, host:port.",
       Into(server, &V::mysql_addr)},
      {name("MYSQL_USER"), defaults.database, "The database user.", Into(server, &V::mysql_user)},
      {name("MYSQL_PASSWORD"), "", "The database user's password.",
       Into(server, &V::mysql_password), kSecret},
      {name("MYSQL_DATABASE"), defaults.database, "The database, which must exist.",
       Into(server, &V::mysql_database)},
      {name("MYSQL_TLS_CA_FILE"), "",
       "PEM file of the authority of the MySQL server's certificate. Given: an encrypted and "
       "verified connection or none; empty: plaintext.",
       Into(server, &V::mysql_tls_ca_file)},
      {name("MYSQL_POOL_SIZE"), "8", "Connections to the database at most, 2 to 256.",
       Into(server, &V::mysql_pool_size, 2, 256)},
  };
}

template <class S>
config::Table<S> ServerRows(const ServerDefaults& defaults, ServerSettings S::*server) {
  config::Table<S> rows = EdgeRows(defaults, server);
  for (const auto& part :
       {AuthRows(defaults, server), NatsRows(defaults, server), DatabaseRows(defaults, server)}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

}  // namespace common::runtime
