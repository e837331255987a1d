// The life of a daemon. The daemon's Bind builds its parts into an App; the App starts them, keeps
// watching what they depend on, and takes them down in the right order.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>

#include "libs/common/executor/executor.h"
#include "libs/common/http/metrics.h"
#include "libs/common/http/server.h"
#include "libs/common/metrics/metrics.h"
#include "libs/common/rpc/edge.h"
#include "libs/common/rpc/server.h"
#include "libs/common/rpc/service.h"
#include "libs/common/runtime/auth.h"
#include "libs/common/runtime/settings.h"

namespace common::runtime {

class App {
 public:
  App(std::string name, const ServerSettings& settings);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  const std::string& name() const { return name_; }
  const ServerSettings& settings() const { return settings_; }
  metrics::Registry& metrics() { return metrics_; }
  rpc::Edge& edge() { return edge_; }
  executor::Executor& executor() { return executor_; }

  // --- For Bind. -----------------------------------------------------------------------------
  // Builds a part that the app owns; parts die in the reverse order of their making.
  template <class T, class... Args>
  T& Make(Args&&... args) {
    auto part = std::make_shared<T>(std::forward<Args>(args)...);
    T& reference = *part;
    parts_.push_back(std::move(part));
    return reference;
  }
  // Builds a service class and serves it. FAILED_PRECONDITION as Service::ReadContract.
  template <class T, class... Args>
  absl::Status Serve(Args&&... args) {
    T& service = Make<T>(edge_, std::forward<Args>(args)...);
    services_.push_back(&service);
    service_names_.push_back(service.name());
    return service.ReadContract();
  }
  // Serves HTTP routes on an address of their own, beside the admin port. They answer 503 until the
  // start is done.
  void ServeHttp(const config::Address& address, std::vector<http::Route> routes);
  // Serves a route on the admin port, beside health and metrics, also while the daemon is switched
  // off: to anybody who reaches the port, or with kAdminToken to those whose bearer token has role
  // admin. Others, and who comes before the start is done, get a JSON object with `reason`, that of
  // RPCs, and `message`.
  enum class Guard { kNone, kAdminToken };
  void ServeAdmin(http::Route route, Guard guard);
  // A step between listening and being ready, in the given order: migrations, declarations,
  // workers. UNAVAILABLE is tried again until it passes; any other error ends the process.
  void OnStart(std::string name, std::function<absl::Status()> step);
  // What must stop when the daemon drains: consumers and workers before the calls in flight are
  // waited for, so that nothing new begins; what carries the results of those calls, after. Each in
  // reverse order, and only if all steps of the start had passed.
  void OnStop(std::function<void()> stop);
  void OnDrained(std::function<void()> stop);
  // A dependency without which the daemon is not ready. Asked every second; must return within 2 s.
  // CANCELLED says that only a new process can reach it again, and ends this one.
  void Watch(std::string name, std::function<absl::Status()> probe);

  // --- For Run. ------------------------------------------------------------------------------
  // Listens, starts what was bound, and serves until SIGTERM or SIGINT, which the caller has
  // blocked in every thread. Returns the process's exit code.
  int RunUntilSignal();

 private:
  struct Step {
    std::string name;
    std::function<absl::Status()> run;
  };
  struct Dependency {
    std::string name;
    std::function<absl::Status()> probe;
    bool up = false;
    metrics::Gauge* gauge = nullptr;
  };

  absl::Status Listen();
  absl::Status ListenHttp(const char* name, const config::Address& address,
                          std::vector<http::Route> routes);
  void Measure();
  std::vector<http::Route> AdminRoutes();
  http::Handler OnceOpen(http::Handler handler);
  http::Handler ForAdmins(http::Handler handler);
  absl::Status AdmitAdmin(const http::Request& request) const;
  void StartParts();
  void ProbeOnce();
  void Fail();
  void Drain();
  void Stop(const std::vector<std::function<void()>>& stops);
  executor::Loop::Outcome Tick();

  const std::string name_;
  const ServerSettings settings_;
  metrics::Registry metrics_;
  http::ServerMetrics http_metrics_;
  executor::Executor executor_;
  Auth auth_;
  rpc::Edge edge_;

  std::vector<std::shared_ptr<void>> parts_;
  std::vector<grpc::Service*> services_;
  std::vector<std::string> service_names_;
  std::vector<Step> steps_;
  std::vector<std::function<void()>> stops_;
  std::vector<std::function<void()>> drained_;
  std::vector<Dependency> dependencies_;
  std::vector<std::pair<config::Address, std::vector<http::Route>>> http_routes_;
  std::vector<http::Route> admin_routes_;

  std::atomic<bool> stopping_{false};
  std::atomic<bool> open_{false};  // every step of the start has passed
  std::atomic<bool> ready_{false};
  std::atomic<bool> failed_{false};
  size_t started_steps_ = 0;
  std::chrono::milliseconds retry_pause_{0};
  std::unique_ptr<rpc::Server> grpc_;
  std::vector<std::unique_ptr<http::Server>> http_;
  executor::Loop loop_;
};

}  // namespace common::runtime
