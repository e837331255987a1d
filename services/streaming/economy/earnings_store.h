// What an ended session brings in, in the transaction that puts it into its streamer's career.
#pragma once
#include <absl/status/statusor.h>

#include "libs/common/metrics/metrics.h"
#include "libs/common/mysql/transaction.h"
#include "services/streaming/careers/career_store.h"
#include "services/streaming/economy/sponsorship_store.h"
#include "services/streaming/economy/tip_ledger_store.h"
#include "services/streaming/economy/tips.h"

namespace streaming::economy {

class Earnings {
 public:
  // `metrics` outlives it.
  Earnings(const TipRates& rates, common::metrics::Registry& metrics);

  // A careers::CareerStore::Beside: the tips of the session's engagement, and its progress toward
  // the deal that it names, with the payment when that is complete.
  absl::StatusOr<News> Add(common::mysql::Transaction& transaction,
                           const careers::AppliedSession& session) const;

 private:
  // Counts the session toward its deal. The payment's entry; nullopt when there is none to make.
  absl::StatusOr<std::optional<Entry>> CountToward(common::mysql::Transaction& transaction,
                                                   const careers::AppliedSession& session,
                                                   News& news) const;

  const TipRates rates_;
  common::metrics::Counter& by_engagement_;
  common::metrics::Counter& by_sponsorship_;
  common::metrics::Counter& completed_;
};

}  // namespace streaming::economy
