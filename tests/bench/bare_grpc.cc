// The least that a gRPC server built with our library can do for a call: take its bytes and answer
// with some. /bench.Echo/<n> answers with n bytes. Callback API, as libs/common/rpc is.
//
//   bare_grpc PORT BYTES...
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/service_type.h>

namespace {

class Echo final : public grpc::Service {
 public:
  explicit Echo(std::vector<std::string> sizes) {
    for (const std::string& size : sizes) paths_.push_back("/bench.Echo/" + size);
    for (size_t i = 0; i < paths_.size(); ++i) Answer(i, std::stoul(sizes[i]));
  }

 private:
  using Handler = grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>;

  void Answer(size_t index, size_t bytes) {
    using grpc::internal::RpcMethod;
    AddMethod(new grpc::internal::RpcServiceMethod(paths_[index].c_str(), RpcMethod::NORMAL_RPC,
                                                   nullptr));
    MarkMethodRawCallback(
        index, new Handler([bytes](grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                   grpc::ByteBuffer* response) {
          const grpc::Slice answer(std::string(bytes, 'a'));
          *response = grpc::ByteBuffer(&answer, 1);
          auto* const reactor = context->DefaultReactor();
          reactor->Finish(grpc::Status::OK);
          return reactor;
        }));
  }

  std::vector<std::string> paths_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bare_grpc PORT BYTES...\n";
    return 2;
  }
  Echo echo(std::vector<std::string>(argv + 2, argv + argc));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::string(argv[1]), grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}
