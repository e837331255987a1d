// A connection of the HTTP server, over a socket pair, with the routes of webhooks. Limits are
// smaller than the server's own, so that short inputs reach them.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/common/http/connection.h"
#include "tests/fuzz/target.h"

namespace {

namespace asio = boost::asio;
using common::http::Connection;
using common::http::Request;
using common::http::Response;
using common::http::Route;
using common::http::ServerCore;

constexpr size_t kMaxHeader = 1024;
constexpr size_t kMaxBody = 256;
constexpr size_t kMaxInput = 16 * 1024;

// What came of the bytes that a peer sent.
struct Outcome {
  std::vector<std::string> calls;  // of handlers
  std::vector<int> statuses;       // of answers
  std::string received;            // by the peer
};
Outcome* current = nullptr;

Response Handle(const Request& request) {
  FUZZ_CHECK(request.body.size() <= kMaxBody);
  FUZZ_CHECK(request.path.starts_with('/'));
  std::string call = std::string(request.method) + " " + std::string(request.path);
  call += " " + request.path_parameter;
  for (const auto& [name, value] : request.query) call += " " + name + "=" + value;
  size_t header_bytes = 0;
  for (const auto& [name, value] : request.headers) {
    header_bytes += name.size() + value.size();
    call += " " + std::string(name) + ":" + std::string(value);
  }
  FUZZ_CHECK(header_bytes <= kMaxHeader);
  current->calls.push_back(call + " " + std::string(request.body));
  return common::http::TextResponse(200, std::string(request.body));
}

std::vector<Route> Routes() {
  std::vector<Route> routes;
  const auto add = [&](const char* method, const char* pattern, size_t max_body_bytes) {
    routes.push_back({.method = method,
                      .pattern = pattern,
                      .handler = &Handle,
                      .max_body_bytes = max_body_bytes,
                      .sensitive = max_body_bytes > 0,
                      .run_inline = max_body_bytes == 0});
  };
  add("POST", "/t", kMaxBody);
  add("POST", "/t/{linkId}", kMaxBody);
  add("GET", "/y/{linkId}", kMaxBody);
  add("POST", "/y/{linkId}", kMaxBody);
  add("GET", "/healthz", 0);
  return routes;
}

ServerCore& Core() {
  static const auto core = [] {
    common::http::ServerOptions options;
    options.max_header_bytes = kMaxHeader;
    options.max_requests_per_connection = 20;
    options.executor = [](const std::function<void()>& task) {
      task();
      return true;
    };
    options.observe = [](const common::http::Served& served) {
      current->statuses.push_back(served.status);
    };
    return std::make_shared<ServerCore>(std::move(options),
                                        *common::http::Router::Create(Routes()));
  }();
  return *core;
}

class Peer {
 public:
  Peer() {
    int ends[2];
    FUZZ_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    end_ = ends[0];
    asio::ip::tcp::socket socket(asio::make_strand(Core().io));
    socket.assign(asio::ip::tcp::v4(), ends[1]);
    auto connection = std::make_shared<Connection>(std::move(socket), Core());
    Core().connections.emplace(connection.get(), connection);
    const auto executor = connection->executor();
    asio::co_spawn(executor, Connection::Run(std::move(connection)), asio::detached);
  }
  ~Peer() { ::close(end_); }

  void Send(std::string_view bytes) {
    while (!bytes.empty() && !closed_) {
      const ssize_t sent = ::send(end_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return;  // it may rightly have closed
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
      Step();
    }
  }

  // Nothing more comes, so that everything ends without a time-out.
  std::string Finish() {
    constexpr int kTriesMax = 10'000;
    ::shutdown(end_, SHUT_WR);
    int tries = 0;
    while (!closed_ && ++tries < kTriesMax) {
      if (Step()) tries = 0;
    }
    FUZZ_CHECK(closed_);
    do {
      Core().io.restart();
    } while (Core().io.poll() > 0);
    FUZZ_CHECK(Core().connections.empty());
    return std::move(received_);
  }

 private:
  // Lets the server do what it can; whether anything came of it.
  bool Step() {
    Core().io.restart();
    const bool ran = Core().io.poll() > 0;
    char chunk[4096];
    ssize_t size = 0;
    bool read = false;
    while ((size = ::recv(end_, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) {
      received_.append(chunk, static_cast<size_t>(size));
      read = true;
    }
    closed_ = size == 0 || errno == ECONNRESET;
    return ran || read;
  }

  int end_ = -1;
  bool closed_ = false;
  std::string received_;
};

Outcome Serve(std::string_view bytes, size_t piece) {
  Outcome outcome;
  current = &outcome;
  Peer peer;
  for (size_t at = 0; at < bytes.size(); at += piece) peer.Send(bytes.substr(at, piece));
  outcome.received = peer.Finish();
  return outcome;
}

// Equal, or ended by a refusal. What is wrong in more than one way, too long, malformed and cut off
// by the end, may be refused for any of them, or end without a word.
bool AreAlike(const Outcome& a, const Outcome& b) {
  if (a.calls != b.calls) return false;
  if (a.statuses == b.statuses) return a.received == b.received;
  const auto [at, bt] =
      std::mismatch(a.statuses.begin(), a.statuses.end(), b.statuses.begin(), b.statuses.end());
  const auto is_refusal = [](auto from, auto to) {
    return to - from <= 1 && std::all_of(from, to, [](int status) { return status >= 400; });
  };
  return is_refusal(at, a.statuses.end()) && is_refusal(bt, b.statuses.end());
}

}  // namespace

FUZZ_TARGET(http, bytes) {
  bytes = bytes.substr(0, kMaxInput);
  const Outcome whole = Serve(bytes, kMaxInput);
  FUZZ_CHECK(whole.received.empty() || whole.received.starts_with("HTTP/1.1 "));
  FUZZ_CHECK(whole.calls.size() <= whole.statuses.size());
  // Nothing after what is malformed is taken for a request.
  const auto malformed = std::find(whole.statuses.begin(), whole.statuses.end(), 400);
  FUZZ_CHECK(whole.statuses.end() - malformed <= 1);
  // The network cuts a stream wherever it likes: nobody may see another request by that.
  FUZZ_CHECK(AreAlike(whole, Serve(bytes, 1 + bytes.size() / 32)));
}
