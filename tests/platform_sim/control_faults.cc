// The control API of PlatformSim: what goes wrong on demand, settings, and what can be seen.
#include <algorithm>
#include <utility>

#include "tests/platform_sim/control.h"
#include "tests/platform_sim/json.h"
#include "tests/platform_sim/sim.h"

namespace platform_sim {

using common::http::Request;
using common::http::Response;

namespace {

constexpr int64_t kMaxHangMillis = 60'000;
constexpr int64_t kMaxSkewSeconds = 30 * 24 * 3600;

}  // namespace

Response PlatformSim::Stats(const Request&) {
  const DeliveryStats stats = delivery_->stats();
  return Answer(200, {{"sent", stats.sent},
                      {"accepted", stats.accepted},
                      {"rejected", stats.rejected},
                      {"retried", stats.retried},
                      {"dropped", stats.dropped},
                      {"pending", stats.pending}});
}

Response PlatformSim::PutSettings(const Request& request) {
  const auto body = ParseObject(request.body);
  return body && Change(settings_, *body) ? ShowSettings(request) : Malformed();
}

Response PlatformSim::ShowSettings(const Request&) { return Answer(200, ToJson(settings_)); }

Response PlatformSim::PutRouteFault(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  RouteFault fault{
      .method = TextOf(*body, "method"),
      .route = TextOf(*body, "route"),
      .status = static_cast<int>(NumberOf(*body, "status", 0, 0, 599)),
      .reason = TextOf(*body, "reason"),
      .hang = std::chrono::milliseconds(NumberOf(*body, "hang_ms", 0, 0, kMaxHangMillis)),
      .count = NumberOf(*body, "count", 1, 0, DeliveryFaults::kMaxCount)};
  const bool known =
      std::find(faultable_.begin(), faultable_.end(), fault.route) != faultable_.end();
  const bool answers = fault.status == 0 || fault.status >= 200;
  if (!known || !answers || !route_faults_.Put(std::move(fault))) return Malformed();
  return ShowFaults(request);
}

Response PlatformSim::PutDeliveryFault(const Request& request) {
  const auto body = ParseObject(request.body);
  if (!body) return Malformed();
  const std::string of = body->contains("of") ? TextOf(*body, "of") : "eventsub";
  if (of != "eventsub" && of != "websub") return Malformed();
  DeliveryFaults& faults = of == "eventsub" ? eventsub_faults_ : websub_faults_;
  std::optional<Message> released;
  const std::chrono::seconds skew(NumberOf(*body, "seconds", 0, -kMaxSkewSeconds, kMaxSkewSeconds));
  if (!faults.Set(TextOf(*body, "fault"), NumberOf(*body, "count", 1, 0, DeliveryFaults::kMaxCount),
                  skew, released)) {
    return Malformed();
  }
  if (released) delivery_->Enqueue(*std::move(released), {});
  return ShowFaults(request);
}

Response PlatformSim::ShowFaults(const Request&) {
  return Answer(200, {{"routes", route_faults_.ToJson()},
                      {"eventsub", eventsub_faults_.ToJson()},
                      {"websub", websub_faults_.ToJson()}});
}

Response PlatformSim::ShowRequests(const Request&) { return Answer(200, counts_.ToJson()); }

Response PlatformSim::ShowQuota(const Request&) { return Answer(200, quota_.ToJson()); }

Response PlatformSim::ShowHub(const Request&) {
  return Answer(200, {{"subscriptions", hub_.ToJson(Now())}});
}

Response PlatformSim::ShowSubscriptions(const Request&) {
  return Answer(200, {{"subscriptions", subscriptions_.ToJson()}});
}

}  // namespace platform_sim
