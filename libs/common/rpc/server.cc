#include "libs/common/rpc/server.h"

#include <grpc/health/v1/health.pb.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include "libs/common/base/status.h"

namespace common::rpc {
namespace {

constexpr int kConcurrentStreamsMax = 1000;  // a connection
constexpr int kMetadataBytesMax = 16 * 1024;
// For what all connections together may hold; beyond it gRPC refuses and cancels.
constexpr size_t kBufferBytesMax = 256 << 20;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// Clients may ping this often without data; more gets them GOAWAY too_many_pings.
constexpr int kClientPingMinMs = 10'000;
// Connections end by themselves so that a load balancer can spread them anew.
constexpr int kConnectionAgeMs = 30 * 60 * 1000;
constexpr int kConnectionAgeGraceMs = 60'000;
constexpr int kConnectionIdleMs = 15 * 60 * 1000;

void SetLimits(grpc::ServerBuilder& builder, const ServerOptions& options) {
  builder.SetMaxReceiveMessageSize(options.receive_bytes_max);
  builder.SetResourceQuota(grpc::ResourceQuota("server").Resize(kBufferBytesMax));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kConcurrentStreamsMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kClientPingMinMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGraceMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kConnectionIdleMs);
  // Two daemons on one port would each get half of the calls; refuse instead.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

// Whoever links gRPC's reflection gets it in every server; this takes it out again.
class NoReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      std::vector<std::string> service_names) {
  grpc::EnableDefaultHealthCheckService(true);
  // gRPC's health service registers no descriptor of its own; naming the generated one links it, so
  // that reflection can describe it.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options.tls));
  std::unique_ptr<Server> out(new Server);
  grpc::ServerBuilder builder;
  SetLimits(builder, options);
  if (!options.reflection) builder.SetOption(std::make_unique<NoReflection>());
  builder.AddListeningPort(options.address, credentials, &out->port_);
  for (grpc::Service* service : services) builder.RegisterService(service);
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr || out->port_ == 0) {
    return absl::UnavailableError("cannot listen on the gRPC address");
  }
  out->service_names_ = std::move(service_names);
  out->SetServing(false);
  return out;
}

Server::~Server() {
  if (server_ != nullptr) Stop(Duration::zero());
}

void Server::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus("", serving);
  for (const std::string& name : service_names_) health->SetServingStatus(name, serving);
}

void Server::Stop(Duration grace) {
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
}

}  // namespace common::rpc
