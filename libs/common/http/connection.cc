#include "libs/common/http/connection.h"

#include <limits>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "libs/common/trace/trace.h"

namespace common::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

constexpr size_t kReadBytes = 8 * 1024;
// After an answer that leaves a body unread, this much of it is still taken in, for at most this
// long: closing at once would reset the connection and the peer would lose the answer.
constexpr size_t kLingerBytes = 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{1};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr int kNone = 0;  // no answer: the connection is gone or timed out

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

auto Into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

// The status that a failed read deserves, kNone when nobody is there to read it.
int StatusOf(const error_code& error) {
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) return 431;
  if (error == bhttp::error::body_limit || error == bhttp::error::need_buffer) return 413;
  if (error == bhttp::error::end_of_stream || error == bhttp::error::partial_message) return kNone;
  return error.category() == bhttp::make_error_code(bhttp::error::bad_value).category() ? 400
                                                                                        : kNone;
}

Response Overloaded(const ServerOptions& options) {
  Response response = ErrorResponse(503);
  response.headers.emplace_back("Retry-After", std::to_string(options.retry_after.count()));
  return response;
}

// In a trace of its own: what a stranger sends as `traceparent` is not taken over.
template <class Function>
std::invoke_result_t<Function, const Request&> Invoke(const Function& handler,
                                                      const Request& request) {
  const trace::Scope scope(trace::NewRoot());
  try {
    return handler(request);
  } catch (...) {
    return ErrorResponse(500);  // what() may quote the request, so nobody gets to see it
  }
}

// Brings exactly one answer back to a connection: the handler's, or 503 when the task that holds
// this is refused or dropped unrun.
class Reply {
 public:
  Reply(std::shared_ptr<ServerCore> core, std::shared_ptr<Connection> connection)
      : core_(std::move(core)), connection_(std::move(connection)) {}
  ~Reply() { Send(Overloaded(core_->options)); }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void Send(Response response) {
    if (!connection_) return;
    auto executor = connection_->executor();
    asio::post(executor,
               [connection = std::move(connection_), answer = std::move(response)]() mutable {
                 connection->Resume(std::move(answer));
               });
  }

 private:
  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, ServerCore& core)
    : core_(core),
      stream_(std::move(socket)),
      answered_(stream_.get_executor(), Clock::time_point::max()),
      storage_(std::make_unique<char[]>(core.options.max_header_bytes + kReadBytes)),
      buffer_(storage_.get(), core.options.max_header_bytes + kReadBytes) {}

Connection::~Connection() {
  buffer_.clear();
  Wipe();
  const std::lock_guard lock(core_.mutex);
  core_.connections.erase(this);
  if (core_.connections.empty()) core_.all_gone.notify_all();
}

asio::awaitable<void> Connection::Run(std::shared_ptr<Connection> self) {
  const int most = self->core_.options.max_requests_per_connection;
  for (int served = 1; served <= most; ++served) {
    if (!co_await self->WaitForRequest(served == 1)) break;
    if (!co_await self->ServeOne(served == most)) break;
  }
  error_code ignored;
  self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  if (self->unread_ || self->buffer_.size() > 0) co_await self->Linger();
}

void Connection::CloseIfIdle() {
  if (idle_) stream_.cancel();
}

void Connection::Resume(Response response) {
  response_ = std::move(response);
  answered_.cancel();
}

// False when the peer left, stayed silent too long, or the server is draining.
asio::awaitable<bool> Connection::WaitForRequest(bool first) {
  if (core_.draining) co_return false;
  if (buffer_.size() > 0) co_return true;  // a pipelined request is here already
  stream_.expires_after(first ? core_.options.header_timeout : core_.options.idle_timeout);
  error_code error;
  idle_ = true;
  const size_t size = co_await stream_.async_read_some(buffer_.prepare(kReadBytes), Into(error));
  idle_ = false;
  buffer_.commit(size);
  co_return !error;
}

// True when the connection can take another request.
asio::awaitable<bool> Connection::ServeOne(bool last) {
  const ServerOptions& options = core_.options;
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(options.max_header_bytes));
  parser.body_limit(std::numeric_limits<uint64_t>::max());  // each route has its own, see ReadBody
  stream_.expires_after(options.header_timeout);
  error_code error;
  co_await bhttp::async_read_header(stream_, buffer_, parser, Into(error));
  const auto start = Clock::now();

  Decision decision;
  bool keep_alive = false;
  if (error) {
    const int status = StatusOf(error);
    if (status == kNone) co_return false;
    decision.refusal = ErrorResponse(status);
  } else {
    decision = Decide(parser);
    keep_alive = parser.keep_alive() && (!decision.refusal || parser.is_done());
  }
  const Route* const route = decision.match.route;
  Response response;
  if (!decision.refusal) {
    const int status = co_await ReadBody(parser, route->max_body_bytes);
    if (status == kNone) co_return false;
    if (status != 200) {
      decision.refusal = ErrorResponse(status);
      keep_alive = false;
    } else if (!FillRequest(parser, decision.match)) {
      decision.refusal = ErrorResponse(400);
    }
  }
  if (decision.refusal) {
    // Where the next request begins after a malformed one is anybody's guess.
    keep_alive = keep_alive && decision.refusal->status != 400;
    response = *std::move(decision.refusal);
  } else {
    response = co_await Handle(*route);
  }
  if (route != nullptr && route->sensitive) Wipe();
  unread_ = error || !parser.is_done();

  const int status = response.status;
  keep_alive = keep_alive && !last && !core_.draining;
  const bool written = co_await Write(std::move(response), keep_alive);
  if (options.observe) {
    options.observe(
        {.route = route == nullptr ? std::string_view() : route->pattern,
         .status = status,
         .duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start)});
  }
  co_return written&& keep_alive;
}

