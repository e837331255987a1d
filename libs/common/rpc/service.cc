#include "libs/common/rpc/service.h"

#include <algorithm>
#include <atomic>

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/log/log.h"
#include "libs/common/trace/trace.h"

namespace common::rpc {
namespace {

using google::protobuf::Message;

constexpr Duration kRetryAfterOverload = std::chrono::milliseconds(200);
constexpr Duration kRetryAfterDrain = std::chrono::milliseconds(100);

trace::Context TraceOf(const grpc::CallbackServerContext& context) {
  const auto& headers = context.client_metadata();
  const auto found = headers.find("traceparent");
  if (found != headers.end()) {
    if (const auto parent = trace::Parse({found->second.data(), found->second.size()})) {
      return trace::ChildOf(*parent);
    }
  }
  return trace::NewRoot();
}

// A flood of calls must not become a flood of lines: what is refused for its number is counted
// only.
log::Level LevelOf(const absl::Status& status) {
  for (const auto* refusal : {&errors::kOverloaded, &errors::kRateLimited, &errors::kDraining}) {
    if (errors::Is(status, *refusal)) return log::Level::kDebug;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return log::Level::kDebug;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return log::Level::kWarning;
    default:
      return log::Level::kInfo;
  }
}

// No exception may leave a reaction: gRPC would turn it into a hang or a wrong code.
absl::Status CallHandler(const Handler& handler, CallContext& call, const Message& request,
                         Message& response, const std::shared_ptr<ServerStream>& stream) {
  const DeadlineScope deadline(call.deadline - Now());
  try {
    return handler(call, request, response, stream);
  } catch (...) {
    return errors::Make(errors::kInternal, "internal error");
  }
}

bool Serialize(const Message& message, grpc::ByteBuffer& out) {
  bool own = false;
  return grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, &out, &own).ok();
}

// One call on its way through the edge.
class Call {
 public:
  Call(const Edge& edge, const Endpoint& endpoint, const grpc::CallbackServerContext& context,
       const grpc::ByteBuffer& request)
      : edge_(edge),
        endpoint_(endpoint),
        context_(context),
        request_(request),
        trace_(TraceOf(context)) {
    endpoint_.method->ObserveStart();
  }

  // Runs the handler, if the call gets that far, and fills `response`.
  grpc::Status Run(grpc::ByteBuffer& response) const {
    const trace::Scope scope(trace_);
    return End(Answer(response));
  }

  // Runs the handler, if the call gets that far; OK leaves the stream as the handler did.
  absl::Status Open(const std::shared_ptr<ServerStream>& stream) const {
    const trace::Scope scope(trace_);
    const std::unique_ptr<Message> unused(endpoint_.response->New());
    return Handle(*unused, stream);
  }

  // Answers the call, if it never ran from gRPC's own thread.
  grpc::Status End(const absl::Status& status) const {
    const trace::Scope scope(trace_);
    grpc::Status answer = errors::ToGrpc(status, edge_.domain());
    const Duration duration = Now() - arrived_;
    endpoint_.method->ObserveEnd(answer.error_code(), duration);
    log::Write(LevelOf(status), "rpc.handled",
               {{"rpc", endpoint_.method->full_name()},
                {"code", CodeName(answer.error_code())},
                {"reason", errors::ReasonOf(status).value_or("")},
                {"duration_ms", static_cast<double>(duration.count()) / 1e3}});
    return answer;
  }

 private:
  absl::Status Handle(Message& answer, const std::shared_ptr<ServerStream>& stream) const {
    ASSIGN_OR_RETURN(CallContext call, edge_.Admit(*endpoint_.method, context_));
    const std::unique_ptr<Message> request(endpoint_.request->New());
    RETURN_IF_ERROR(edge_.Read(*endpoint_.method, call.identity, request_, *request));
    return CallHandler(endpoint_.handler, call, *request, answer, stream);
  }

  absl::Status Answer(grpc::ByteBuffer& response) const {
    const std::unique_ptr<Message> answer(endpoint_.response->New());
    RETURN_IF_ERROR(Handle(*answer, nullptr));
    if (!Serialize(*answer, response)) {
      return errors::Make(errors::kInternal, "the answer cannot be serialized");
    }
    return absl::OkStatus();
  }

  const Edge& edge_;
  const Endpoint& endpoint_;
  const grpc::CallbackServerContext& context_;
  const grpc::ByteBuffer& request_;
  const trace::Context trace_;
  const Time arrived_ = Now();
};

// Counts a call in and puts it on the executor. Why not, if it cannot.
absl::Status Enqueue(const Edge& edge, bool& entered, std::function<void()> work) {
  entered = edge.Enter();
  if (!entered) {
    return errors::MakeRetryable(errors::kDraining, "the instance is shutting down",
                                 kRetryAfterDrain);
  }
  if (edge.executor().TrySubmit(std::move(work))) return absl::OkStatus();
  return errors::MakeRetryable(errors::kOverloaded, "the server is at capacity",
                               kRetryAfterOverload);
}

absl::Status Cancelled() { return errors::Make(errors::kCancelled, errors::kCancelled.meaning); }

// Owns one unary RPC until OnDone. Exactly one Finish on every path, always from the executor's
// thread or the constructor, so that Server::Shutdown never waits for a call that nobody ends.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(const Edge& edge, const Endpoint& endpoint,
               const grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
               grpc::ByteBuffer& response)
      : edge_(edge), call_(edge, endpoint, context, request), response_(response) {
    const absl::Status status = Enqueue(edge_, entered_, [this] { Work(); });
    if (!status.ok()) Finish(call_.End(status));
  }

 private:
  void Work() { Finish(cancelled_ ? call_.End(Cancelled()) : call_.Run(response_)); }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    if (entered_) edge_.Leave();
    delete this;
  }

  const Edge& edge_;
  const Call call_;
  grpc::ByteBuffer& response_;
  bool entered_ = false;
  std::atomic<bool> cancelled_{false};
};

