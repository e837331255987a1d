// The gRPC server of a daemon: limits stated, health and reflection served, drained on stop.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/base/time.h"
#include "libs/common/rpc/tls.h"

namespace common::rpc {

struct ServerOptions {
  std::string address;  // host:port; port 0 takes a free one
  bool reflection = true;
  int receive_bytes_max = 2 << 20;  // of one message; the contract allows 1 MiB fields
  TlsFiles tls;
};

class Server {
 public:
  // Serves `services`, which outlive the server. Every service starts as NOT_SERVING.
  // UNAVAILABLE when the address cannot be listened on, INVALID_ARGUMENT when the TLS files do not
  // serve.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services,
                                                       std::vector<std::string> service_names);
  ~Server();

  int port() const { return port_; }
  // What grpc.health.v1 answers, for the process and for each service.
  void SetServing(bool serving);
  // Refuses new calls, waits for those in flight up to `grace`, then cancels them.
  void Stop(Duration grace);

 private:
  Server() = default;

  std::vector<std::string> service_names_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace common::rpc
