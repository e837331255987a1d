// Many calls of one RPC at once, counted by how they were answered.
#pragma once
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/rpc/method.h"
#include "tests/story/wire.h"

namespace story {

class Load {
 public:
  // `method`: "/package.Service/Method"; an empty token sends none.
  Load(const std::string& address, std::string method, std::string token,
       const google::protobuf::Message& request)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        method_(std::move(method)),
        token_(std::move(token)) {
    const grpc::Slice slice(request.SerializeAsString());
    request_ = grpc::ByteBuffer(&slice, 1);
  }
  ~Load() { Await(); }

  void Start(std::chrono::milliseconds deadline) {
    const std::lock_guard lock(mutex_);
    Pending& call = pending_.emplace_back();
    call.place = std::prev(pending_.end());
    call.context.set_deadline(std::chrono::system_clock::now() + deadline);
    if (!token_.empty()) call.context.AddMetadata("authorization", "Bearer " + token_);
    stub_.UnaryCall(&call.context, method_, {}, &request_, &call.response,
                    [this, &call](const grpc::Status& status) { Finish(call, status); });
  }

  // Waits until at most `calls` have no answer yet.
  void Await(size_t calls = 0) {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return pending_.size() <= calls; });
  }

  // "OK", or "CODE REASON", to how often. What never reached a daemon has no reason.
  std::map<std::string, int> Answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  struct Pending {
    std::list<Pending>::iterator place;
    grpc::ClientContext context;
    grpc::ByteBuffer response;
  };

  static std::string NameOf(const grpc::Status& status) {
    if (status.ok()) return "OK";
    return std::string(common::rpc::CodeName(status.error_code())) + " " + ReasonOf(status);
  }
  void Finish(Pending& call, const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    ++answers_[NameOf(status)];
    pending_.erase(call.place);
    answered_.notify_all();
  }

  grpc::GenericStub stub_;
  const std::string method_;
  const std::string token_;
  grpc::ByteBuffer request_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::list<Pending> pending_;
  std::map<std::string, int> answers_;
};

}  // namespace story
