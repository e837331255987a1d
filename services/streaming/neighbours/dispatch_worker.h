// Posts the commands of COMMANDS to a platform that has these services (docs/neighbours.md).
//
// One durable consumer a service, shared by all instances, with one command under way: a service
// gets its commands in the order of their stream, so a seed before its growth and a wallet before
// its money, and one that is away holds up nobody but itself. A command is acknowledged when the
// service has answered and what it answered is stored; a crash in between sends it again, with the
// same idempotency key.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/pool.h"
#include "libs/common/nats/consumer_loop.h"
#include "services/streaming/neighbours/command_client.h"

namespace streaming::neighbours {

class DispatchWorker {
 public:
  struct Options {
    std::string stream = "COMMANDS";  // that has the subjects
    CommandClient::Options client;
    // As PauseAfter.
    std::function<std::chrono::milliseconds(uint64_t, std::optional<std::chrono::seconds>)> pause =
        PauseAfter;
  };

  // Keeps the references.
  DispatchWorker(common::mysql::Pool& mysql, common::metrics::Registry& metrics, Options options);

  // UNAVAILABLE when NATS is away; may then be called again.
  absl::Status Start(common::nats::JetStream& jetstream);
  // Cuts off the calls under way: their commands come again.
  void Stop();

 private:
  // A service, and the command that it last failed over: it is the only one under way.
  struct Service {
    std::unique_ptr<common::nats::ConsumerLoop> loop;
    common::metrics::Gauge* oldest = nullptr;
    uint64_t failing = 0;  // sequence in the stream
    uint32_t failures = 0;
  };

  absl::Status Dispatch(Service& service, common::nats::Message& message);
  // Under their id, and learns it. Errors: the database's.
  absl::StatusOr<Answer> Send(google::protobuf::Message& command);
  absl::Status Retry(Service& service, common::nats::Message& message,
                     std::optional<std::chrono::seconds> asked);
  absl::Status Refuse(Service& service, common::nats::Message& message, int status);
  void Count(std::string_view subject, const char* result);

  common::mysql::Pool& mysql_;
  const Options options_;
  CommandClient client_;
  std::map<std::pair<std::string, std::string>, common::metrics::Counter*, std::less<>> sent_;
  std::vector<Service> services_;
};

}  // namespace streaming::neighbours
