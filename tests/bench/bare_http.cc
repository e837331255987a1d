// The least that a Boost.Beast server can do for a webhook: read the request, answer 204. Laid out
// as libs/common/http is: one io thread, a coroutine and a strand for each connection, deadlines.
//
//   bare_http PORT
#include <iostream>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds kTimeout{10};

auto Into(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

asio::awaitable<void> Serve(asio::ip::tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  error_code error;
  for (bool keep_alive = true; keep_alive;) {
    http::request<http::string_body> request;
    stream.expires_after(kTimeout);
    co_await http::async_read(stream, buffer, request, Into(error));
    if (error) co_return;
    http::response<http::empty_body> response{http::status::no_content, request.version()};
    keep_alive = request.keep_alive();
    response.keep_alive(keep_alive);
    stream.expires_after(kTimeout);
    co_await http::async_write(stream, response, Into(error));
    if (error) co_return;
  }
}

asio::awaitable<void> Accept(asio::io_context& io, uint16_t port) {
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), port});
  for (;;) {
    asio::ip::tcp::socket socket(asio::make_strand(io));
    error_code error;
    co_await acceptor.async_accept(socket, Into(error));
    if (error) continue;
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, Serve(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bare_http PORT\n";
    return 2;
  }
  asio::io_context io(1);
  asio::co_spawn(io, Accept(io, static_cast<uint16_t>(std::stoi(argv[1]))), asio::detached);
  io.run();
  return 0;
}
