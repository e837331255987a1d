#include "tests/bench/rpc_load.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "libs/common/testing/eventually.h"
#include "tests/bench/measure.h"

namespace bench {
namespace {

constexpr size_t kInFlight = 32;
constexpr size_t kConnections = 4;
constexpr std::chrono::seconds kTimeout{10};

using Stub = grpc::GenericStub;

// The connections to an address, kept for the next slice.
const std::vector<std::shared_ptr<Stub>>& StubsOf(const std::string& address) {
  static std::map<std::string, std::vector<std::shared_ptr<Stub>>> all;
  auto& stubs = all[address];
  while (stubs.size() < kConnections) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(std::make_shared<Stub>(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
  }
  return stubs;
}

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// One call after the other until told to stop.
class Chain {
 public:
  Chain(Stub& stub, const Target& target, const std::string& request, const std::atomic<bool>& stop)
      : stub_(stub), target_(target), request_(BufferOf(request)), stop_(stop) {
    Next();
  }

  size_t Await() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return done_; });
    Require(failure_.ok(), target_.method + ": " + failure_.error_message());
    return answered_;
  }
  std::string bytes() const {
    grpc::Slice slice;
    Require(response_.DumpToSingleSlice(&slice).ok(), "an answer has no bytes");
    return {slice.begin(), slice.end()};
  }

 private:
  void Next() {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + kTimeout);
    context_->AddMetadata("authorization", "Bearer " + target_.token);
    response_.Clear();
    stub_.UnaryCall(context_.get(), target_.method, {}, &request_, &response_,
                    [this](const grpc::Status& status) { End(status); });
  }
  void End(const grpc::Status& status) {
    answered_ += status.ok();
    if (status.ok() && !stop_) return Next();
    const std::lock_guard lock(mutex_);
    failure_ = status;
    done_ = true;
    ended_.notify_all();
  }

  Stub& stub_;
  const Target& target_;
  const grpc::ByteBuffer request_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer response_;
  size_t answered_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  grpc::Status failure_;
};

}  // namespace

std::string Answer(const Target& target) {
  const std::atomic<bool> stop{true};
  Chain chain(*StubsOf(target.address).front(), target, target.requests.front(), stop);
  chain.Await();
  return chain.bytes();
}

double CallsPerSecond(const Target& target, double seconds) {
  const auto& stubs = StubsOf(target.address);
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<Chain>> chains;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kInFlight; ++i) {
    chains.push_back(std::make_unique<Chain>(*stubs[i % stubs.size()], target,
                                             target.requests[i % target.requests.size()], stop));
  }
  Require(common::testing::Eventually([&] { return SecondsSince(begin) >= seconds; },
                                      std::chrono::hours(1)),
          "the clock stands still");
  stop = true;
  size_t answered = 0;
  for (const auto& chain : chains) answered += chain->Await();
  return static_cast<double>(answered) / SecondsSince(begin);
}

}  // namespace bench
