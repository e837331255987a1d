#include "libs/common/runtime/app.h"

#include <nlohmann/json.hpp>
#include <signal.h>
#include <unistd.h>

#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/log/log.h"
#include "libs/common/metrics/process.h"
#include "libs/common/rpc/bearer.h"
#include "libs/common/rpc/refusal.h"
#include "libs/common/runtime/version.h"

namespace common::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeInterval{1000};
constexpr milliseconds kRetryFirst{50};
constexpr milliseconds kRetryMax{2000};
constexpr milliseconds kStreamsGrace{200};
constexpr const char* kPublicListener = "public";
constexpr const char* kAdminListener = "admin";

}  // namespace

App::App(std::string name, const ServerSettings& settings)
    : name_(std::move(name)),
      settings_(settings),
      http_metrics_(metrics_),
      executor_(static_cast<size_t>(settings.threads), static_cast<size_t>(settings.queue_max)),
      auth_(settings, metrics_),
      edge_({.domain = name_,
             .enabled = settings.enabled,
             .insecure = settings.auth_mode == "insecure",
             .deadline_max = settings.deadline_max},
            auth_.verifier(), executor_, metrics_),
      loop_("app", metrics_, [this] { return Tick(); }) {
  Measure();
}

void App::Measure() {
  metrics::WatchProcess(metrics_);
  metrics_
      .GetGauge("build_info", "1; the label tells the running version.",
                {{"version", BANNOU_VERSION}})
      .Set(1);
  http_metrics_.Connections(kAdminListener);
  metrics_.GetGauge("executor_queue_limit", "Calls that may wait for a thread.")
      .Set(static_cast<double>(executor_.queue_max()));
  metrics_.GetGauge("executor_threads", "Threads that run calls.")
      .Set(static_cast<double>(executor_.threads()));
  auto& depth = metrics_.GetGauge("executor_queue_depth", "Calls that wait for a thread.");
  auto& busy = metrics_.GetGauge("executor_threads_busy", "Threads that run a call now.");
  auto& refused = metrics_.GetCounter("executor_refused_total",
                                      "Calls and requests refused because the queue was full.");
  metrics_.OnScrape([this, &depth, &busy, &refused] {
    const executor::Executor::Stats stats = executor_.stats();
    depth.Set(static_cast<double>(stats.queued));
    busy.Set(static_cast<double>(stats.busy));
    metrics::RaiseTo(refused, stats.refused);
  });
}

App::~App() {
  // Nobody may call the parts any more. Parts may use those made before them.
  loop_.Stop();
  http_.clear();
  grpc_ = nullptr;
  executor_.Stop();
  while (!parts_.empty()) parts_.pop_back();
}

void App::ServeHttp(const config::Address& address, std::vector<http::Route> routes) {
  http_routes_.emplace_back(address, std::move(routes));
}
void App::ServeAdmin(http::Route route, Guard guard) {
  if (guard == Guard::kAdminToken) route.handler = ForAdmins(std::move(route.handler));
  admin_routes_.push_back(std::move(route));
}
void App::OnStart(std::string name, std::function<absl::Status()> step) {
  steps_.push_back({std::move(name), std::move(step)});
}
void App::OnStop(std::function<void()> stop) { stops_.push_back(std::move(stop)); }
void App::OnDrained(std::function<void()> stop) { drained_.push_back(std::move(stop)); }
void App::Watch(std::string name, std::function<absl::Status()> probe) {
  auto& gauge = metrics_.GetGauge("dependency_up", "Whether a dependency answered its last probe.",
                                  {{"dependency", name}});
  dependencies_.push_back({std::move(name), std::move(probe), false, &gauge});
}

int App::RunUntilSignal() {
  if (const auto status = Listen(); !status.ok()) {
    log::Error("start.failed", {{"problem", ToStd(status.message())}});
    return 1;
  }
  loop_.Start();

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal does not wait for the drain.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  Drain();
  return failed_ ? 1 : 0;
}

