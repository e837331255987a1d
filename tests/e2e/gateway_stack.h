// Instances of both daemons behind a gateway, and a Twitch that calls them there.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/gateway.h"
#include "tests/story/contract.h"
#include "tests/story/processes.h"
#include "tests/story/wire.h"
#include "tests/tools/generic_call.h"

namespace story {

// Calls through a channel, as whoever holds a token.
class SecureWire {
 public:
  explicit SecureWire(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}

  // `headers` go along; `answered` receives those of the answer. A stream ends after its first
  // message.
  Answer Call(const std::string& path, const std::string& bytes, const std::string& authorization,
              const std::multimap<std::string, std::string>& headers = {},
              std::multimap<std::string, std::string>* answered = nullptr) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    for (const auto& [name, value] : headers) context.AddMetadata(name, value);
    const bool streams = path.ends_with("/WatchStreamSession");
    Answer answer;
    answer.status =
        tools::GenericCall(channel_, &context, path, bytes, [&](const std::string& message) {
          answer.messages.push_back(message);
          if (streams) context.TryCancel();
        });
    if (streams && !answer.messages.empty()) answer.status = grpc::Status::OK;
    if (answered != nullptr) {
      for (const auto* metadata :
           {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()}) {
        for (const auto& [name, value] : *metadata) {
          answered->emplace(std::string(name.data(), name.size()),
                            std::string(value.data(), value.size()));
        }
      }
    }
    return answer;
  }
  Answer Call(const google::protobuf::MethodDescriptor& method, const std::string& bytes,
              const std::string& authorization) const {
    return Call(PathOf(method), bytes, authorization);
  }
  // The method that takes requests of this type.
  Answer Call(const google::protobuf::Message& request, const std::string& authorization) const {
    for (const google::protobuf::MethodDescriptor* method : ContractMethods()) {
      if (method->input_type() == request.GetDescriptor()) {
        return Call(*method, request.SerializeAsString(), authorization);
      }
    }
    throw std::runtime_error("no method takes a " + request.GetTypeName());
  }
  static std::string PathOf(const google::protobuf::MethodDescriptor& method) {
    return "/" + method.service()->full_name() + "/" + method.name();
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

class GatewayStack {
 public:
  struct Instance {
    std::string http_address = {};  // of `stream`
    std::unique_ptr<Daemon> daemon = nullptr;
    bool routed = true;
  };

  // Two instances of each daemon. Settings as in Daemon.
  explicit GatewayStack(std::vector<std::string> stream_settings = {},
                        std::vector<std::string> streaming_settings = {})
      : stream_settings_(std::move(stream_settings)),
        streaming_settings_(std::move(streaming_settings)),
        sim_(gateway_.ca_file()) {
    for (int i = 0; i < 2; ++i) {
      AddStream();
      AddStreaming();
    }
    Route();
    const nlohmann::json app{{"client_id", PlatformSide::kClientId},
                             {"client_secret", PlatformSide::kClientSecret},
                             {"redirects", {gateway_.url() + "/stream/oauth/callback/twitch"}}};
    if (Sim("/sim/apps", app).status != 201) throw std::runtime_error("platform_sim: no app");
  }

  Gateway& gateway() { return gateway_; }
  std::list<Instance>& streams() { return streams_; }
  std::list<Instance>& streamings() { return streamings_; }

  // Started, and not yet told to the gateway.
  Instance& AddStream() {
    const std::string http = Local(common::testing::FreePort());
    std::vector<std::string> settings = {
        "HTTP_ADDR=" + http,
        "PUBLIC_URL=" + gateway_.url(),
        "TWITCH_ID_URL=http://" + sim_.address(),
        "TWITCH_API_URL=http://" + sim_.address(),
        std::string("TWITCH_CLIENT_ID=") + PlatformSide::kClientId,
        std::string("TWITCH_CLIENT_SECRET=") + PlatformSide::kClientSecret,
        std::string("TWITCH_WEBHOOK_SECRET=") + PlatformSide::kWebhookSecret,
        "TOKEN_ENCRYPTION_KEY=" + common::crypto::Base64Encode(PlatformSide::kEncryptionKey)};
    Instance& instance = Add(streams_, "stream", "STREAM", std::move(settings), stream_settings_);
    instance.http_address = http;
    return instance;
  }
  Instance& AddStreaming() {
    return Add(streamings_, "streaming", "STREAMING", {}, streaming_settings_);
  }
  // Tells the gateway of those that are routed.
  void Route() {
    GatewayInstances instances;
    for (const Instance& instance : streams_) {
      if (!instance.routed) continue;
      instances.stream_grpc.push_back(instance.daemon->grpc_address());
      instances.stream_http.push_back(instance.http_address);
    }
    for (const Instance& instance : streamings_) {
      if (instance.routed) instances.streaming_grpc.push_back(instance.daemon->grpc_address());
    }
    gateway_.Route(instances);
  }
  // The last of them goes for good. Returns what it ended with.
  int TakeAway(std::list<Instance>& instances) {
    instances.back().routed = false;
    Route();
    instances.back().daemon->Stop();
    const int exit_code = instances.back().daemon->exit_code();
    instances.pop_back();
    return exit_code;
  }
  // As docs/gateway.md has it: out of the list, stopped, started, back in the list.
  void Restart(Instance& instance) {
    instance.routed = false;
    Route();
    instance.daemon->Stop();
    instance.daemon->Start();
    instance.routed = true;
    Route();
  }

  // Whoever trusts the gateway's authority.
  common::http::Client Browser() const {
    return common::http::Client({.ca_file = gateway_.ca_file()});
  }
  common::http::Response Sim(const std::string& path, const nlohmann::json& body) const {
    return common::http::Client()
        .Send({.method = "POST",
               .url = "http://" + sim_.address() + path,
               .headers = {{"Content-Type", "application/json"}},
               .body = body.dump()})
        .value();
  }
  nlohmann::json AskSim(const std::string& path) const {
    return nlohmann::json::parse(
        common::http::Client().Send({.url = "http://" + sim_.address() + path}).value().body);
  }

 private:
  // A Twitch whose callbacks go to the gateway over TLS.
  class TwitchSim final : public common::testing::Server {
   public:
    explicit TwitchSim(std::string ca_file) : ca_file_(std::move(ca_file)) { Start(); }

   private:
    std::vector<std::string> Command() const override {
      return {Program("platform_sim"), "--port",        std::to_string(port()),
              "--allow-loopback-http", "--callback-ca", ca_file_};
    }
    std::string_view Question() const override { return "GET /sim/stats HTTP/1.0\r\n\r\n"; }
    std::string_view Answer() const override { return "200 OK"; }

    const std::string ca_file_;
  };

  static Instance& Add(std::list<Instance>& all, const char* name, const char* prefix,
                       std::vector<std::string> settings, const std::vector<std::string>& more) {
    settings.insert(settings.end(), more.begin(), more.end());
    if (!all.empty()) settings.push_back("MYSQL_DATABASE=" + all.front().daemon->database());
    all.push_back({.daemon = std::make_unique<Daemon>(name, prefix, settings)});
    return all.back();
  }

  const std::vector<std::string> stream_settings_;
  const std::vector<std::string> streaming_settings_;
  Gateway gateway_;
  const TwitchSim sim_;
  std::list<Instance> streams_;
  std::list<Instance> streamings_;
};

}  // namespace story
