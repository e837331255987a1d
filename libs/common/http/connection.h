// One accepted socket and the coroutine that serves it. Internal to libs/common/http.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "libs/common/http/message.h"
#include "libs/common/http/server_core.h"
#include "libs/common/http/wiping.h"

namespace common::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `socket` must be on a strand of its own.
  // `core` outlives every coroutine, because its io_context owns them.
  Connection(boost::asio::ip::tcp::socket socket, ServerCore& core);
  ~Connection();

  // Serves requests until the peer, a limit or the server ends it.
  static boost::asio::awaitable<void> Run(std::shared_ptr<Connection> self);

  // Ends the wait for the next request, if that is what it is doing. Call on the strand.
  void CloseIfIdle();

  auto executor() { return stream_.get_executor(); }
  // Hands the handler's answer to the waiting coroutine. Call on the strand, once a request.
  void Resume(Response response);

 private:
  using Fields = boost::beast::http::basic_fields<WipingAllocator<char>>;
  using Parser =
      boost::beast::http::request_parser<boost::beast::http::buffer_body, WipingAllocator<char>>;
  using Clock = std::chrono::steady_clock;

  // What the header of a request led to: the route to take, or the answer without one.
  struct Decision {
    Router::Match match = {};
    std::optional<Response> refusal = {};
  };

  boost::asio::awaitable<bool> WaitForRequest(bool first);
  boost::asio::awaitable<bool> ServeOne(bool last);
  boost::asio::awaitable<int> ReadBody(Parser& parser, size_t limit);
  boost::asio::awaitable<Response> Handle(const Route& route);
  boost::asio::awaitable<bool> Write(Response response, bool keep_alive);
  boost::asio::awaitable<void> Linger();

  Decision Decide(const Parser& parser) const;
  bool FillRequest(const Parser& parser, const Router::Match& match);
  void Wipe();

  ServerCore& core_;
  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer answered_;  // never expires: cancelling it wakes the coroutine
  std::unique_ptr<char[]> storage_;
  boost::beast::flat_static_buffer_base buffer_;  // over storage_, so that it never reallocates
  WipedBytes body_;
  Request request_;
  std::optional<Response> response_;
  bool idle_ = false;
  bool unread_ = false;  // the last request was answered before all of it had come
};

}  // namespace common::http
