// What HTTP servers answered, counted.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "libs/common/http/server.h"
#include "libs/common/metrics/metrics.h"

namespace common::http {

class ServerMetrics {
 public:
  // `registry` outlives this.
  explicit ServerMetrics(metrics::Registry& registry);

  // For ServerOptions::observe. Thread-safe.
  void Observe(const Served& served);

  // How many connections of a server are open; `listener` is a constant of the code.
  metrics::Gauge& Connections(const char* listener);

 private:
  struct Route {
    metrics::Histogram* seconds = nullptr;
    std::map<int, metrics::Counter*> requests;  // by status
  };
  Route& Find(std::string_view name);
  metrics::Counter& RequestsOf(Route& route, std::string_view name, int status);

  metrics::Registry& registry_;
  std::mutex mutex_;
  // What was used once is kept: a look-up by name and labels is too slow for every request. As many
  // as there are routes in the code.
  std::map<std::string, Route, std::less<>> routes_;
};

}  // namespace common::http
