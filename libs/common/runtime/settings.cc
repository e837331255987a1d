#include "libs/common/runtime/settings.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include <absl/strings/str_cat.h>

#include "libs/common/base/status.h"
#include "libs/common/rpc/key_file.h"

namespace common::runtime {
namespace {

// Collects problems, each the name of a setting without its prefix and what is wrong with it.
class Problems {
 public:
  explicit Problems(const std::string& prefix) : prefix_(prefix + "_") {}

  void Require(bool good, const std::string& problem) {
    if (!good) found_.push_back(prefix_ + problem);
  }
  void RequireBoth(const std::string& name, bool given, const std::string& other,
                   bool other_given) {
    Require(given || !other_given, name + ": required with " + prefix_ + other);
    Require(other_given || !given, other + ": required with " + prefix_ + name);
  }
  std::vector<std::string> Take() { return std::move(found_); }

 private:
  const std::string prefix_;
  std::vector<std::string> found_;
};

void CheckAuth(const ServerSettings& settings, Problems& problems) {
  const std::string& shared_key = settings.auth_hs256_key.Reveal();
  const std::string& keys_file = settings.auth_keys_file;
  problems.Require(settings.auth_mode == "token" || settings.auth_mode == "insecure",
                   "AUTH_MODE: must be token or insecure");
  problems.Require(settings.auth_mode != "token" || !shared_key.empty() || !keys_file.empty(),
                   "AUTH_HS256_KEY: auth mode token needs it, or an AUTH_KEYS_FILE");
  problems.Require(shared_key.empty() || shared_key.size() >= rpc::TokenKey::kSharedBytesMin,
                   "AUTH_HS256_KEY: at least 32 bytes are required");
  if (keys_file.empty()) return;
  const absl::Status keys = rpc::KeyFile(keys_file).ReadIfChanged()->status();
  problems.Require(keys.ok(), "AUTH_KEYS_FILE: " + std::string(ToStd(keys.message())));
}

void CheckGrpc(const ServerSettings& settings, Problems& problems) {
  const bool certificate = !settings.grpc_tls_cert_file.empty();
  problems.RequireBoth("GRPC_TLS_CERT_FILE", certificate, "GRPC_TLS_KEY_FILE",
                       !settings.grpc_tls_key_file.empty());
  problems.Require(certificate || settings.grpc_tls_client_ca_file.empty(),
                   "GRPC_TLS_CLIENT_CA_FILE: needs a certificate and key of the server's own");
}

void CheckNats(const ServerSettings& settings, Problems& problems) {
  const std::string& url = settings.nats_url;
  const bool authority = !settings.nats_tls_ca_file.empty();
  const bool certificate = !settings.nats_tls_cert_file.empty();
  problems.RequireBoth("NATS_USER", !settings.nats_user.empty(), "NATS_PASSWORD",
                       !settings.nats_password.empty());
  const std::array identities = {url.find('@') != std::string::npos, !settings.nats_user.empty(),
                                 !settings.nats_token.empty(),
                                 !settings.nats_credentials_file.empty()};
  problems.Require(std::count(identities.begin(), identities.end(), true) <= 1,
                   "NATS_USER, NATS_TOKEN, NATS_CREDENTIALS_FILE and a user in NATS_URL exclude "
                   "each other");
  problems.RequireBoth("NATS_TLS_CA_FILE", authority, "NATS_TLS_HOSTNAME",
                       !settings.nats_tls_hostname.empty());
  problems.RequireBoth("NATS_TLS_CERT_FILE", certificate, "NATS_TLS_KEY_FILE",
                       !settings.nats_tls_key_file.empty());
  problems.Require(authority || !certificate,
                   "NATS_TLS_CERT_FILE: needs the authority of the server's certificate");
  // nats.c takes this scheme and then speaks plaintext all the same.
  problems.Require(authority || url.find("tls://") == std::string::npos,
                   "NATS_TLS_CA_FILE: required with a tls:// URL");
}

void CheckFiles(const ServerSettings& settings, Problems& problems) {
  using Row = std::pair<const char*, const std::string&>;
  for (const auto& [name, path] : {Row{"GRPC_TLS_CERT_FILE", settings.grpc_tls_cert_file},
                                   Row{"GRPC_TLS_KEY_FILE", settings.grpc_tls_key_file},
                                   Row{"GRPC_TLS_CLIENT_CA_FILE", settings.grpc_tls_client_ca_file},
                                   Row{"NATS_CREDENTIALS_FILE", settings.nats_credentials_file},
                                   Row{"NATS_TLS_CA_FILE", settings.nats_tls_ca_file},
                                   Row{"NATS_TLS_CERT_FILE", settings.nats_tls_cert_file},
                                   Row{"NATS_TLS_KEY_FILE", settings.nats_tls_key_file},
                                   Row{"MYSQL_TLS_CA_FILE", settings.mysql_tls_ca_file}}) {
    // One byte, since a directory opens but does not read.
    problems.Require(path.empty() || std::ifstream(path).get() != std::ifstream::traits_type::eof(),
                     std::string(name) + ": the file cannot be read or is empty");
  }
}

}  // namespace

std::vector<std::string> Check(const ServerSettings& settings, const std::string& prefix) {
  constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};
  Problems problems(prefix);
  problems.Require(
      std::find(kLogLevels.begin(), kLogLevels.end(), settings.log_level) != kLogLevels.end(),
      "LOG_LEVEL: must be debug, info, warning or error");
  CheckAuth(settings, problems);
  CheckGrpc(settings, problems);
  CheckNats(settings, problems);
  // Without a password no AUTH is sent, so the user would be the default one.
  problems.Require(settings.redis_user.empty() || !settings.redis_password.empty(),
                   "REDIS_PASSWORD: required with " + prefix + "_REDIS_USER");
  problems.Require(settings.redis_cluster || settings.redis_addr.size() <= 1,
                   "REDIS_ADDR: several addresses need " + prefix + "_REDIS_CLUSTER");
  CheckFiles(settings, problems);
  return problems.Take();
}

}  // namespace common::runtime
