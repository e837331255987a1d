#include "services/stream/privacy/erasure_worker.h"

#include <bannou/common/v1/inbound.pb.h>

#include "libs/common/base/status.h"
#include "libs/common/nats/inbound.h"
#include "libs/common/outbox/message.h"

namespace stream::privacy {
namespace {

using bannou::common::v1::AccountDeletedEvent;
using common::Uuid;

constexpr std::chrono::milliseconds kRetryPause{1000};

}  // namespace

ErasureWorker::ErasureWorker(std::string stream, Parts parts, common::metrics::Registry& metrics)
    : parts_(std::move(parts)),
      erased_(metrics.GetCounter("stream_accounts_erased_total", "Deleted accounts, erased here.")),
      consumer_(
          {.stream = std::move(stream),
           .durable = "stream_account_deleted",
           .filter_subject = common::outbox::SubjectOf(AccountDeletedEvent::default_instance())},
          metrics, [this](common::nats::Message& message) { return Process(message); }) {}

absl::Status ErasureWorker::Process(common::nats::Message& message) {
  AccountDeletedEvent event;
  const bool read = common::nats::ReadInbound(message.payload(), event);
  const auto account = read ? Uuid::Parse(event.account_id()) : std::nullopt;
  if (!account) return consumer_.Bury(message);
  const auto done = Erase(*account);
  if (!done.ok() || !*done) {
    const absl::Status again = message.Nak(kRetryPause);
    return done.ok() ? again : done.status();
  }
  erased_.Increment();
  return message.AckSync();
}

absl::StatusOr<bool> ErasureWorker::Erase(const Uuid& account) {
  RETURN_IF_ERROR(parts_.accounts.Erase(account, common::Now()));
  parts_.on_erased();
  // Sessions take a moment to end: their viewers are forgotten and their news is told first.
  ASSIGN_OR_RETURN(const int64_t left, parts_.accounts.EraseSessions(account));
  return left == 0;
}

}  // namespace stream::privacy
