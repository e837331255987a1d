// The daemons and platform_sim as processes of a test, beside the servers of libs/common/testing.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/common/testing/servers.h"

namespace story {

// A program of this build.
inline std::string Program(const std::string& name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}
inline std::string Local(int port) { return "127.0.0.1:" + std::to_string(port); }

class PlatformSim final : public common::testing::Server {
 public:
  PlatformSim() { Start(); }

 private:
  std::vector<std::string> Command() const override {
    return {Program("platform_sim"), "--port", std::to_string(port()), "--allow-loopback-http"};
  }
  std::string_view Question() const override { return "GET /sim/stats HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "200 OK"; }
};

// A daemon on the shared servers and a database of its own. Its port() is the admin port; it counts
// as started when it is ready.
class Daemon final : public common::testing::Server {
 public:
  // `name` is the program, `prefix` that of its settings, `settings` are NAME=value without prefix.
  Daemon(std::string name, std::string prefix, std::vector<std::string> settings)
      : name_(std::move(name)), prefix_(std::move(prefix)), settings_(std::move(settings)) {
    namespace servers = common::testing;
    using Maria = servers::MariaDbServer;
    for (std::string setting : {"NATS_URL=" + servers::SharedNats().url(),
                                "REDIS_ADDR=" + servers::SharedRedis().address(),
                                "MYSQL_ADDR=" + servers::SharedMariaDb().address(),
                                std::string("MYSQL_USER=") + Maria::user(),
                                std::string("MYSQL_PASSWORD=") + Maria::password(),
                                "MYSQL_DATABASE=" + servers::SharedMariaDb().CreateDatabase(),
                                "GRPC_ADDR=" + Local(grpc_port_), std::string("ENABLED=true")}) {
      settings_.push_back(std::move(setting));
    }
    Start();
  }

  std::string grpc_address() const { return Local(grpc_port_); }

 private:
  std::vector<std::string> Command() const override {
    std::vector<std::string> command = {"env"};
    for (const std::string& setting : settings_) command.push_back(prefix_ + "_" + setting);
    command.push_back(prefix_ + "_ADMIN_ADDR=" + address());
    command.push_back(Program(name_));
    command.push_back("--strict");
    return command;
  }
  std::string_view Question() const override { return "GET /readyz HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override { return "200 OK"; }

  const std::string name_;
  const std::string prefix_;
  std::vector<std::string> settings_;
  const int grpc_port_ = common::testing::FreePort();
};

}  // namespace story
