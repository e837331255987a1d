#include "libs/common/ratelimit/leases.h"

#include <algorithm>

namespace common::ratelimit {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

// No more than a tenth of a second of calls, and never most of a small bucket.
int WantMax(const Rate& rate) {
  return std::max(1, std::min(rate.per_second / 10, rate.burst / 4));
}

}  // namespace

Leases::Leases(Rate rate) : want_max_(WantMax(rate)) {}

Verdict Leases::Judge(const Uuid& account, TimePoint now) {
  const auto found = leases_.find(account);
  if (found == leases_.end()) return {.action = Verdict::Action::kAsk, .want = 1};
  Lease& lease = found->second;
  if (now < lease.blocked) {
    return {.action = Verdict::Action::kRefuse,
            .retry_after = duration_cast<microseconds>(lease.blocked - now)};
  }
  if (now >= lease.ends) lease = {};
  if (lease.tokens > 0) {
    --lease.tokens;
    return {};
  }
  // Who used up the last batch within its life gets a larger one.
  return {.action = Verdict::Action::kAsk, .want = std::clamp(2 * lease.last_want, 1, want_max_)};
}

Verdict Leases::Settle(const Uuid& account, TimePoint now, int granted, microseconds retry_after) {
  if (!leases_.contains(account)) MakeRoom(now);
  Lease& lease = leases_[account];
  lease.ends = now + kLife;
  if (granted < 1) {
    lease.blocked = now + retry_after;
    lease.ends = std::max(lease.ends, lease.blocked);
    return {.action = Verdict::Action::kRefuse, .retry_after = retry_after};
  }
  lease.last_want = granted;
  lease.tokens += granted - 1;
  return {};
}

void Leases::MakeRoom(TimePoint now) {
  if (leases_.size() < kMaxAccounts) return;
  std::erase_if(leases_, [now](const auto& entry) { return now >= entry.second.ends; });
  // A flood of accounts: what is forgotten costs a round trip and at most a few tokens.
  if (leases_.size() >= kMaxAccounts) leases_.clear();
}

}  // namespace common::ratelimit
