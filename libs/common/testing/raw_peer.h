// An impolite HTTP client: one plain socket to a port of this machine, and bytes.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace common::testing {

// Reads give up after `patience`, so that a silent server fails a test.
class RawPeer {
 public:
  explicit RawPeer(uint16_t port,
                   std::chrono::milliseconds patience = std::chrono::milliseconds(10'000))
      : patience_(patience), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawPeer() { ::close(socket_); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  bool connected() const { return connected_; }

  void Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server may rightly have closed
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // Nothing more will come from us.
  void Finish() { ::shutdown(socket_, SHUT_WR); }

  // Reads until `end` has been seen; what came so far when the server closed or fell silent.
  std::string ReadUntil(std::string_view end) {
    while (received_.find(end) == std::string::npos && ReadSome()) {
    }
    const size_t at = received_.find(end);
    const size_t size = at == std::string::npos ? received_.size() : at + end.size();
    std::string out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }

  std::string ReadAll() {
    while (ReadSome()) {
    }
    return std::exchange(received_, {});
  }

  // One answer: header and as many bytes as its Content-Length says.
  std::string ReadAnswer() {
    std::string out = ReadUntil("\r\n\r\n");
    const size_t at = out.find("Content-Length: ");
    size_t left = at == std::string::npos ? 0 : std::stoul(out.substr(at + 16));
    while (received_.size() < left && ReadSome()) {
    }
    left = std::min(left, received_.size());
    out += received_.substr(0, left);
    received_.erase(0, left);
    return out;
  }

  bool closed() const { return closed_; }

 private:
  bool ReadSome() {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(patience_.count())) <= 0) return false;
    char chunk[4096];
    const ssize_t size = ::recv(socket_, chunk, sizeof chunk, 0);
    closed_ = size <= 0;
    if (!closed_) received_.append(chunk, static_cast<size_t>(size));
    return !closed_;
  }

  const std::chrono::milliseconds patience_;
  const int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace common::testing