absl::Status App::Listen() {
  ASSIGN_OR_RETURN(
      grpc_, rpc::Server::Start({.address = settings_.grpc_addr.ToString(),
                                 .reflection = settings_.reflection,
                                 .tls = {settings_.grpc_tls_cert_file, settings_.grpc_tls_key_file,
                                         settings_.grpc_tls_client_ca_file}},
                                services_, service_names_));
  for (auto& [address, routes] : http_routes_) {
    for (http::Route& route : routes) {
      route.handler = OnceOpen(std::move(route.handler));
      if (!route.quick) continue;
      route.quick = [this, quick = std::move(route.quick)](const http::Request& request) {
        return open_ ? quick(request) : std::nullopt;
      };
    }
    RETURN_IF_ERROR(ListenHttp(kPublicListener, address, std::move(routes)));
  }
  // Last: a scrape asks the other servers.
  RETURN_IF_ERROR(ListenHttp(kAdminListener, settings_.admin_addr, AdminRoutes()));
  log::Info("grpc.listening", {{"host", settings_.grpc_addr.host}, {"port", grpc_->port()}});
  log::Info("started", {{"version", BANNOU_VERSION},
                        {"pid", static_cast<int64_t>(getpid())},
                        {"enabled", settings_.enabled}});
  return absl::OkStatus();
}

absl::Status App::ListenHttp(const char* name, const config::Address& address,
                             std::vector<http::Route> routes) {
  http::ServerOptions options;
  options.address = address.host;
  options.port = static_cast<uint16_t>(address.port);
  options.executor = [this](std::function<void()> task) {
    return executor_.TrySubmit(std::move(task));
  };
  options.observe = [this](const http::Served& served) { http_metrics_.Observe(served); };
  ASSIGN_OR_RETURN(auto server, http::Server::Start(options, std::move(routes)));
  log::Info("http.listening", {{"host", address.host}, {"port", int64_t{server->port()}}});
  metrics_.OnScrape([&open = http_metrics_.Connections(name), &running = *server] {
    open.Set(static_cast<double>(running.connections()));
  });
  http_.push_back(std::move(server));
  return absl::OkStatus();
}

// Nothing reaches the parts before they are started; a disabled daemon never starts them.
http::Handler App::OnceOpen(http::Handler handler) {
  return [this, handler = std::move(handler)](const http::Request& request) {
    return open_ ? handler(request) : http::ErrorResponse(503);
  };
}

http::Handler App::ForAdmins(http::Handler handler) {
  return [this, handler = std::move(handler)](const http::Request& request) {
    const absl::Status admitted = AdmitAdmin(request);
    return admitted.ok() ? handler(request) : rpc::RefusalOf(admitted);
  };
}

// In the order of the edge of RPCs.
absl::Status App::AdmitAdmin(const http::Request& request) const {
  if (!settings_.enabled) {
    return errors::Make(errors::kServiceDisabled, "the service is switched off");
  }
  if (!open_) {
    return errors::Make(errors::kUnavailable, "the daemon is starting");
  }
  if (settings_.auth_mode == "insecure") return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const rpc::Identity identity,
      rpc::Authenticate(request.Header("authorization").value_or(""), auth_.verifier(), Now()));
  if (!identity.Satisfies(bannou::common::v1::ROLE_ADMIN)) {
    return errors::Make(errors::kPermissionDenied, "this is for role admin");
  }
  return absl::OkStatus();
}

std::vector<http::Route> App::AdminRoutes() {
  const auto healthz = [](const http::Request&) { return http::TextResponse(200, "ok\n"); };
  const auto readyz = [this](const http::Request&) {
    return ready_ ? http::TextResponse(200, "ready\n") : http::TextResponse(503, "not ready\n");
  };
  const auto metrics = [this](const http::Request&) {
    http::Response response = http::TextResponse(200, metrics_.Text());
    response.headers = {{"Content-Type", "text/plain; version=0.0.4"}};
    return response;
  };
  std::vector<http::Route> routes = std::move(admin_routes_);
  routes.insert(routes.end(),
                {{.method = "GET", .pattern = "/healthz", .handler = healthz, .run_inline = true},
                 {.method = "GET", .pattern = "/readyz", .handler = readyz, .run_inline = true},
                 {.method = "GET", .pattern = "/metrics", .handler = metrics, .run_inline = true}});
  return routes;
}

