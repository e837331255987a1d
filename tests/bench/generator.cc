#include "tests/bench/generator.h"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/common/base/time.h"
#include "libs/common/base/uuid.h"
#include "tests/platform_sim/crowd.h"
#include "tests/platform_sim/envelopes.h"
#include "tests/platform_sim/events.h"

namespace bench {
namespace {

using platform_sim::CrowdLine;
using platform_sim::Mood;

std::vector<CrowdLine> Lines() {
  std::vector<CrowdLine> lines;
  for (const Mood mood : {Mood::kCalm, Mood::kHype, Mood::kBored, Mood::kHostile}) {
    const auto some = platform_sim::WriteCrowd(
        {.chatters = 2'000, .messages_per_second = 1'000, .seconds = 5, .mood = mood});
    lines.insert(lines.end(), some.begin(), some.end());
  }
  return lines;
}

platform_sim::Subscription ChatSubscription(const Listener& listener) {
  platform_sim::Subscription subscription;
  subscription.id = common::Uuid::V4().ToString();
  subscription.status = "enabled";
  subscription.type = "channel.chat.message";
  subscription.version = "1";
  subscription.condition = {{"broadcaster_user_id", listener.broadcaster.id},
                            {"user_id", listener.broadcaster.id}};
  subscription.callback = "https://stream.example.net" + listener.path;
  subscription.secret = listener.secret;
  subscription.created_at = common::FormatTime(common::Now());
  return subscription;
}

std::string ToRequest(const std::string& path, const common::http::Headers& headers,
                      const std::string& body) {
  std::string request = "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  return request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// One connection that sends a request and reads its answer.
class Connection {
 public:
  explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("nobody listens there");
    }
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Returns the status.
  int Ask(std::string_view request) {
    while (!request.empty()) {
      const ssize_t sent = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("a connection was closed");
      request.remove_prefix(static_cast<size_t>(sent));
    }
    received_.clear();
    while (!IsWhole()) {
      char chunk[4096];
      const ssize_t size = ::recv(socket_, chunk, sizeof chunk, 0);
      if (size <= 0) throw std::runtime_error("an answer did not come");
      received_.append(chunk, static_cast<size_t>(size));
    }
    return std::stoi(received_.substr(received_.find(' ') + 1));
  }

 private:
  // Node answers a known length, or in chunks of which the last is empty.
  bool IsWhole() const {
    const size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string_view head = std::string_view(received_).substr(0, end);
    if (head.find("ransfer-") != std::string_view::npos) return received_.ends_with("0\r\n\r\n");
    const size_t length = head.find("ontent-Length: ");
    const size_t body =
        length == std::string_view::npos ? 0 : std::stoul(received_.substr(length + 15));
    return received_.size() >= end + 4 + body;
  }

  const int socket_;
  std::string received_;
};

}  // namespace

std::vector<std::string> ChatRequests(const Listener& listener, size_t count) {
  static const std::vector<CrowdLine> lines = Lines();
  const platform_sim::Subscription subscription = ChatSubscription(listener);
  platform_sim::Envelope envelope = platform_sim::EnvelopeTo(subscription, "notification");
  envelope.timestamp = common::FormatTime(common::Now());
  std::vector<std::string> requests;
  requests.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const CrowdLine& line = lines[i % lines.size()];
    const std::string body = platform_sim::NotificationBody(
        subscription,
        platform_sim::ChatEvent(listener.broadcaster, platform_sim::CrowdChatter(line.chatter),
                                line.text, 0, common::Uuid::V4().ToString()));
    envelope.id = common::Uuid::V4().ToString();
    requests.push_back(
        ToRequest(listener.path, platform_sim::SignedHeaders(envelope, body, 0), body));
  }
  return requests;
}

std::map<int, size_t> SendAll(int port, const std::vector<std::string>& requests,
                              size_t connections) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::map<int, size_t> statuses;
  std::string failure;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < connections; ++i) {
    threads.emplace_back([&] {
      std::map<int, size_t> mine;
      try {
        Connection connection(port);
        for (size_t at = next++; at < requests.size(); at = next++) {
          ++mine[connection.Ask(requests[at])];
        }
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        failure = error.what();
      }
      const std::lock_guard lock(mutex);
      for (const auto& [status, count] : mine) statuses[status] += count;
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!failure.empty()) throw std::runtime_error(failure);
  return statuses;
}

}  // namespace bench
