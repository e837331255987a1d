#include "libs/common/http/server.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/common/http/connection.h"
#include "libs/common/http/server_core.h"

namespace common::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{50};  // when the process is out of descriptors

// Answers without reading and without waiting: whoever comes over the limit costs us no memory.
void RefuseAtTheDoor(tcp::socket& socket, const ServerOptions& options) {
  const std::string body = ErrorResponse(503).body;
  const std::string answer =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: " +
      std::to_string(options.retry_after.count()) +
      "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Admit(tcp::socket socket, ServerCore& core) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const auto connection = std::make_shared<Connection>(std::move(socket), core);
  {
    const std::lock_guard lock(core.mutex);
    core.connections.emplace(connection.get(), connection);
  }
  asio::co_spawn(connection->executor(), Connection::Run(connection), asio::detached);
}

asio::awaitable<void> Accept(ServerCore& core) {
  asio::steady_timer pause(core.io);
  while (!core.draining) {
    tcp::socket socket(asio::make_strand(core.io));
    error_code error;
    co_await core.acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (core.draining) co_return;
    if (error) {
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    size_t open = 0;
    {
      const std::lock_guard lock(core.mutex);
      open = core.connections.size();
    }
    if (open < core.options.max_connections) {
      Admit(std::move(socket), core);
    } else {
      RefuseAtTheDoor(socket, core.options);
    }
  }
}

error_code Listen(ServerCore& core) {
  error_code error;
  const auto address = asio::ip::make_address(core.options.address, error);
  if (error) return error;
  const tcp::endpoint endpoint(address, core.options.port);
  core.acceptor.open(endpoint.protocol(), error);
  if (!error) core.acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) core.acceptor.bind(endpoint, error);
  if (!error) core.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) core.port = core.acceptor.local_endpoint(error).port();
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options,
                                                      std::vector<Route> routes) {
  const bool needs_executor = std::any_of(routes.begin(), routes.end(),
                                          [](const Route& route) { return !route.run_inline; });
  if (options.io_threads < 1 || (needs_executor && !options.executor)) {
    return absl::InvalidArgumentError("the HTTP server needs io threads and an executor");
  }
  auto router = Router::Create(std::move(routes));
  if (!router.ok()) return router.status();
  auto core = std::make_shared<ServerCore>(std::move(options), *std::move(router));
  if (const error_code error = Listen(*core)) {
    return error == asio::error::invalid_argument
               ? absl::InvalidArgumentError("the HTTP address is not an IP address")
               : absl::UnavailableError("cannot bind the HTTP address");
  }
  // On a strand, because Stop closes the acceptor from outside.
  asio::co_spawn(core->acceptor.get_executor(), Accept(*core), asio::detached);
  for (int i = 0; i < core->options.io_threads; ++i) {
    core->threads.emplace_back([io = &core->io] { io->run(); });
  }
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::~Server() { Stop(std::chrono::milliseconds(0)); }

uint16_t Server::port() const { return core_->port; }

size_t Server::connections() const {
  const std::lock_guard lock(core_->mutex);
  return core_->connections.size();
}

bool Server::Stop(std::chrono::milliseconds grace) {
  core_->draining = true;
  asio::post(core_->acceptor.get_executor(), [core = core_.get()] {
    error_code ignored;
    core->acceptor.close(ignored);
  });
  std::vector<std::shared_ptr<Connection>> open;  // released outside the lock, which they may need
  {
    const std::lock_guard lock(core_->mutex);
    for (const auto& [unused, connection] : core_->connections) open.push_back(connection.lock());
  }
  for (auto& connection : open) {
    if (!connection) continue;
    const auto executor = connection->executor();
    asio::post(executor, [held = std::move(connection)] { held->CloseIfIdle(); });
  }
  bool drained = false;
  {
    std::unique_lock lock(core_->mutex);
    drained = core_->all_gone.wait_for(lock, grace, [this] { return core_->connections.empty(); });
  }
  core_->io.stop();
  for (std::thread& thread : core_->threads) {
    if (thread.joinable()) thread.join();
  }
  return drained;
}

}  // namespace common::http
