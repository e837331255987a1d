#include "tests/e2e/tripwire.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace story {
namespace {

constexpr size_t kReadMax = 64 * 1024;
constexpr int kBacklog = 128;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int NewSocket() {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) throw std::runtime_error("no socket for the wire");
  return made;
}

void SendAtOnce(int connection) {
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// False when the other side is gone.
bool WriteAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Empty at the end of the connection.
std::string ReadSome(int from) {
  std::array<char, kReadMax> buffer;
  for (;;) {
    const ssize_t size = recv(from, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    return size <= 0 ? std::string() : std::string(buffer.data(), static_cast<size_t>(size));
  }
}

bool IsReady(const pollfd& polled) { return (polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0; }

}  // namespace

Tripwire::Tripwire(const std::vector<Server>& servers) : wake_(eventfd(0, EFD_CLOEXEC)) {
  for (const Server& server : servers) {
    Listener listener{.socket = NewSocket(), .server = server};
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.socket, any, size) != 0 || listen(listener.socket, kBacklog) != 0 ||
        getsockname(listener.socket, any, &size) != 0) {
      throw std::runtime_error("the wire has no port");
    }
    listener.port = ntohs(address.sin_port);
    listeners_.push_back(listener);
  }
  thread_ = std::thread([this] { Run(); });
}

Tripwire::~Tripwire() {
  const uint64_t one = 1;
  if (write(wake_, &one, sizeof(one)) == sizeof(one)) thread_.join();
  for (const Listener& listener : listeners_) close(listener.socket);
  close(wake_);
}

std::string Tripwire::address(size_t server) const {
  return "127.0.0.1:" + std::to_string(listeners_.at(server).port);
}

void Tripwire::Arm(pid_t daemon, uint64_t n, Moment moment) {
  const std::lock_guard lock(mutex_);
  daemon_ = daemon;
  n_ = n;
  moment_ = moment;
  seen_ = {};
}

Tripwire::Seen Tripwire::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

Tripwire::Seen Tripwire::Disarm() {
  const std::lock_guard lock(mutex_);
  n_ = 0;
  const Seen seen = seen_;
  seen_ = {};
  return seen;
}

void Tripwire::Run() {
  for (bool going = true; going;) {
    std::vector<pollfd> polled = {{.fd = wake_, .events = POLLIN, .revents = 0}};
    for (const Listener& listener : listeners_) {
      polled.push_back({.fd = listener.socket, .events = POLLIN, .revents = 0});
    }
    const size_t first_line = polled.size();
    const size_t count = lines_.size();
    for (const Line& line : lines_) {
      polled.push_back({.fd = line.cut ? -1 : line.daemon, .events = POLLIN, .revents = 0});
      polled.push_back({.fd = line.server, .events = POLLIN, .revents = 0});
    }
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    going = polled[0].revents == 0;
    for (size_t i = 0; i < listeners_.size(); ++i) {
      if (IsReady(polled[1 + i])) Accept(i);
    }
    std::vector<size_t> over;
    for (size_t i = 0; i < count; ++i) {
      // The answer first: it may be that of a request before the one that trips.
      const bool server_goes = !IsReady(polled[first_line + 2 * i + 1]) || FromServer(lines_[i]);
      const bool daemon_goes =
          lines_[i].cut || !IsReady(polled[first_line + 2 * i]) || FromDaemon(lines_[i]);
      if (!server_goes || !daemon_goes) over.push_back(i);
    }
    for (auto i = over.rbegin(); i != over.rend(); ++i) {
      close(lines_[*i].daemon);
      close(lines_[*i].server);
      lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(*i));
    }
  }
  for (const Line& line : lines_) {
    close(line.daemon);
    close(line.server);
  }
}

void Tripwire::Accept(size_t listener) {
  const int daemon = accept4(listeners_[listener].socket, nullptr, nullptr, SOCK_CLOEXEC);
  if (daemon < 0) return;
  const int server = NewSocket();
  const sockaddr_in address = Loopback(listeners_[listener].server.port);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(server);
    close(daemon);
    return;
  }
  SendAtOnce(daemon);
  SendAtOnce(server);
  lines_.push_back({.daemon = daemon, .server = server, .listener = listener});
}

bool Tripwire::FromDaemon(Line& line) {
  const std::string request = ReadSome(line.daemon);
  if (request.empty()) {
    // As a kernel does for a process that is gone; the server may still be at work for it.
    line.cut = true;
    return shutdown(line.server, SHUT_WR) == 0;
  }
  const bool passes = Passes(line, request);
  const bool written = !passes || WriteAll(line.server, request);
  bool tripped = false;
  {
    const std::lock_guard lock(mutex_);
    tripped = std::exchange(cut_due_, false);
    if (tripped) kill(daemon_, SIGKILL);
  }
  if (tripped) CutAll();
  return written;
}

bool Tripwire::FromServer(Line& line) {
  const std::string answer = ReadSome(line.server);
  if (answer.empty()) return false;
  return line.cut || WriteAll(line.daemon, answer);
}

bool Tripwire::Passes(const Line& line, const std::string& request) {
  const std::lock_guard lock(mutex_);
  if (seen_.tripped) return false;
  if (n_ == 0) return true;
  if (request.find(listeners_[line.listener].server.mark) == std::string::npos) return true;
  if (++seen_.requests != n_) return true;
  seen_.tripped = true;
  cut_due_ = true;
  return moment_ == Moment::kAfter;
}

// The daemon is gone and says nothing more; its servers notice that.
void Tripwire::CutAll() {
  for (Line& line : lines_) {
    if (line.cut) continue;
    line.cut = true;
    shutdown(line.server, SHUT_WR);
  }
}

}  // namespace story
