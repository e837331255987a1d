#include "libs/common/http/metrics.h"

#include "libs/common/base/time.h"

namespace common::http {
namespace {

constexpr std::string_view kUnmatched = "unmatched";

}  // namespace

ServerMetrics::ServerMetrics(metrics::Registry& registry) : registry_(registry) {
  // So that the metrics are there before the first request.
  RequestsOf(Find(kUnmatched), kUnmatched, 404);
}

void ServerMetrics::Observe(const Served& served) {
  const std::string_view name = served.route.empty() ? kUnmatched : served.route;
  const std::lock_guard lock(mutex_);
  Route& route = Find(name);
  RequestsOf(route, name, served.status).Increment();
  route.seconds->Observe(ToSeconds(served.duration));
}

metrics::Gauge& ServerMetrics::Connections(const char* listener) {
  return registry_.GetGauge("http_server_connections", "Connections that are open, by listener.",
                            {{"listener", listener}});
}

metrics::Counter& ServerMetrics::RequestsOf(Route& route, std::string_view name, int status) {
  metrics::Counter*& counter = route.requests[status];
  if (counter == nullptr) {
    counter = &registry_.GetCounter(
        "http_server_requests_total", "HTTP requests answered, by route and status.",
        {{"route", std::string(name)}, {"status", std::to_string(status)}});
  }
  return *counter;
}

ServerMetrics::Route& ServerMetrics::Find(std::string_view name) {
  const auto known = routes_.find(name);
  if (known != routes_.end()) return known->second;
  Route& route = routes_[std::string(name)];
  route.seconds = &registry_.GetTimer(
      "http_server_request_seconds", "From the end of a request's header to the end of its answer.",
      {{"route", std::string(name)}});
  return route;
}

}  // namespace common::http
