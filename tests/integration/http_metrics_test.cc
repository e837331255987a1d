// What an HTTP server tells of its requests, and the trace that each of them runs in.
#include <atomic>
#include <set>

#include <gtest/gtest.h>

#include "libs/common/executor/executor.h"
#include "libs/common/http/client.h"
#include "libs/common/http/metrics.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/samples.h"
#include "libs/common/trace/trace.h"

namespace common::http {
namespace {

using common::testing::Eventually;
using common::testing::SampleOf;

TEST(HttpMetrics, RequestsAreCountedByRouteAndRunInTracesOfTheirOwn) {
  metrics::Registry registry;
  ServerMetrics metrics(registry);
  executor::Executor executor(1, 10);
  std::mutex mutex;
  std::set<std::string> traces;
  const auto note_trace = [&](const Request&) {
    const std::lock_guard lock(mutex);
    if (trace::Current() != nullptr) traces.insert(trace::Current()->TraceIdHex());
    return TextResponse(200, "");
  };
  const auto server = *Server::Start(
      {.executor = [&](auto task) { return executor.TrySubmit(std::move(task)); },
       .observe = [&](const Served& served) { metrics.Observe(served); }},
      {{.method = "GET", .pattern = "/things/{id}", .handler = note_trace},
       {.method = "GET", .pattern = "/inline", .handler = note_trace, .run_inline = true}});
  const std::string url = "http://127.0.0.1:" + std::to_string(server->port());
  const std::string foreign = trace::NewRoot().ToTraceparent();
  Client client;
  for (const char* path : {"/things/7", "/things/8", "/inline", "/absent/9"}) {
    ASSERT_TRUE(client.Send({.url = url + path, .headers = {{"traceparent", foreign}}}).ok());
  }
  EXPECT_EQ(server->connections(), 1u);

  const auto sample = [&](const char* series) { return SampleOf(registry.Text(), series); };
  // Observed after the answer was sent.
  EXPECT_TRUE(Eventually([&] {
    return sample("http_server_requests_total{route=\"unmatched\",status=\"404\"}") == 1;
  }));
  EXPECT_EQ(sample("http_server_requests_total{route=\"/things/{id}\",status=\"200\"}"), 2);
  EXPECT_EQ(sample("http_server_request_seconds_count{route=\"/things/{id}\"}"), 2);
  EXPECT_EQ(sample("http_server_request_seconds_count{route=\"/inline\"}"), 1);
  EXPECT_EQ(traces.size(), 3u);
  EXPECT_FALSE(traces.contains(trace::Parse(foreign)->ToTraceparent().substr(3, 32)));
  EXPECT_EQ(client.stats().open, 1u);
  EXPECT_EQ(client.stats().in_use, 0u);
}

}  // namespace
}  // namespace common::http
