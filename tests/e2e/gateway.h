// The gateway of deploy/gateway as a process of a test: nginx as its container runs it.
#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_join.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include "libs/common/testing/certificates.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"

namespace story {

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The service configuration that docs/gateway.md tells clients to use.
inline std::string DocumentedRetries() {
  const std::string page = ReadAll("docs/gateway.md");
  const size_t begin = page.find("```json\n") + 8;
  return page.substr(begin, page.find("```", begin) - begin);
}

// Addresses of what is behind a gateway.
struct GatewayInstances {
  std::vector<std::string> stream_grpc = {};
  std::vector<std::string> stream_http = {};
  std::vector<std::string> streaming_grpc = {};
};

class Gateway final : public common::testing::Server {
 public:
  enum class Transport { kTls, kPlaintext };

  // `settings`: NAME=value, without the prefix GATEWAY_.
  explicit Gateway(const GatewayInstances& instances = {}, std::vector<std::string> settings = {},
                   Transport transport = Transport::kTls)
      : settings_(std::move(settings)), transport_(transport) {
    WriteInstances(instances);
    Start();
  }

  std::string url() const {
    return (transport_ == Transport::kTls ? "https://" : "http://") + address();
  }
  const std::string& ca_file() const { return authority_.certificate(); }

  // From now on these. Returns once new connections meet nginx processes that know of them.
  void Route(const GatewayInstances& instances) {
    const size_t before = CountInLog("gracefully shutting down");
    if (!WriteInstances(instances)) return;
    kill(pid(), SIGHUP);
    if (!common::testing::Eventually(
            [&] { return CountInLog("gracefully shutting down") >= before + kWorkers; })) {
      throw std::runtime_error("the gateway did not take the instances over: " + Log());
    }
  }

  // A connection of its own. With `retries`, calls are made again as docs/gateway.md says.
  std::shared_ptr<grpc::Channel> Channel(bool retries = false) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadAll(authority_.certificate());
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (retries) arguments.SetServiceConfigJSON(DocumentedRetries());
    return grpc::CreateCustomChannel(address(), grpc::SslCredentials(options), arguments);
  }

  // The access log and the error log.
  std::string Log() const { return ReadAll(directory() / "log"); }
  // All that it has written to disk, its logs among it.
  std::string Files() const {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory())) {
      if (entry.is_regular_file()) all += ReadAll(entry.path());
    }
    return all;
  }

 private:
  std::vector<std::string> Command() const override {
    std::vector<std::string> command = {"env",
                                        "GATEWAY_ADDR=" + address(),
                                        "GATEWAY_STATE=" + (directory() / "state").string(),
                                        "GATEWAY_INSTANCES_FILE=" + InstancesFile().string(),
                                        "GATEWAY_RESOLVE_SECONDS=60",  // told by SIGHUP
                                        "GATEWAY_DRAIN_SECONDS=3",
                                        "GATEWAY_WORKERS=" + std::to_string(kWorkers)};
    if (transport_ == Transport::kTls) {
      command.push_back("GATEWAY_TLS_CERT_FILE=" + own_.certificate);
      command.push_back("GATEWAY_TLS_KEY_FILE=" + own_.key);
    } else {
      command.push_back("GATEWAY_PLAINTEXT=true");
    }
    for (const std::string& setting : settings_) command.push_back("GATEWAY_" + setting);
    command.push_back("deploy/gateway/gateway.sh");
    return command;
  }
  // Over TLS this is an answer to plain HTTP.
  std::string_view Question() const override { return "GET /gateway/healthz HTTP/1.0\r\n\r\n"; }
  std::string_view Answer() const override {
    return transport_ == Transport::kTls ? "400 Bad Request" : "200 OK";
  }

  std::filesystem::path InstancesFile() const { return directory() / "instances"; }
  // Whether that changes anything.
  bool WriteInstances(const GatewayInstances& instances) {
    const std::string text =
        "GATEWAY_STREAM_GRPC=" + absl::StrJoin(instances.stream_grpc, ",") +
        "\nGATEWAY_STREAM_HTTP=" + absl::StrJoin(instances.stream_http, ",") +
        "\nGATEWAY_STREAMING_GRPC=" + absl::StrJoin(instances.streaming_grpc, ",") + "\n";
    if (ReadAll(InstancesFile()) == text) return false;
    const std::filesystem::path next = directory() / "instances.new";
    std::ofstream(next) << text;
    std::filesystem::rename(next, InstancesFile());
    return true;
  }
  size_t CountInLog(const std::string& text) const {
    const std::string log = Log();
    size_t count = 0;
    for (size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
  }

  static constexpr size_t kWorkers = 2;

  const std::vector<std::string> settings_;
  const Transport transport_;
  common::testing::Authority authority_;
  const common::testing::KeyPair own_ = authority_.Issue("DNS:localhost,IP:127.0.0.1");
};

}  // namespace story
