// How a service class declares its RPCs. It derives from Service, names each method that it handles
// once, and writes the handler as a plain blocking function:
//
//   class OrderRpc final : public common::rpc::Service {
//    public:
//     explicit OrderRpc(const Edge& edge) : Service(edge, v1::OrderService::service_full_name()) {
//       Handle("GetOrder", &OrderRpc::GetOrder);
//     }
//     absl::Status GetOrder(CallContext& call, const v1::GetOrderRequest& request, v1::Order& out);
//   };
//
// A method that streams its answer is named with HandleStream; see server_stream.h.
//
// Methods of the contract that nobody handles are served too: they pass the edge like the others
// and then answer NOT_IMPLEMENTED. gRPC hands over the bytes of a request, so that nothing is
// parsed for a caller without permission, and what cannot be parsed gets an answer that says why.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include "libs/common/rpc/edge.h"
#include "libs/common/rpc/server_stream.h"

namespace common::rpc {

// Of the last two a unary method gets the response, one that streams its answer the stream.
using Handler = std::function<absl::Status(CallContext&, const google::protobuf::Message& request,
                                           google::protobuf::Message& response,
                                           const std::shared_ptr<ServerStream>& stream)>;

// A method and who handles it.
struct Endpoint {
  std::unique_ptr<Method> method;
  Handler handler;
  const google::protobuf::Message* request = nullptr;  // empty ones, to be copied
  const google::protobuf::Message* response = nullptr;
};

class Service : public grpc::Service {
 public:
  const std::string& name() const { return name_; }

  // Before the server starts. FAILED_PRECONDITION when a method of the contract states no
  // permission, or when what is handled is not what the contract says.
  absl::Status ReadContract();

 protected:
  // `name`: the service's full name. `edge` outlives the service.
  Service(const Edge& edge, std::string_view name) : edge_(edge), name_(name) {}

  // In the constructor.
  template <class Self, class Request, class Response>
  void Handle(std::string_view method,
              absl::Status (Self::*handler)(CallContext&, const Request&, Response&)) {
    handled_.push_back({std::string(method), Request::descriptor(), Response::descriptor(), false,
                        [self = static_cast<Self*>(this), handler](
                            CallContext& call, const google::protobuf::Message& request,
                            google::protobuf::Message& response, const auto&) {
                          return (self->*handler)(call, static_cast<const Request&>(request),
                                                  static_cast<Response&>(response));
                        }});
  }
  // Likewise, for a method that streams Responses. The call stays open after the handler returned
  // OK, if it has opened the stream.
  template <class Response, class Self, class Request>
  void HandleStream(std::string_view method,
                    absl::Status (Self::*handler)(CallContext&, const Request&,
                                                  const std::shared_ptr<ServerStream>&)) {
    handled_.push_back({std::string(method), Request::descriptor(), Response::descriptor(), true,
                        [self = static_cast<Self*>(this), handler](
                            CallContext& call, const google::protobuf::Message& request,
                            google::protobuf::Message&, const auto& stream) {
                          return (self->*handler)(call, static_cast<const Request&>(request),
                                                  stream);
                        }});
  }

 private:
  struct Handled {
    std::string method;
    const google::protobuf::Descriptor* request;
    const google::protobuf::Descriptor* response;
    bool streams;
    Handler handler;
  };

  absl::StatusOr<Handler> HandlerOf(const Method& method);
  void Register(const Endpoint& endpoint, int index);

  const Edge& edge_;
  const std::string name_;
  std::vector<Handled> handled_;  // what ReadContract has not taken yet
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace common::rpc
