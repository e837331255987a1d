// How a service class declares its RPCs. The class derives from Service<Generated>, names each
// method once with BANNOU_UNARY, and writes the handler as a plain blocking function:
//
//   class OrderRpc final : public common::rpc::Service<v1::OrderService> {
//    public:
//     BANNOU_UNARY(GetOrder, v1::GetOrderRequest, v1::Order)
//   };
//   absl::Status OrderRpc::GetOrder(CallContext& call, const …& request, …& response) { … }
#pragma once
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/errors/errors.h"
#include "libs/common/rpc/edge.h"

namespace common::rpc {

// Runs one call through the edge and says how it ended; logs failures and observes the metrics.
// `handler` is called when the call is admitted.
grpc::Status Serve(const Edge& edge, const Method& method,
                   const grpc::CallbackServerContext& context,
                   const google::protobuf::Message& request, Time arrived,
                   const std::function<absl::Status(CallContext&)>& handler);

// Answers a call that found the executor full.
grpc::Status Refuse(const Edge& edge, const Method& method, Time arrived);

// Owns one RPC until OnDone. Exactly one Finish on every path, always from the executor's thread or
// the constructor, so that Server::Shutdown never waits for a call that nobody ends.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const Edge& edge, const Method& method, grpc::CallbackServerContext* context,
            const google::protobuf::Message* request,
            std::function<absl::Status(CallContext&)> handler)
      : edge_(edge),
        method_(method),
        context_(*context),
        request_(*request),
        arrived_(Now()),
        handler_(std::move(handler)) {
    if (!edge_.executor().TrySubmit([this] { Work(); })) Finish(Refuse(edge_, method_, arrived_));
  }

 private:
  void Work() {
    if (cancelled_.load()) {
      Finish(grpc::Status::CANCELLED);
      return;
    }
    Finish(Serve(edge_, method_, context_, request_, arrived_, handler_));
  }
  void OnCancel() override { cancelled_.store(true); }
  void OnDone() override { delete this; }

  const Edge& edge_;
  const Method& method_;
  grpc::CallbackServerContext& context_;
  const google::protobuf::Message& request_;
  const Time arrived_;
  const std::function<absl::Status(CallContext&)> handler_;
  std::atomic<bool> cancelled_{false};
};

// A server-streaming call whose feature this version does not have: it passes the edge like any
// other, and then ends with the handler's status.
template <class Response>
class EndedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit EndedStream(grpc::Status status) { this->Finish(std::move(status)); }

 private:
  void OnDone() override { delete this; }
};

template <class Generated>
class Service : public Generated::CallbackService {
 public:
  static constexpr const char* Name() { return Generated::service_full_name(); }

  // Before the server starts. FAILED_PRECONDITION when a method states no permission.
  absl::Status ReadContract() {
    auto methods = edge_.Describe(Name());
    if (!methods.ok()) return methods.status();
    methods_ = *std::move(methods);
    return absl::OkStatus();
  }

 protected:
  explicit Service(const Edge& edge) : edge_(edge) {}

  // `name` is one of the generated service's; a handful, so a scan beats a map.
  const Method& MethodNamed(std::string_view name) const {
    for (const auto& method : methods_) {
      if (method->name() == name) return *method;
    }
    std::terminate();  // ReadContract was not called
  }

  const Edge& edge_;

 private:
  std::vector<std::unique_ptr<Method>> methods_;
};

}  // namespace common::rpc

// The override of the generated method, and the declaration of the handler that it calls.
#define BANNOU_UNARY(Name, Request, Response)                                                     \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const Request* request,    \
                                 Response* response) override {                                   \
    return new common::rpc::UnaryCall(edge_, MethodNamed(#Name), context, request,                \
                                      [this, request, response](common::rpc::CallContext& call) { \
                                        return Name(call, *request, *response);                   \
                                      });                                                         \
  }                                                                                               \
  absl::Status Name(common::rpc::CallContext& call, const Request& request, Response& response);

// An RPC of the contract that this version does not have: enforced like the others, then
// UNIMPLEMENTED with a text that says so.
#define BANNOU_UNARY_LATER(Name, Request, Response)                                            \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const Request* request, \
                                 Response*) override {                                         \
    return new common::rpc::UnaryCall(                                                         \
        edge_, MethodNamed(#Name), context, request, [](common::rpc::CallContext&) {           \
          return common::errors::Make(common::errors::kNotImplemented,                         \
                                      #Name " is not part of this version yet");               \
        });                                                                                    \
  }
#define BANNOU_STREAM_LATER(Name, Request, Response)                                            \
  grpc::ServerWriteReactor<Response>* Name(grpc::CallbackServerContext* context,                \
                                           const Request* request) override {                   \
    return new common::rpc::EndedStream<Response>(                                              \
        common::rpc::Serve(edge_, MethodNamed(#Name), *context, *request, common::Now(),        \
                           [](common::rpc::CallContext&) {                                      \
                             return common::errors::Make(common::errors::kNotImplemented, #Name \
                                                         " is not part of this version yet");   \
                           }));                                                                 \
  }
