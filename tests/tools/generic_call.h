// One call of any method, by name and bytes. Knows gRPC and nothing else.
#pragma once
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace tools {

inline std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) throw std::runtime_error("an answer could not be read");
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// `path` is /package.Service/Method; each answer is handed over as it comes. One operation at a
// time on a queue of its own: a unary answer is a stream of length one.
inline grpc::Status GenericCall(const std::shared_ptr<grpc::Channel>& channel,
                                grpc::ClientContext* context, const std::string& path,
                                const std::string& request,
                                const std::function<void(const std::string&)>& on_answer) {
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto call = stub.PrepareCall(context, path, &queue);
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };

  call->StartCall(nullptr);
  if (done()) {
    const grpc::Slice slice(request);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    // A refused write means that the call has ended already; Finish says why.
    done();
    grpc::ByteBuffer answer;
    for (call->Read(&answer, nullptr); done(); call->Read(&answer, nullptr)) {
      on_answer(Flatten(answer));
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  done();
  return status;
}

}  // namespace tools
