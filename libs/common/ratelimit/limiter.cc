#include "libs/common/ratelimit/limiter.h"

#include "embedded/common/ratelimit/functions.h"
#include "libs/common/base/status.h"
#include "libs/common/errors/errors.h"
#include "libs/common/redis/library.h"

namespace common::ratelimit {
namespace {

// String: when the account's bucket will be full again (rate_limit.lua). Ends when it is full.
std::string BucketKey(const std::string& name, const Uuid& account) {
  return name + ":{" + account.ToString() + "}:rate";
}

}  // namespace

Limiter::Limiter(std::string name, Rate rate, redis::Redis& redis, metrics::Registry& metrics)
    : name_(std::move(name)),
      rate_(rate),
      functions_(redis, redis::Stamped(functions::Files().front().content)),
      refused_(metrics.GetCounter("rate_limit_refused_total",
                                  "Calls refused because their account makes too many.")),
      unlimited_(metrics.GetCounter("rate_limit_unlimited_total",
                                    "Calls that passed because Redis could not be asked.")),
      leases_(rate) {}

absl::Status Limiter::Admit(const Uuid& account) {
  Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = leases_.Judge(account, std::chrono::steady_clock::now());
  }
  if (verdict.action == Verdict::Action::kAsk) {
    const auto answer = Ask(account, verdict.want);
    if (!answer.ok()) {
      unlimited_.Increment();
      return absl::OkStatus();
    }
    verdict = *answer;
  }
  if (verdict.action == Verdict::Action::kAdmit) return absl::OkStatus();
  refused_.Increment();
  return errors::MakeRetryable(errors::kRateLimited, "the account makes too many calls",
                               verdict.retry_after);
}

absl::StatusOr<Verdict> Limiter::Ask(const Uuid& account, int want) {
  ASSIGN_OR_RETURN(const redis::Reply reply,
                   functions_.Call("rate_limit_v1_take", {BucketKey(name_, account)},
                                   {std::to_string(1'000'000 / rate_.per_second),
                                    std::to_string(rate_.burst), std::to_string(want)}));
  if (!reply.is_array() || reply.size() != 2) return absl::InternalError("no verdict");
  const std::lock_guard lock(mutex_);
  return leases_.Settle(account, std::chrono::steady_clock::now(),
                        static_cast<int>(reply[0].integer()),
                        std::chrono::microseconds(reply[1].integer()));
}

}  // namespace common::ratelimit
