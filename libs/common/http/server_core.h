// What a server and its connections share. Internal to libs/common/http.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

#include "libs/common/http/router.h"
#include "libs/common/http/server.h"

namespace common::http {

class Connection;

// Owned by the server and by every request that an executor still holds, so that a handler which
// outlives Stop answers into nothing instead of into freed memory.
struct ServerCore : std::enable_shared_from_this<ServerCore> {
  ServerCore(ServerOptions server_options, Router server_router)
      : options(std::move(server_options)),
        router(std::move(server_router)),
        io(options.io_threads),
        acceptor(boost::asio::make_strand(io)) {}

  const ServerOptions options;
  const Router router;
  uint16_t port = 0;  // written before the threads start
  std::atomic<bool> draining{false};

  std::mutex mutex;
  std::condition_variable all_gone;  // notified when `connections` becomes empty
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;

  std::vector<std::thread> threads;
  // Last, so that the coroutines it destroys still find everything above.
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor;
};

}  // namespace common::http
