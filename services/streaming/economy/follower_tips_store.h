// What followers give by the hour, and the table `tip_hour`, which says how far that has come.
#pragma once
#include <chrono>

#include <absl/status/statusor.h>

#include "libs/common/base/time.h"
#include "libs/common/mysql/pool.h"
#include "services/streaming/economy/tips.h"

namespace streaming::economy {

struct HourlyTips {
  TipRates rates;
  std::chrono::hours active{24 * 14};  // since a streamer's last session was counted
};

struct HourPage {
  int64_t tips = 0;    // given by this page
  int64_t behind = 0;  // hours, as HoursBehind
  bool more = false;   // whether another page is due now
};

// Gives one page of accounts what their followers owe for the next hour that is over and not paid.
// In one transaction, which also notes how far it has come: any number of instances take turns, and
// a crash at any point pays nobody twice and leaves out nobody. The hours before the first call
// are not owed, nor are those more than kCatchUpHours back.
inline constexpr int kHourPageMax = 100;
absl::StatusOr<HourPage> PayHourPage(common::mysql::Pool& mysql, const HourlyTips& terms,
                                     common::Time now);

}  // namespace streaming::economy
