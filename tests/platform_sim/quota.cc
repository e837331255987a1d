#include "tests/platform_sim/quota.h"

namespace platform_sim {

bool Quota::Spend(const std::string& client_id, int64_t units, int64_t limit, common::Time now) {
  constexpr std::chrono::hours kBehindUtc{8};
  constexpr std::chrono::hours kDay{24};
  const int64_t day = (now.time_since_epoch() - kBehindUtc) / kDay;
  Spent& spent = spent_[client_id];
  if (spent.day != day) spent = {.day = day};
  if (spent.units + units > limit) return false;
  spent.units += units;
  return true;
}

Json Quota::ToJson() const {
  Json json = Json::object();
  for (const auto& [client_id, spent] : spent_) json[client_id] = spent.units;
  return json;
}

}  // namespace platform_sim
