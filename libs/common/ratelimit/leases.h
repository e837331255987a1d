// An instance's share of the accounts' token buckets: it takes tokens from the shared bucket in
// small batches, so that an account that calls often costs a round trip only now and then, and one
// that calls seldom takes no more than it uses. No I/O and no clock.
#pragma once
#include <chrono>
#include <unordered_map>

#include "libs/common/base/deadline.h"
#include "libs/common/base/uuid.h"

namespace common::ratelimit {

struct Rate {
  int per_second = 0;  // calls that an account may make in the long run, at least 1
  int burst = 0;       // calls that it may make at once after a pause, at least 1
};

// What to do with a call.
struct Verdict {
  enum class Action { kAdmit, kRefuse, kAsk } action = Action::kAdmit;
  int want = 0;                              // kAsk: tokens to take from the shared bucket
  std::chrono::microseconds retry_after{0};  // kRefuse
};

// For one thread at a time.
class Leases {
 public:
  static constexpr size_t kMaxAccounts = 65'536;
  // Tokens that were taken and not used by then are given up, so that no pile of them adds to a
  // later burst.
  static constexpr std::chrono::milliseconds kLife{1000};

  explicit Leases(Rate rate);

  // Uses up one of the account's tokens, or says what else to do.
  Verdict Judge(const Uuid& account, TimePoint now);
  // The shared bucket's answer to a Verdict of kAsk: admits the call that asked, or refuses it and
  // whatever comes before `retry_after` has passed.
  Verdict Settle(const Uuid& account, TimePoint now, int granted,
                 std::chrono::microseconds retry_after);

  size_t size() const { return leases_.size(); }

 private:
  struct Lease {
    int tokens = 0;
    int last_want = 0;
    TimePoint ends{};     // of the tokens, and of what is remembered
    TimePoint blocked{};  // the bucket is known to be empty until then
  };
  void MakeRoom(TimePoint now);

  const int want_max_;
  std::unordered_map<Uuid, Lease> leases_;
};

}  // namespace common::ratelimit