Connection::Decision Connection::Decide(const Parser& parser) const {
  const auto& fields = parser.get();
  const std::string_view target = View(fields.target());
  // A transfer coding that we cannot take off, or two hosts, would let a proxy before us and this
  // server disagree about where a request ends or whom it is for.
  const bool unknown_framing =
      fields.count(bhttp::field::transfer_encoding) > 0 && !parser.chunked();
  const size_t hosts = fields.count(bhttp::field::host);
  if (unknown_framing || hosts > 1 || (hosts == 0 && fields.version() >= 11) ||
      !target.starts_with('/')) {
    return {.refusal = ErrorResponse(400)};
  }
  Decision decision;
  decision.match =
      core_.router.Find(View(fields.method_string()), target.substr(0, target.find('?')));
  const Route* const route = decision.match.route;
  if (route == nullptr) {
    decision.refusal = ErrorResponse(decision.match.allow.empty() ? 404 : 405);
    if (!decision.match.allow.empty()) {
      decision.refusal->headers.emplace_back("Allow", decision.match.allow);
    }
  } else if (parser.content_length_remaining().value_or(0) > route->max_body_bytes) {
    decision.refusal = ErrorResponse(413);
  } else if (fields.count(bhttp::field::expect) > 0 &&
             !EqualsIgnoringCase(View(fields[bhttp::field::expect]), "100-continue")) {
    decision.refusal = ErrorResponse(417);
  }
  return decision;
}

// 200 when the whole body is in body_, else the status to refuse with, or kNone.
asio::awaitable<int> Connection::ReadBody(Parser& parser, size_t limit) {
  body_.Wipe();
  if (parser.is_done()) co_return 200;
  stream_.expires_after(core_.options.body_timeout);
  error_code error;
  if (parser.get().count(bhttp::field::expect) > 0) {
    co_await asio::async_write(stream_, asio::buffer(kContinue), Into(error));
    if (error) co_return kNone;
  }
  // Nothing tells how long a chunked body will be, so its route's limit is taken at once.
  const size_t capacity = parser.content_length_remaining().value_or(limit);
  auto& target = parser.get().body();
  target.data = body_.Prepare(capacity);
  target.size = capacity;
  parser.body_limit(limit);
  co_await bhttp::async_read(stream_, buffer_, parser, Into(error));
  body_.SetSize(capacity - target.size);
  if (error == bhttp::error::buffer_overflow) co_return 400;  // chunk framing longer than a header
  co_return error ? StatusOf(error) : 200;
}

// False when the path parameter or the query is not decodable.
bool Connection::FillRequest(const Parser& parser, const Router::Match& match) {
  const auto& fields = parser.get();
  const std::string_view target = View(fields.target());
  const size_t question = target.find('?');
  auto parameter = UrlDecode(match.parameter, Plus::kLiteral);
  auto query = FormDecode(question == std::string_view::npos ? std::string_view()
                                                             : target.substr(question + 1));
  if (!parameter || !query) return false;
  request_.method = View(fields.method_string());
  request_.path = target.substr(0, question);
  request_.path_parameter = *std::move(parameter);
  request_.query = *std::move(query);
  request_.body = body_.view();
  request_.headers.clear();
  for (const auto& field : fields) {
    request_.headers.emplace_back(View(field.name_string()), View(field.value()));
  }
  return true;
}

asio::awaitable<Response> Connection::Handle(const Route& route) {
  if (route.run_inline) co_return Invoke(route.handler, request_);
  // Two threads that hand a request to each other cost more than many an answer.
  if (route.quick) {
    std::optional<Response> answer = Invoke(route.quick, request_);
    if (answer) co_return *std::move(answer);
  }
  response_.reset();
  auto reply = std::make_shared<Reply>(core_.shared_from_this(), shared_from_this());
  // A refusal needs no code of its own: it destroys the task, and with it the reply, which answers.
  static_cast<void>(core_.options.executor(
      [this, &route, reply = std::move(reply)] { reply->Send(Invoke(route.handler, request_)); }));
  error_code cancelled;
  while (!response_) co_await answered_.async_wait(Into(cancelled));
  co_return *std::move(response_);
}

asio::awaitable<bool> Connection::Write(Response response, bool keep_alive) {
  bhttp::response<bhttp::string_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  // RFC 9110 forbids a length where there can be no body.
  if (response.status != 204 && response.status != 304) {
    message.content_length(message.body().size());
  }
  stream_.expires_after(core_.options.write_timeout);
  error_code error;
  co_await bhttp::async_write(stream_, message, Into(error));
  co_return !error;
}

// Takes in some of what the peer still sends, without keeping it.
asio::awaitable<void> Connection::Linger() {
  error_code error;
  stream_.expires_after(kLingerTime);
  buffer_.clear();
  for (size_t taken = 0; !error && taken < kLingerBytes;) {
    taken +=
        co_await stream_.async_read_some(asio::buffer(storage_.get(), kReadBytes), Into(error));
  }
}

// Overwrites the body, the decoded query and every received byte that is not the next request's.
void Connection::Wipe() {
  body_.Wipe();
  for (auto& [name, value] : request_.query) OPENSSL_cleanse(value.data(), value.size());
  const auto unread = buffer_.data();
  const char* const begin = static_cast<const char*>(unread.data());
  const size_t before = unread.size() == 0 ? 0 : static_cast<size_t>(begin - storage_.get());
  OPENSSL_cleanse(storage_.get(), before);
  const size_t used = before + unread.size();
  OPENSSL_cleanse(storage_.get() + used, buffer_.max_size() - used);
}

}  // namespace common::http
