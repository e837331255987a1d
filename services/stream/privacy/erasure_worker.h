// Erases accounts that were deleted elsewhere: `account.deleted`.
//
// The message is acknowledged when nothing of the account is left, so that a crash anywhere goes on
// with its next delivery.
#pragma once
#include "libs/common/nats/consumer_loop.h"
#include "services/stream/privacy/erasure_store.h"

namespace stream::privacy {

class ErasureWorker {
 public:
  struct Parts {
    ErasureStore& accounts;
    std::function<void()> on_erased;  // told after links and sessions began to go
  };
  // `stream` is the JetStream stream that has the subject.
  ErasureWorker(std::string stream, Parts parts, common::metrics::Registry& metrics);

  absl::Status Start(common::nats::JetStream& jetstream) { return consumer_.Start(jetstream); }
  void Stop() { consumer_.Stop(); }

 private:
  absl::Status Process(common::nats::Message& message);
  // Whether nothing is left.
  absl::StatusOr<bool> Erase(const common::Uuid& account);

  const Parts parts_;
  common::metrics::Counter& erased_;
  common::nats::ConsumerLoop consumer_;
};

}  // namespace stream::privacy
