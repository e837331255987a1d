#include "tests/platform_sim/settings.h"

#include <algorithm>

namespace platform_sim {
namespace {

struct Row {
  const char* name;
  int64_t Settings::*member;
  int64_t low;
  int64_t high;
};

constexpr int64_t kYear = 365 * 24 * 3600;

constexpr Row kRows[] = {
    {"user_token_seconds", &Settings::user_token_seconds, 1, kYear},
    {"app_token_seconds", &Settings::app_token_seconds, 1, kYear},
    {"google_token_seconds", &Settings::google_token_seconds, 1, kYear},
    {"google_refresh_token_seconds", &Settings::google_refresh_token_seconds, 0, kYear},
    {"subscription_page_size", &Settings::subscription_page_size, 1, 100},
    {"max_total_cost", &Settings::max_total_cost, 0, 100'000},
    {"youtube_daily_quota", &Settings::youtube_daily_quota, 0, 1'000'000'000},
    {"chat_polling_millis", &Settings::chat_polling_millis, 0, 60'000},
    {"hub_max_lease_seconds", &Settings::hub_max_lease_seconds, 1, kYear},
};

const Row* FindRow(const std::string& name) {
  const auto* const found = std::find_if(std::begin(kRows), std::end(kRows),
                                         [&](const Row& row) { return row.name == name; });
  return found == std::end(kRows) ? nullptr : found;
}

}  // namespace

bool Change(Settings& settings, const Json& changes) {
  Settings changed = settings;
  for (const auto& [name, value] : changes.items()) {
    const Row* const row = FindRow(name);
    if (row == nullptr || !value.is_number_integer()) return false;
    const auto number = value.get<int64_t>();
    if (number < row->low || number > row->high) return false;
    changed.*row->member = number;
  }
  settings = changed;
  return true;
}

Json ToJson(const Settings& settings) {
  Json json = Json::object();
  for (const Row& row : kRows) json[row.name] = settings.*row.member;
  return json;
}

}  // namespace platform_sim
