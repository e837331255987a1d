// A daemon's way to NATS over a restart of the server.
#include <gtest/gtest.h>

#include "libs/common/outbox/bus.h"
#include "libs/common/testing/eventually.h"
#include "libs/common/testing/servers.h"

namespace common::outbox {
namespace {

using testing::Eventually;
using testing::SharedMariaDb;

mysql::Options FreshDatabase() {
  return {.port = SharedMariaDb().port(),
          .user = SharedMariaDb().user(),
          .password = config::Secret(SharedMariaDb().password()),
          .database = SharedMariaDb().CreateDatabase()};
}

TEST(Bus, DeclaresStreamsInMemoryAgainAfterARestart) {
  testing::NatsServer server;
  metrics::Registry metrics;
  mysql::Pool mysql(FreshDatabase());
  Bus bus(mysql, {.url = server.url()},
          {{.name = "NEWS", .subjects = {"news.>"}, .storage = nats::StreamSpec::Storage::kMemory}},
          metrics);
  const Event event{
      .event_id = Uuid::V4(), .subject = "news.x", .message_type = "x", .payload = "y"};
  EXPECT_TRUE(absl::IsUnavailable(bus.Publish(event)));
  ASSERT_TRUE(bus.Start().ok());
  ASSERT_TRUE(bus.Publish(event).ok());

  server.Stop();
  EXPECT_TRUE(Eventually([&] { return absl::IsUnavailable(bus.Probe()); }));
  server.Start();
  // A probe right after the reconnect may come before nats.c has counted it; the next one does not.
  EXPECT_TRUE(Eventually([&] { return bus.Probe().ok() && bus.Publish(event).ok(); }));
  EXPECT_NE(metrics.Text().find("\nnats_connected 1\n"), std::string::npos);
  EXPECT_NE(metrics.Text().find("\nnats_reconnects_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace common::outbox
