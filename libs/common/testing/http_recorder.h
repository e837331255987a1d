// An HTTP server of a test that takes POSTs, remembers them and answers as it is told.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "libs/common/executor/executor.h"
#include "libs/common/http/server.h"

namespace common::testing {

class HttpRecorder {
 public:
  struct Received {
    std::string path;
    std::map<std::string, std::string> headers;  // by name in lower case
    std::string body;
  };
  using Answer = std::function<http::Response(const Received&)>;

  // Begins, on a free port.
  explicit HttpRecorder(std::vector<std::string> paths) : paths_(std::move(paths)) { Start(); }

  // Again on the port that it had.
  void Start() {
    std::vector<http::Route> routes;
    for (const std::string& path : paths_) {
      routes.push_back({.method = "POST",
                        .pattern = path,
                        .handler = [this](const http::Request& request) { return Take(request); },
                        .max_body_bytes = 1 << 20});
    }
    auto server = http::Server::Start(
        {.port = port_,
         .executor = [this](std::function<void()> task) { return threads_.TrySubmit(task); }},
        std::move(routes));
    if (!server.ok()) throw std::runtime_error("no HTTP server");
    server_ = *std::move(server);
    port_ = server_->port();
  }
  void Stop() { server_ = nullptr; }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // From now on, to paths that begin so; the longest such prefix counts. Otherwise 200 and {}.
  void Let(const std::string& prefix, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[prefix] = std::move(answer);
  }
  // What came so far to paths that begin so, in order.
  std::vector<Received> On(const std::string& prefix) const {
    const std::lock_guard lock(mutex_);
    std::vector<Received> result;
    for (const Received& one : received_) {
      if (one.path.starts_with(prefix)) result.push_back(one);
    }
    return result;
  }

 private:
  http::Response Take(const http::Request& request) {
    Received received = {
        .path = std::string(request.path), .headers = {}, .body = std::string(request.body)};
    for (const auto& [name, value] : request.headers) {
      std::string key(name);
      for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      received.headers.emplace(std::move(key), value);
    }
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(received);
      for (const auto& [prefix, chosen] : answers_) {
        if (received.path.starts_with(prefix)) answer = chosen;
      }
    }
    return answer ? answer(received) : http::JsonResponse(200, "{}");
  }

  const std::vector<std::string> paths_;
  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<Received> received_;
  uint16_t port_ = 0;
  executor::Executor threads_{8, 64};
  std::unique_ptr<http::Server> server_;
};

}  // namespace common::testing
