#include "services/streaming/economy/economy_worker.h"

#include <utility>

#include "libs/common/base/status.h"
#include "services/streaming/economy/request_store.h"
#include "services/streaming/economy/sponsorship_store.h"
#include "services/streaming/economy/tip_ledger_store.h"

namespace streaming::economy {

EconomyWorker::EconomyWorker(common::mysql::Pool& mysql, common::metrics::Registry& metrics,
                             Options options)
    : mysql_(mysql),
      options_(std::move(options)),
      by_followers_(EarnedCounter(metrics, TipKind::kFollowers)),
      behind_(metrics.GetGauge("streaming_tips_behind_seconds",
                               "The hours that are over and for which followers have not given.")),
      expired_(CounterOf(metrics, DealStatus::kExpired)),
      loop_("economy", metrics, [this] { return Step(); }) {}

common::executor::Loop::Outcome EconomyWorker::Step() {
  common::executor::Loop::Outcome outcome{.pause = kInterval};
  // What fails is tried again in the next pass and holds up nothing else.
  for (const absl::StatusOr<bool>& more : {PayFollowerTips(), ExpireDeals(), ForgetRequests()}) {
    outcome.status.Update(more.status());
    if (more.ok() && *more) outcome.pause = kPace;
  }
  return outcome;
}

absl::StatusOr<bool> EconomyWorker::PayFollowerTips() {
  ASSIGN_OR_RETURN(const HourPage page, PayHourPage(mysql_, options_.followers, options_.clock()));
  behind_.Set(common::ToSeconds(std::chrono::hours(page.behind)));
  if (page.tips > 0) {
    by_followers_.Increment(static_cast<double>(page.tips));
    options_.announce();
  }
  return page.more;
}

absl::StatusOr<bool> EconomyWorker::ExpireDeals() {
  ASSIGN_OR_RETURN(const int64_t expired, ExpireSponsorships(mysql_, options_.clock(), kBatch));
  expired_.Increment(static_cast<double>(expired));
  return expired >= kBatch;
}

absl::StatusOr<bool> EconomyWorker::ForgetRequests() {
  ASSIGN_OR_RETURN(const int64_t forgotten,
                   ForgetAnswers(mysql_, options_.clock() - kAnswerLife, kBatch));
  return forgotten >= kBatch;
}

}  // namespace streaming::economy
