#include "libs/common/ratelimit/leases.h"

#include <gtest/gtest.h>

namespace common::ratelimit {
namespace {

using Action = Verdict::Action;
using std::chrono::milliseconds;

const Uuid kAccount = Uuid::FromRandomBits(1, 2);

TimePoint At(int ms) { return TimePoint{} + std::chrono::hours(1) + milliseconds(ms); }

TEST(Leases, AsksForMoreTheOftenerAnAccountCallsAndUsesWhatItGot) {
  Leases leases({.per_second = 100, .burst = 40});
  int admitted = 0;
  std::vector<int> wants;
  for (int i = 0; i < 50; ++i) {
    Verdict verdict = leases.Judge(kAccount, At(i));
    if (verdict.action == Action::kAsk) {
      wants.push_back(verdict.want);
      verdict = leases.Settle(kAccount, At(i), verdict.want, {});
    }
    admitted += verdict.action == Action::kAdmit;
  }
  EXPECT_EQ(admitted, 50);
  EXPECT_EQ(wants, (std::vector<int>{1, 2, 4, 8, 10, 10, 10, 10}));
}

TEST(Leases, AnAccountThatCallsSeldomTakesOneToken) {
  Leases leases({.per_second = 100, .burst = 40});
  for (int second = 0; second < 5; ++second) {
    const Verdict verdict = leases.Judge(kAccount, At(second * 2000));
    EXPECT_EQ(verdict.want, 1);
    leases.Settle(kAccount, At(second * 2000), verdict.want, {});
  }
}

TEST(Leases, TokensThatWereNotUsedAreGivenUp) {
  Leases leases({.per_second = 100, .burst = 40});
  leases.Settle(kAccount, At(0), 10, {});
  EXPECT_EQ(leases.Judge(kAccount, At(999)).action, Action::kAdmit);
  EXPECT_EQ(leases.Judge(kAccount, At(1000)).action, Action::kAsk);
}

TEST(Leases, AnEmptyBucketRefusesUntilItHasATokenAgain) {
  Leases leases({.per_second = 1, .burst = 1});
  const Verdict refused = leases.Settle(kAccount, At(0), 0, milliseconds(1500));
  EXPECT_EQ(refused.action, Action::kRefuse);
  EXPECT_EQ(refused.retry_after, milliseconds(1500));
  const Verdict again = leases.Judge(kAccount, At(1100));
  EXPECT_EQ(again.action, Action::kRefuse);
  EXPECT_EQ(again.retry_after, milliseconds(400));
  EXPECT_EQ(leases.Judge(kAccount, At(1500)).action, Action::kAsk);
  EXPECT_EQ(leases.Judge(Uuid(), At(1)).action, Action::kAsk) << "accounts do not share";
}

TEST(Leases, RemembersABoundedNumberOfAccounts) {
  Leases leases({.per_second = 1, .burst = 1});
  for (uint64_t i = 0; i < 3 * Leases::kMaxAccounts; ++i) {
    leases.Settle(Uuid::FromRandomBits(i, i), At(0), 1, {});
    ASSERT_LE(leases.size(), Leases::kMaxAccounts);
  }
}

}  // namespace
}  // namespace common::ratelimit
