// The numbers of the platforms that a test or a demo wants smaller than they are. Pure.
#pragma once
#include <cstdint>

#include "tests/platform_sim/json.h"

namespace platform_sim {

struct Settings {
  // Lifetimes of the tokens that are issued from now on.
  int64_t user_token_seconds = 4 * 3600;
  int64_t app_token_seconds = 58 * 24 * 3600;
  int64_t google_token_seconds = 3599;
  int64_t google_refresh_token_seconds = 0;  // 0: until revoked; else as for an app in testing

  int64_t subscription_page_size = 100;
  int64_t max_total_cost = 10'000;

  int64_t youtube_daily_quota = 10'000;  // units a client and day
  int64_t chat_polling_millis = 5'000;   // what liveChat/messages asks its callers to wait

  int64_t hub_max_lease_seconds = 828'000;  // ten days less ten hours
};

// Takes all the changes or none. False when a name is no setting's, or a value not in its range.
bool Change(Settings& settings, const Json& changes);
Json ToJson(const Settings& settings);

}  // namespace platform_sim
