// The answer of a server-streaming RPC: messages, for as long as the call stays open. Its handler
// says where they come from and returns; nobody's thread waits while there are none.
//
//   absl::Status WatchOrders(CallContext& call, const v1::WatchOrdersRequest& request,
//                            const std::shared_ptr<ServerStream>& stream) {
//     stream->Open([queue] { return queue->Take(); }, [queue] { queue->Forget(); });
//     return absl::OkStatus();
//   }
//   …
//   queue->Put(message); stream->Wake();
#pragma once
#include <functional>
#include <mutex>
#include <optional>

#include <absl/status/status.h>
#include <grpcpp/support/byte_buffer.h>

namespace common::rpc {

// Thread-safe. One message is on its way at a time; what waits meanwhile, and for how many, is up
// to the source.
class ServerStream {
 public:
  // The next message, serialized; nullopt when there is none now. Called by one thread at a time,
  // must not block and must not call the stream.
  using Source = std::function<std::optional<grpc::ByteBuffer>()>;
  // The call as gRPC has it. Each may call back before it returns.
  struct Wire {
    std::function<void()> begin;  // once, before the first write: tells the client that it is open
    std::function<void(const grpc::ByteBuffer&)> write;  // valid until OnWritten
    std::function<void(const absl::Status&)> finish;     // once, with no write under way
    std::function<void()> cancel;
  };

  explicit ServerStream(Wire wire) : wire_(std::move(wire)) {}

  // --- For the handler and whoever it gives the stream to. -------------------------------------
  // Once, before the handler returns OK; without it the call then ends with OK. `ended` is called
  // when the call is over, however it ended, and neither is called after that.
  void Open(Source source, std::function<void()> ended);
  // There may be something to send.
  void Wake();
  // Ends the call when the source has nothing more. The first status counts. No effect once the
  // call is over.
  void Close(const absl::Status& status);
  // Ends the call although a message may be stuck on its way: a client that reads nothing would
  // hold it until its connection ends. It will hardly see another status than CANCELLED.
  void Abort();

  // --- For the service. ------------------------------------------------------------------------
  // The handler has returned.
  void Begin();
  void OnWritten(bool ok);
  void OnCancelled();  // the client went away, or its deadline passed
  void OnDone();       // `wire` is gone

 private:
  void Pump();

  // gRPC may call back in the midst of a call to it, on the same thread.
  std::recursive_mutex mutex_;
  const Wire wire_;
  Source source_;
  std::function<void()> ended_;
  std::optional<absl::Status> close_;
  grpc::ByteBuffer message_;  // on its way
  bool begun_ = false;
  bool writing_ = false;
  bool lost_ = false;  // nothing more reaches the client
  bool finished_ = false;
  bool done_ = false;
};

}  // namespace common::rpc