// Owns one RPC that streams its answer until OnDone. Its stream sees to it that there is exactly
// one Finish.
class StreamReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  StreamReactor(const Edge& edge, const Endpoint& endpoint, grpc::CallbackServerContext& context,
                const grpc::ByteBuffer& request)
      : edge_(edge),
        call_(edge, endpoint, context, request),
        stream_(std::make_shared<ServerStream>(ServerStream::Wire{
            .begin = [this] { StartSendInitialMetadata(); },
            .write = [this](const grpc::ByteBuffer& message) { StartWrite(&message); },
            .finish = [this](const absl::Status& status) { Finish(call_.End(status)); },
            .cancel = [&context] { context.TryCancel(); }})) {
    const absl::Status status = Enqueue(edge_, entered_, [this] { Work(); });
    if (!status.ok()) Begin(status);
  }

 private:
  void Work() { Begin(cancelled_ ? Cancelled() : call_.Open(stream_)); }
  // Whoever calls the stream keeps it: gRPC may say in the midst of it that the call is over.
  void Begin(const absl::Status& status) {
    const auto stream = stream_;
    if (!status.ok()) stream->Close(status);
    stream->Begin();
  }
  void OnWriteDone(bool ok) override {
    const auto stream = stream_;
    stream->OnWritten(ok);
  }
  void OnCancel() override {
    cancelled_ = true;
    const auto stream = stream_;
    stream->OnCancelled();
  }
  void OnDone() override {
    stream_->OnDone();
    if (entered_) edge_.Leave();
    delete this;
  }

  const Edge& edge_;
  const Call call_;
  const std::shared_ptr<ServerStream> stream_;
  bool entered_ = false;
  std::atomic<bool> cancelled_{false};
};

absl::Status NotImplemented(const CallContext&, const Message&, const Message&,
                            const std::shared_ptr<ServerStream>&) {
  return errors::Make(errors::kNotImplemented, "this version does not have the feature yet");
}

}  // namespace

absl::Status Service::ReadContract() {
  ASSIGN_OR_RETURN(auto methods, edge_.Describe(name_));
  for (auto& method : methods) {
    ASSIGN_OR_RETURN(Handler handler, HandlerOf(*method));
    auto* factory = google::protobuf::MessageFactory::generated_factory();
    const auto& descriptor = method->descriptor();
    endpoints_.push_back(std::make_unique<Endpoint>(
        Endpoint{.method = std::move(method),
                 .handler = std::move(handler),
                 .request = factory->GetPrototype(descriptor.input_type()),
                 .response = factory->GetPrototype(descriptor.output_type())}));
    Register(*endpoints_.back(), descriptor.index());
  }
  if (handled_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(name_ + " has no method " + handled_.front().method);
}

absl::StatusOr<Handler> Service::HandlerOf(const Method& method) {
  const auto& descriptor = method.descriptor();
  const auto found = std::find_if(handled_.begin(), handled_.end(), [&](const Handled& handled) {
    return handled.method == descriptor.name();
  });
  if (found == handled_.end()) return NotImplemented;
  if (found->request != descriptor.input_type() || found->response != descriptor.output_type() ||
      found->streams != descriptor.server_streaming()) {
    return absl::FailedPreconditionError(method.full_name() + " is handled with other types");
  }
  Handler handler = std::move(found->handler);
  handled_.erase(found);
  return handler;
}

// What gRPC's generated services do in their constructors, with bytes in place of messages.
void Service::Register(const Endpoint& endpoint, int index) {
  using grpc::internal::RpcMethod;
  const bool streams = endpoint.method->descriptor().server_streaming();
  AddMethod(new grpc::internal::RpcServiceMethod(
      endpoint.method->path().c_str(),
      streams ? RpcMethod::SERVER_STREAMING : RpcMethod::NORMAL_RPC, nullptr));
  if (streams) {
    using Stream = grpc::ServerWriteReactor<grpc::ByteBuffer>;
    MarkMethodRawCallback(
        index,
        new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [this, &endpoint](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request)
                -> Stream* { return new StreamReactor(edge_, endpoint, *context, *request); }));
  } else {
    using Unary = grpc::ServerUnaryReactor;
    MarkMethodRawCallback(
        index,
        new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [this, &endpoint](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                              grpc::ByteBuffer* response) -> Unary* {
              return new UnaryReactor(edge_, endpoint, *context, *request, *response);
            }));
  }
}

}  // namespace common::rpc