// The loop's step: first the start, one attempt a time, then the probes for ever.
executor::Loop::Outcome App::Tick() {
  auth_.Tick(Now());
  if (!settings_.enabled || failed_ || stopping_) return {kProbeInterval};
  if (started_steps_ < steps_.size()) {
    StartParts();
    if (started_steps_ < steps_.size()) return {retry_pause_};
    edge_.Open();
    open_ = true;
  }
  ProbeOnce();
  return {kProbeInterval};
}

void App::StartParts() {
  while (started_steps_ < steps_.size() && !stopping_) {
    const Step& step = steps_[started_steps_];
    const absl::Status status = step.run();
    if (status.ok()) {
      ++started_steps_;
      retry_pause_ = milliseconds{0};
      continue;
    }
    if (!absl::IsUnavailable(status)) {
      log::Error("start.failed", {{"step", step.name}, {"problem", ToStd(status.message())}});
      return Fail();
    }
    if (retry_pause_.count() == 0) {
      log::Warning("start.waiting", {{"step", step.name}, {"problem", ToStd(status.message())}});
    }
    retry_pause_ = std::min(std::max(retry_pause_ * 2, kRetryFirst), kRetryMax);
    return;
  }
}

void App::Fail() {
  failed_ = true;
  retry_pause_ = kRetryMax;
  kill(getpid(), SIGTERM);
}

void App::ProbeOnce() {
  bool all_up = true;
  for (Dependency& dependency : dependencies_) {
    const absl::Status status = dependency.probe();
    if (status.ok() != dependency.up) {
      // Transitions only: an outage is two lines, not one a second.
      log::Write(status.ok() ? log::Level::kInfo : log::Level::kWarning,
                 status.ok() ? "dependency.up" : "dependency.down",
                 {{"dependency", dependency.name}, {"problem", ToStd(status.message())}});
    }
    dependency.up = status.ok();
    dependency.gauge->Set(status.ok() ? 1 : 0);
    all_up &= status.ok();
    if (absl::IsCancelled(status)) {
      log::Error("dependency.lost",
                 {{"dependency", dependency.name}, {"problem", ToStd(status.message())}});
      Fail();
    }
  }
  if (all_up == ready_ || stopping_) return;
  ready_ = all_up;
  grpc_->SetServing(all_up);
  log::Info(all_up ? "ready" : "not_ready");
}

// New calls are refused and those in flight are waited for before gRPC's own shutdown begins: that
// one cancels whatever reaches it without a word.
void App::Drain() {
  log::Info("draining");
  stopping_ = true;
  ready_ = false;
  grpc_->SetServing(false);
  std::this_thread::sleep_for(settings_.drain_delay);
  loop_.Stop();
  Stop(stops_);
  const auto until = std::chrono::steady_clock::now() + settings_.drain_grace;
  const bool answered = edge_.Drain(settings_.drain_grace);
  const auto left = [until] {
    return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(
                                         until - std::chrono::steady_clock::now()));
  };
  bool complete = answered;
  for (auto& server : http_) complete &= server->Stop(left());
  // What is still open are streams of gRPC's own, health and reflection, and calls out of grace.
  grpc_->Stop(kStreamsGrace);
  executor_.Stop();
  Stop(drained_);
  log::Info("stopped", {{"all_answered", complete}});
  log::Flush();
}

void App::Stop(const std::vector<std::function<void()>>& stops) {
  if (started_steps_ < steps_.size()) return;
  for (auto stop = stops.rbegin(); stop != stops.rend(); ++stop) (*stop)();
}

}  // namespace common::runtime
